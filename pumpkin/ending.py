"""How a command ends: with an exit status, and an error as one line of text."""

import os
import sys

from mrcnn.files import meant

STOPPED = 130  # the status after Ctrl-C, as shells have it


def run(command, action, errors=(), stopped="stopped."):
    """Call a command's action and return the exit status.

    action: returns the status, or None for 0. errors: types of exceptions that are printed as one line and
    end with status 1, as ValueError and OSError do. stopped: the text that is printed after Ctrl-C.
    Nothing is printed if the reader of the output has closed it, as ``| head`` does.
    """
    try:
        status = action() or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _discard_output()
    except (ValueError, OSError, *errors) as error:
        print(f"{command}: {sentence(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"\n{command}: {stopped}", file=sys.stderr)
        return STOPPED
    return 1


def sentence(error):
    """Return an error as text; one of the system as its file, under its final name, and what is wrong."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    place = error.filename if error.filename2 is None else error.filename2
    what = error.strerror[:1].lower() + error.strerror[1:]
    return f"{what}." if place is None else f"{meant(os.fsdecode(place))}: {what}."


def _discard_output():
    """Discard buffered output: Python would write it at exit and report the same error again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a file
        return
