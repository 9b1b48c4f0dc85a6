"""The lines of a run, on the screen and in its folder."""

import contextlib
import sys


class Log:
    """Prints lines and keeps them for a file that is known later."""

    def __init__(self):
        self._lines, self._file = [], None

    def report(self, line):
        """Print a line and note it in the log."""
        print(line, flush=True)
        self._note(line)

    def error(self, line):
        """Print a line to stderr and note it in the log."""
        print(line, file=sys.stderr, flush=True)
        self._note(line)

    def write_to(self, path):
        """Write what was said so far, and from now on, to a file."""
        self.close()
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115  (closed by tee)
        self._file.writelines(line + "\n" for line in self._lines)
        self._file.flush()

    def close(self):
        if self._file is not None:
            self._file.close()

    def _note(self, line):
        self._lines.append(line)
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()


@contextlib.contextmanager
def tee():
    """A Log that is closed at the end, whatever happens."""
    log = Log()
    try:
        yield log
    finally:
        log.close()
