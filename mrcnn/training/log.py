"""Write the lines of a run to the screen and to its folder."""

import contextlib
import sys
from pathlib import Path

from mrcnn.files import Busy, lock
from mrcnn.screen import printable, show
from mrcnn.training.errors import RunError


class Log:
    """Prints lines, and keeps them until it knows their file."""

    def __init__(self):
        self._lines, self._file = [], None

    def report(self, line):
        """Print a line and add it to the log."""
        show(line)
        self._note(line)

    def error(self, line):
        """Print a line to stderr and add it to the log."""
        show(line, file=sys.stderr)
        self._note(line)

    def write_to(self, path):
        """Append all lines so far, and each later one, to a file; a second call for it does nothing.

        The file is locked while it is open. Raises RunError if another process has it.
        """
        if self._file is not None and self._file.name == str(path):
            return
        self.close()
        self._file = open(str(path), "a", encoding="utf-8")  # noqa: SIM115  (closed by tee)
        try:
            lock(self._file)
        except Busy as error:
            raise RunError(f"{Path(path).parent}: another process is training in this folder.") from error
        self._file.writelines(line + "\n" for line in self._lines)
        self._file.flush()

    def close(self):
        """Close the log file, if there is one."""
        if self._file is not None:
            self._file.close()

    def _note(self, line):
        line = printable(line)
        self._lines.append(line)
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()


@contextlib.contextmanager
def tee():
    """Return a context with a Log, which is closed at the end in any case."""
    log = Log()
    try:
        yield log
    finally:
        log.close()
