"""Keep a few rows of a large CSV file while it streams, with one block in memory.

A row is one line, or several if a quoted field contains newlines. Only the rows that are kept are parsed.
"""

import csv

from pumpkin.openimages.errors import IntegrityError

_LONGEST_ROW = 1 << 20


class RowFilter:
    """Takes blocks of bytes and returns the rows to keep, each with a newline at the end.

    header: the first line; None until it is read. consumed: bytes up to the end of the last complete row.
    """

    def __init__(self, consumed=0, header=None):
        self.consumed, self.header = consumed, header
        self._rest = b""

    def feed(self, block):
        """Return the rows to keep among those that are complete after this block.

        Raises IntegrityError for a row without an end.
        """
        data = self._rest + block
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) > _LONGEST_ROW:
            raise IntegrityError("A row of a table has no end; the file is not a CSV file.")
        return self._take(data, end)

    def finish(self):
        """Return the last row, if it has no newline and is to be kept."""
        if not self._rest:
            return b""
        data = self._rest + b"\n"
        return self._take(data, len(data))

    def _take(self, data, end):
        start = 0
        if self.header is None and end:
            start = data.index(b"\n") + 1
            self.header = data[:start].rstrip(b"\r\n") + b"\n"
        kept, end = self._select(data, start, end)
        self._rest = data[end:]
        self.consumed += end
        return b"".join(kept)

    def _select(self, data, start, end):
        raise NotImplementedError


class NeedleFilter(RowFilter):
    """Keeps rows that contain one of some byte strings, such as ``,/m/05zsy,``; for tables without quotes."""

    def __init__(self, needles, consumed=0, header=None):
        super().__init__(consumed, header)
        self.needles = needles

    def _select(self, data, start, end):
        lines = {}
        for needle in self.needles:
            place = data.find(needle, start, end)
            while place >= 0:
                first = max(data.rfind(b"\n", start, place) + 1, start)
                last = data.index(b"\n", place) + 1
                lines[first] = data[first:last].rstrip(b"\r\n") + b"\n"
                place = data.find(needle, last, end)
        return [lines[first] for first in sorted(lines)], end


class IdFilter(RowFilter):
    """Keeps rows whose first field is in a set of byte strings; quoted fields may contain newlines."""

    def __init__(self, ids, consumed=0, header=None):
        super().__init__(consumed, header)
        self.ids = ids

    def _select(self, data, start, end):
        kept = []
        while start < end:
            last = data.index(b"\n", start) + 1
            comma = data.find(b",", start, last)
            if comma > 0 and data[start:comma].strip(b'"') in self.ids:
                while data.count(b'"', start, last) % 2:
                    if last == end:  # the row continues in the next block
                        return kept, start
                    last = data.index(b"\n", last) + 1
                kept.append(data[start:last])
            start = last
        return kept, end


def parse(data, columns, path):
    """Parse CSV bytes; return the named columns of each row as a tuple.

    path: the file, for messages. Raises IntegrityError if a column is missing.
    """
    rows = csv.reader(data.decode("utf-8", "replace").splitlines(keepends=True))
    header = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
    missing = [name for name in columns if name not in header]
    if missing:
        raise IntegrityError(f"{path} has no column {missing[0]!r}, only {', '.join(header) or 'nothing'}.")
    places = [header.index(name) for name in columns]
    last = max(places)
    return [tuple(row[place] for place in places) for row in rows if len(row) > last]
