"""Large tables of Open Images, streamed once and reduced to the relevant rows.

``metadata/rows/<name>`` holds the header and the kept rows, ``<name>.json`` facts about their source. A
killed run continues at its last checkpoint.
"""

import os

from mrcnn.http import Facts
from pumpkin.openimages import files
from pumpkin.openimages.errors import RangeIgnored, SourceChanged

CHECKPOINT = 1 << 25  # bytes between checkpoints


class Table:
    """The kept rows of one table.

    client: an http.Client. url: its address. path: its path, for messages. folder, name: where its files are
    stored. choice: the criteria for keeping rows, as JSON data; rows of another choice are dropped.
    make_filter: takes (consumed, header) and returns a csvfilter.RowFilter.
    """

    def __init__(self, client, url, path, folder, name, choice, make_filter):
        self.client, self.url, self.path = client, url, path
        self.rows, self.note = folder / name, folder / f"{name}.json"
        self.choice, self.make_filter = choice, make_filter

    def cached(self):
        """Return the Facts of the source if all rows are on disk, else None."""
        note = self._read_note()
        return (
            Facts(note["size"], note["etag"]) if note and note["complete"] and self.rows.is_file() else None
        )

    def fetch(self, on_bytes=lambda count: None):
        """Return (header and kept rows as bytes, Facts), from disk or streamed.

        on_bytes: called with the number of bytes that have arrived.
        """
        facts = self.cached()
        if facts is None:
            self.rows.parent.mkdir(parents=True, exist_ok=True)
            try:
                facts = self._stream(self._resumable(), on_bytes)
            except (RangeIgnored, SourceChanged):  # the earlier run cannot be continued
                self.note.unlink(missing_ok=True)
                facts = self._stream(None, on_bytes)
        return self.rows.read_bytes(), facts

    def _read_note(self):
        note = files.read_note(self.note)
        keys = {"complete", "size", "etag", "choice", "consumed", "kept"}
        return (
            note if isinstance(note, dict) and keys <= set(note) and note["choice"] == self.choice else None
        )

    def _resumable(self):
        note = self._read_note()
        whole = note and self.rows.is_file() and self.rows.stat().st_size >= note["kept"] > 0
        return note if whole else None

    def _stream(self, note, on_bytes):
        mode, header, start, facts = "wb", None, 0, None
        if note:
            mode, start, facts = "r+b", note["consumed"], Facts(note["size"], note["etag"])
            with self.rows.open("rb") as file:
                header = file.readline()
            on_bytes(start)
        row_filter = self.make_filter(start, header)
        known = facts or Facts()
        body = self.client.stream(self.url, start, known.size, known.etag)
        with self.rows.open(mode) as file:
            if note:
                file.truncate(note["kept"])
                file.seek(note["kept"])
            last = start
            for block in body.pieces:
                self._keep(file, row_filter, row_filter.feed(block))
                on_bytes(len(block))
                if row_filter.consumed - last >= CHECKPOINT:
                    last = row_filter.consumed
                    self._write_note(file, body.facts, last, complete=False)
            self._keep(file, row_filter, row_filter.finish())
            self._write_note(file, body.facts, row_filter.consumed, complete=True)
        return body.facts

    @staticmethod
    def _keep(file, row_filter, rows):
        if file.tell() == 0 and row_filter.header:
            file.write(row_filter.header)
        file.write(rows)

    def _write_note(self, file, facts, consumed, complete):
        file.flush()
        os.fsync(file.fileno())
        note = {
            "complete": complete, "size": facts.size, "etag": facts.etag, "choice": self.choice,
            "consumed": consumed, "kept": file.tell(),
        }  # fmt: skip
        files.write(self.note, files.to_json(note))
