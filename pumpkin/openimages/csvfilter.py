"""Keeping a few rows of a large CSV as it streams by, in the memory of one block.

A row is a line, and further lines while a quoted field is open. Only rows that are kept get parsed.
"""

import csv

from pumpkin.openimages.errors import IntegrityError

_LONGEST_ROW = 1 << 20


class RowFilter:
    """Feed it blocks of bytes; it returns the rows to keep, each ending in a newline.

    header: the first line, once seen. consumed: bytes up to the end of the last complete row.
    """

    def __init__(self, consumed=0, header=None):
        self.consumed, self.header = consumed, header
        self._rest = b""

    def feed(self, block):
        """Rows to keep of what is complete with this block."""
        data = self._rest + block
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) > _LONGEST_ROW:
            raise IntegrityError("A row of a table has no end; it is no CSV file.")
        return self._take(data, end)

    def finish(self):
        """Rows to keep of a last line without a newline."""
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
    """Rows that hold one of some byte strings, for instance ``,/m/05zsy,``. For tables without quotes."""

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
    """Rows whose first field is in a set of byte strings; quoted fields may hold newlines."""

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
                    if last == end:  # the row goes on in the next block
                        return kept, start
                    last = data.index(b"\n", last) + 1
                kept.append(data[start:last])
            start = last
        return kept, end


def parse(data, columns, path):
    """Rows of CSV bytes as tuples of the named columns. Raises IntegrityError that names path and column."""
    rows = csv.reader(data.decode("utf-8", "replace").splitlines(keepends=True))
    header = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
    missing = [name for name in columns if name not in header]
    if missing:
        raise IntegrityError(f"{path} has no column {missing[0]!r}, only {', '.join(header) or 'nothing'}.")
    places = [header.index(name) for name in columns]
    last = max(places)
    return [tuple(row[place] for place in places) for row in rows if len(row) > last]
