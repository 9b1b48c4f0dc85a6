"""The zips of masks on the server: their directories, and ranges of their bytes."""

import hashlib
import threading

from mrcnn.http import Facts
from pumpkin.openimages import catalog, files, zipindex
from pumpkin.openimages.errors import IntegrityError, RangeIgnored, SourceChanged

WHOLE_FROM = 0.5  # share of a zip's bytes above which fetching the whole zip is cheaper


class Shard:
    """One zip of masks. ``read`` gets ranges over HTTP, or from a copy if the whole zip was fetched.

    client: an http.Client. url: the zip's address. path: its path, for messages. folder: where directories
    (``index/``) and copies (``zips/``) are stored.
    """

    def __init__(self, client, url, path, folder):
        self.client, self.url, self.path = client, url, path
        name = path.rsplit("/", 1)[1]
        self.copy = folder / "zips" / name
        self.note = folder / "index" / f"{name.removesuffix('.zip')}.json"
        self.facts = Facts()
        self.directory = None
        self.ranges = True  # the server sends parts
        self._tail = b""
        self._fetching = threading.Lock()

    def probe(self):
        """Request the last kilobytes of the zip to learn its size, its ETag and the place of its directory.

        Raises IntegrityError for a zip without a directory.
        """
        count = zipindex.TAIL
        while self.directory is None:
            try:
                self._tail, self.facts = self.client.read_tail(self.url, count)
            except RangeIgnored as error:
                self.ranges, self.facts = False, error.facts
                return
            if self.facts.size is None:
                raise IntegrityError(f"{self.url}: the server does not report the size of the file.")
            self.directory = zipindex.find_directory(self._tail, self.facts.size, self.path)
            count = max(4 * count, zipindex.MAX_COMMENT + zipindex.END_SIZE + 1024)

    @property
    def directory_bytes(self):
        """Bytes that must still be read to list the members."""
        if not self.ranges:
            return self.facts.size or catalog.known(self.path)[0] or 0
        return max(0, self.directory.end - self.directory.start - len(self._tail))

    def scan(self, keys, on_bytes=lambda count: None):
        """Read the directory and return the Members of some classes.

        keys: MIDs in the form of file names, ``m05zsy``. on_bytes: called with the number of bytes that have
        arrived.
        """
        if not self.ranges:
            self.fetch_whole(on_bytes)
        if self.directory is None:
            self._find_in_copy()
        start, end = self.directory.start, self.directory.end
        tail_start = self.facts.size - len(self._tail)
        head = self.read(start, min(end, tail_start), on_bytes) if start < tail_start else b""
        data = head + self._tail[max(0, start - tail_start) : max(0, end - tail_start)]
        self._tail = b""
        wanted = [f"_{key}_".encode() for key in keys]
        return zipindex.scan(data, self.directory, wanted, self.path)

    def read(self, start, end, on_bytes=lambda count: None):
        """Read bytes ``start`` to ``end``. Raises SourceChanged if the zip is not that of the directory."""
        if self.ranges and not self.copy.is_file():
            try:
                return self.client.read_range(self.url, start, end, self.facts.size, on_bytes)
            except RangeIgnored:
                self.ranges = False
        self.fetch_whole(on_bytes)
        with self.copy.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def fetch_whole(self, on_bytes=lambda count: None):
        """Fetch the whole zip by one request unless it is on disk; continue an interrupted one."""
        with self._fetching:
            if self.copy.is_file():
                return
            self.copy.parent.mkdir(parents=True, exist_ok=True)
            part = self.copy.with_name(self.copy.name + ".fetching")
            try:
                begun = part.stat().st_size if part.is_file() and self.facts.etag else 0
                self._fetch_into(part, begun, on_bytes)
            except (RangeIgnored, SourceChanged):
                self._fetch_into(part, 0, on_bytes)
            self._check_md5(part)
            part.replace(self.copy)

    def discard(self):
        """Delete the copy of the zip, after its members have been extracted."""
        self.copy.unlink(missing_ok=True)

    def _fetch_into(self, part, start, on_bytes):
        if start and start == self.facts.size:
            return
        body = self.client.stream(self.url, start, self.facts.size, checked=True)
        with part.open("ab" if start else "wb") as file:
            for piece in body.pieces:
                file.write(piece)
                on_bytes(len(piece))
        self.facts = Facts(part.stat().st_size, body.facts.etag)

    def _check_md5(self, part):
        size, md5 = catalog.known(self.path)
        if part.stat().st_size != size:
            return
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != md5:
            part.unlink()
            raise IntegrityError(f"{self.url} has MD5 {found} instead of {md5}; run the same command again.")

    def _find_in_copy(self):
        size = self.copy.stat().st_size
        count = min(size, 4 * zipindex.MAX_COMMENT)
        with self.copy.open("rb") as file:
            file.seek(size - count)
            self._tail = file.read()
        self.facts = Facts(size, self.facts.etag)
        self.directory = zipindex.find_directory(self._tail, size, self.path)
        if self.directory is None:
            raise IntegrityError(f"{self.path} is truncated or not a zip; try again later.")

    def load_note(self, keys):
        """Return the Members that an earlier run found, or None, and set the Facts of their zip."""
        note = files.read_note(self.note)
        try:
            if not set(keys) <= set(note["keys"]):
                return None
            members = [zipindex.Member(*row) for row in note["members"]]
            self.facts = Facts(note["size"], note["etag"])
        except (KeyError, TypeError):
            return None
        wanted = [f"_{key}_" for key in keys]
        return [member for member in members if any(part in member.name for part in wanted)]

    def save_note(self, keys, members):
        """Store the members of some classes for later runs."""
        rows = [[m.name, m.offset, m.length, m.compressed, m.size, m.crc, m.method] for m in members]
        note = {"keys": sorted(keys), "members": rows, "size": self.facts.size, "etag": self.facts.etag}
        files.write(self.note, files.to_json(note))

    def forget(self):
        """Delete the stored members, because the zip has changed."""
        self.note.unlink(missing_ok=True)
