"""Large tables of Open Images, streamed once and reduced to the relevant rows.

``metadata/rows/<name>`` holds the kept columns of the kept rows, ``<name>.json`` facts about their source. A
killed run continues at its last checkpoint.
"""

import csv
import io
import os
from functools import partial

from mrcnn.http import Facts
from pumpkin.openimages import files
from pumpkin.openimages.csvfilter import RowFilter
from pumpkin.openimages.errors import IntegrityError, RangeIgnored, SourceChanged

CHECKPOINT = 1 << 25  # bytes between checkpoints


class Table:
    """The kept rows of one table.

    client: an http.Client. url: its address. path: its path, for messages. folder, name: where its files are
    stored. columns: names of the columns to keep, the key first. wanted: values of the key. given: of a
    csvfilter.RowFilter. Rows of other columns or values are dropped.
    """

    def __init__(self, client, url, path, folder, name, columns, wanted, **given):
        self.client, self.url, self.path, self.columns = client, url, path, columns
        self.rows, self.note = folder / name, folder / f"{name}.json"
        self.choice = {"columns": list(columns), "wanted": files.sha256(" ".join(sorted(wanted)).encode())}
        self.make_filter = partial(RowFilter, path, columns, wanted, **given)

    def cached(self):
        """Return the size of the source if all rows are on disk, else None."""
        note = self._read_note()
        return note["size"] if note and note["complete"] and self.rows.is_file() else None

    def fetch(self, on_bytes=lambda count: None):
        """Return (kept rows as tuples of the columns, Facts of the source), from disk or streamed.

        on_bytes: called with the number of bytes that have arrived. Raises IntegrityError if the table is not
        CSV, lacks a column or ends within a row; nothing of it is kept then.
        """
        size = self.cached()
        if size is None:
            self.rows.parent.mkdir(parents=True, exist_ok=True)
            try:
                size = self._stream(self._resumable(), on_bytes)
            except (RangeIgnored, SourceChanged):  # the earlier run cannot be continued
                self.forget()
                size = self._stream(None, on_bytes)
        with self.rows.open(newline="", encoding="utf-8") as file:
            return [tuple(row) for row in csv.reader(file)], Facts(size)

    def forget(self):
        """Delete what is kept, because it contradicts other files."""
        self.note.unlink(missing_ok=True)
        self.rows.unlink(missing_ok=True)

    def _read_note(self):
        note = files.read_note(self.note)
        keys = {"complete", "size", "etag", "choice", "consumed", "kept", "header"}
        return (
            note if isinstance(note, dict) and keys <= set(note) and note["choice"] == self.choice else None
        )

    def _resumable(self):
        note = self._read_note()
        whole = note and note["header"] and self.rows.is_file()
        return note if whole and self.rows.stat().st_size >= note["kept"] else None

    def _stream(self, note, on_bytes):
        """Stream the table, from a checkpoint if there is a note of one; returns its size."""
        start, known = (note["consumed"], note) if note else (0, {"size": None, "etag": None})
        row_filter = self.make_filter(consumed=start, header=note["header"] if note else None)
        on_bytes(start)
        body = self.client.stream(self.url, start, known["size"], known["etag"])
        try:
            with body, self.rows.open("r+b" if note else "wb") as file:
                file.truncate(note["kept"] if note else 0)
                file.seek(0, os.SEEK_END)
                self._filter(body, row_filter, file, on_bytes)
                self._write_note(file, row_filter, Facts(body.facts.size), complete=True)
        except IntegrityError:
            self.forget()
            raise
        return body.facts.size

    def _filter(self, body, row_filter, file, on_bytes):
        last = row_filter.consumed
        for block in body.pieces:
            file.write(_csv(row_filter.feed(block)))
            on_bytes(len(block))
            if row_filter.consumed - last >= CHECKPOINT:
                last = row_filter.consumed
                self._write_note(file, row_filter, body.facts, complete=False)
        file.write(_csv(row_filter.finish()))

    def _write_note(self, file, row_filter, facts, complete):
        file.flush()
        os.fsync(file.fileno())
        note = {
            "complete": complete, "size": facts.size, "etag": facts.etag, "choice": self.choice,
            "consumed": row_filter.consumed, "kept": file.tell(), "header": row_filter.header,
        }  # fmt: skip
        files.write(self.note, files.to_json(note))


def _csv(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
