"""Keep a few rows of a large CSV file while it streams, with one block in memory.

The csv module parses the rows. Blocks of one-line rows that hold none of the wanted values are passed over,
because that is twenty times faster.
"""

import csv

from pumpkin.openimages.errors import IntegrityError

_LONGEST_ROW = 1 << 20  # bytes
_SHOWN = 120  # letters of a header in a message


class RowFilter:
    """Takes blocks of bytes and returns the rows to keep, as tuples of the values of some columns.

    path: the file, for messages. columns: names of the columns to keep, the key first. wanted: the values of
    the key, in lower case; the file may write them in capitals. rare: whether they are few in number and in
    the file. lenient: pass over rows that cannot be parsed, instead of raising IntegrityError. header: the
    names of all columns; None until they are read. consumed: bytes up to the end of the last complete row.
    """

    def __init__(self, path, columns, wanted, rare=True, lenient=False, consumed=0, header=None):
        self.path, self.columns, self.wanted, self.lenient = path, columns, frozenset(wanted), lenient
        self.needles = {form.encode() for one in self.wanted for form in (one, one.upper())} if rare else ()
        self.consumed, self.header = consumed, None
        self._rest = b""
        if header is not None:
            self._take_header(header)

    def feed(self, block):
        """Return the rows to keep among those that are complete after this block.

        Raises IntegrityError if a column is missing, or if a row has no end or cannot be parsed.
        """
        data = self._rest + block
        end = data.rfind(b"\n") + 1
        kept, used = self._select(data[:end])
        while len(data) - used > _LONGEST_ROW:
            if not self.lenient or used >= end:
                raise IntegrityError(f"{self.path}: the row at byte {self.consumed + used} has no end.")
            more, used = self._select_after_line(data[:end], used)
            kept += more
        self._rest = data[used:]
        self.consumed += used
        return kept

    def finish(self):
        """Return the rows to keep of what is left. Raises IntegrityError if the file ends within a row."""
        data, kept, used = self._rest, [], 0
        if data and not (self.lenient and data.endswith(b"\n")):
            raise IntegrityError(
                f"{self.path} ends in the middle of a row, at byte {self.consumed + len(data)}."
            )
        while used < len(data):
            more, used = self._select_after_line(data, used)
            kept += more
        if self.header is None:
            self._take_header([])
        return kept

    def _select_after_line(self, data, used):
        """As _select, from the line after the one that begins at byte ``used``."""
        used = data.index(b"\n", used) + 1
        kept, further = self._select(data[used:])
        return kept, used + further

    def _select(self, data):
        """Return (rows to keep of some lines, bytes up to the end of the last complete row)."""
        quoted = b'"' in data
        if self.header is not None and self.needles and not quoted:
            return self._parse(self._lines_with_needles(data), whole=True)[0], len(data)
        return self._parse(data.splitlines(keepends=True) if b"\r" not in data else _lines(data))

    def _lines_with_needles(self, data):
        """The lines that hold one of the wanted values, in their order."""
        found = {}
        for needle in self.needles:
            place = data.find(needle)
            while place >= 0:
                first, last = data.rfind(b"\n", 0, place) + 1, data.index(b"\n", place) + 1
                found[first] = data[first:last]
                place = data.find(needle, last)
        return [found[first] for first in sorted(found)]

    def _parse(self, lines, whole=False):
        """Return (rows to keep, bytes of the lines that are complete rows). whole: each line is a row."""
        source, kept, used = _Source(lines), [], 0
        while source:
            try:
                for row in csv.reader(source, strict=True, skipinitialspace=True):
                    kept += self._kept(row)
                    used = source.used
            except (csv.Error, _WrongRow) as error:
                if not (source or whole or isinstance(error, _WrongRow)):  # it goes on in the next block
                    break
                if not self.lenient:
                    where = f"{self.path}: the row at byte {self.consumed + used}"
                    raise IntegrityError(f"{where} cannot be read as CSV: {error}.") from error
                used = source.go_on_after_line_at(used)
        return kept, used

    def _kept(self, row):
        if self.header is None:
            self._take_header(row)
            return []
        if not row:
            return []
        if not self._longest < len(row) <= len(self.header):
            raise _WrongRow(f"it has {len(row)} fields and the header {len(self.header)}")
        values = tuple(row[place] for place in self._places)
        return [values] if values[0].strip().lower() in self.wanted else []

    def _take_header(self, names):
        self.header = [name.strip().lstrip("\ufeff") for name in names]
        missing = [name for name in self.columns if name not in self.header]
        if missing:
            found = ", ".join(self.header)
            found = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}..."
            raise IntegrityError(f"{self.path} has no column {missing[0]!r}, only {found or 'nothing'}.")
        self._places = [self.header.index(name) for name in self.columns]
        self._longest = max(self._places)


class _WrongRow(ValueError):
    """A row has other fields than its header."""


class _Source:
    """Lines of bytes as text for csv.reader. used: bytes of the lines that it has taken."""

    def __init__(self, lines):
        self.lines, self.at, self.used = lines, 0, 0

    def __bool__(self):
        return self.at < len(self.lines)

    def __iter__(self):
        return self

    def __next__(self):
        if not self:
            raise StopIteration
        line = self.lines[self.at]
        self.at, self.used = self.at + 1, self.used + len(line)
        return line.decode("utf-8", "replace")

    def go_on_after_line_at(self, byte):
        """Go back to the line after the one that begins at a byte; returns its byte."""
        while self.used > byte:
            self.at -= 1
            self.used -= len(self.lines[self.at])
        next(self)
        return self.used


def _lines(data):
    r"""Lines that end with \n alone; bytes.splitlines would also split at \r."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]
