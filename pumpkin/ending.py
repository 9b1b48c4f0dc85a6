"""How a command ends: with an exit status, and an error as one line of text."""

import os
import sys
from functools import partial

from mrcnn.screen import show
from pumpkin.interrupts import STOPPED

_FAILED = 1


def run(command, action, errors=(), status=None, stopped=(STOPPED, "stopped."), report=None):
    """Call a command's action and return the exit status.

    action: returns the status, or None for 0; it also parses the command line, since a path in it may be
    unusable. errors: types of exceptions that are printed as a line, as ValueError and OSError are. status: a
    function of such an error that returns its exit status; without it 1. stopped: the status and the text
    after Ctrl-C. report: called with each line; None prints on stderr.
    Nothing is printed if the reader of the output has closed it, as ``| head`` does; the status is then 1.
    """
    report = report or partial(show, file=sys.stderr)
    try:
        return _flushed(action)
    except BrokenPipeError:
        _discard_output()
        return _FAILED
    except (ValueError, OSError, *errors) as error:
        first, *others = lines_of(error)
        for line in (f"{command}: {first}", *others):
            report(line)
        return _FAILED if status is None else status(error)
    except KeyboardInterrupt:
        report("")  # the terminal shows ^C where the cursor is
        report(f"{command}: {stopped[1]}")
        return stopped[0]


def _flushed(action):
    """Call an action, and write what it printed, also if it ends the process, as --help does."""
    try:
        return action() or 0
    finally:
        sys.stdout.flush()


def lines_of(error):
    """Return the message of an error as lines; most have one."""
    return getattr(error, "lines", None) or [sentence(error)]


def sentence(error):
    """Return an error as text; one of the system as its file, under its final name, and what is wrong."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    from mrcnn.files import meant  # which imports YAML; --help needs none

    place = error.filename if error.filename2 is None else error.filename2
    what = error.strerror[:1].lower() + error.strerror[1:]
    return f"{what}." if place is None else f"{meant(os.fsdecode(place))}: {what}."


def _discard_output():
    """Discard buffered output: Python would write it at exit and report the same error again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a file
        return
