"""Show how far long work has come: a bar on a terminal, and elsewhere a plain line now and then.

A bar in a file would be thousands of lines in one, each written over the last by a carriage return.
"""

import sys
import time

from tqdm import tqdm

from mrcnn.screen import show

SECONDS = 30  # between plain lines


def progress_bar(total, label, unit, shown=True, done=0, is_bytes=False):
    """Return a tqdm bar, or on other outputs than a terminal a ``Lines``; both may be used by ``with``.

    total: how much there is to do; None if that is unknown. label: what is done. unit: such as "image".
    shown: False shows nothing. done: how much is done already. is_bytes: write numbers as kB, MB and GB.
    """
    if shown and not sys.stderr.isatty():
        return Lines(total, label, unit, done, is_bytes)
    options = {"initial": done, "unit_scale": is_bytes, "leave": False, "disable": not shown}
    return tqdm(total=total, desc=label, unit=unit, **options)


class Lines:
    """Prints a line to stderr every SECONDS at most: what is done, how fast, and what is left.

    It has those methods of tqdm that this package uses.
    """

    def __init__(self, total, label, unit, done=0, is_bytes=False, clock=time.monotonic):
        self.total, self.label, self.unit, self.n = total, label, unit, done
        self.postfix = ""
        self._first, self._is_bytes, self._clock = done, is_bytes, clock
        self._begun = self._last = clock()

    def update(self, count=1):
        """Note that more is done."""
        self.n += count
        now = self._clock()
        if now - self._last >= SECONDS:
            self._last = now
            show(self._line(now - self._begun), file=sys.stderr)

    def set_postfix_str(self, text, refresh=True):
        """Add a text to the next lines. refresh: print it at once, too."""
        self.postfix = text
        if refresh:
            show(f"{self.label}: {text}", file=sys.stderr)

    def close(self):
        """Do nothing: what comes next says that this is done."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _line(self, seconds):
        speed = (self.n - self._first) / seconds
        parts = [f"{self._amount(self.n)}{f' of {self._amount(self.total)}' if self.total else ''}"]
        if not self._is_bytes:
            parts[0] += f" {self.unit}s"
        parts.append(f"{self._amount(speed)}/s" if self._is_bytes else f"{speed:.3g} {self.unit}s/s")
        if self.total and speed:
            parts.append(f"{duration((self.total - self.n) / speed)} left")
        return f"{self.label}: {', '.join(filter(None, [*parts, self.postfix]))}"

    def _amount(self, value):
        return tqdm.format_sizeof(value, "B") if self._is_bytes else f"{value}"


def duration(seconds):
    """Return a duration in words: seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"
