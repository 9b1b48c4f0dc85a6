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
        self.copy, self._begun = folder / "zips" / name, folder / "zips" / f"{name}.fetching"
        self.note = folder / "index" / f"{name.removesuffix('.zip')}.json"
        self.facts = Facts()
        self.directory = None
        self.ranges = True  # the server sends parts
        self._tail = b""
        self._fetching = threading.Lock()

    def probe(self):
        """Request the last kilobytes of the zip to learn its size and the place of its directory.

        Raises IntegrityError for a zip without a directory.
        """
        for count in (zipindex.TAIL, zipindex.LONGEST_END):
            try:
                self._tail, facts = self.client.read_tail(self.url, count)
            except RangeIgnored as error:
                self.ranges, self.facts = False, Facts(error.facts.size)
                return
            self.facts = Facts(facts.size)
            self.directory = zipindex.find_directory(self._tail, self.facts.size, self.path)
            if self.directory is not None:
                return

    @property
    def directory_bytes(self):
        """Bytes that must still be read to list the members."""
        if not self.ranges:
            return self.facts.size or catalog.known(self.path)[0] or 0
        return max(0, self.directory.end - self.directory.start - len(self._tail))

    def scan(self, keys, on_bytes=lambda count: None):
        """Read the directory and return the Members of some classes; drop a copy whose directory is wrong.

        keys: MIDs in the form of file names, ``m05zsy``. on_bytes: called with the number of bytes that have
        arrived.
        """
        try:
            return self._scan(keys, on_bytes)
        except IntegrityError:
            self.discard()
            raise

    def _scan(self, keys, on_bytes):
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
            if self.copy.is_file() and self.facts.size in (None, self.copy.stat().st_size):
                return
            self.copy.parent.mkdir(parents=True, exist_ok=True)
            part = self._begun
            try:
                begun = part.stat().st_size if part.is_file() else 0
                self._fetch_into(part, begun, on_bytes)
            except (RangeIgnored, SourceChanged):
                self._fetch_into(part, 0, on_bytes)
            try:
                self._check_md5(part)
                _tail_of(part, self.path)
            except IntegrityError:
                part.unlink()
                raise
            part.replace(self.copy)

    def discard(self):
        """Delete the copy of the zip, whole or begun, after its members have been extracted."""
        for path in (self.copy, self._begun):
            path.unlink(missing_ok=True)

    def _fetch_into(self, part, start, on_bytes):
        if start and start == self.facts.size:
            return
        body = self.client.stream(self.url, start, self.facts.size, checked=True)
        with body, part.open("ab" if start else "wb") as file:
            for piece in body.pieces:
                file.write(piece)
                on_bytes(len(piece))
        self.facts = Facts(part.stat().st_size)

    def _check_md5(self, part):
        size, md5 = catalog.known(self.path)
        if part.stat().st_size != size:
            return
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != md5:
            raise IntegrityError(f"{self.url} has MD5 {found} instead of {md5}; run the same command again.")

    def _find_in_copy(self):
        self._tail, self.directory = _tail_of(self.copy, self.path)
        self.facts = Facts(self.copy.stat().st_size)

    def load_note(self, keys):
        """Return the Members that an earlier run found, or None, and set the Facts of their zip."""
        note = files.read_note(self.note)
        try:
            if not set(keys) <= set(note["keys"]):
                return None
            members = [zipindex.Member(*row) for row in note["members"]]
            self.facts = Facts(note["size"])
        except (KeyError, TypeError):
            return None
        wanted = [f"_{key}_" for key in keys]
        return [member for member in members if any(part in member.name for part in wanted)]

    def save_note(self, keys, members):
        """Store the members of some classes for later runs."""
        rows = [[m.name, m.offset, m.length, m.compressed, m.size, m.crc, m.method] for m in members]
        note = {"keys": sorted(keys), "members": rows, "size": self.facts.size}
        files.write(self.note, files.to_json(note))

    def forget(self):
        """Delete what is stored of the zip: its bytes are not those that its directory listed."""
        self.note.unlink(missing_ok=True)
        self.discard()


def _tail_of(copy, path):
    """The last bytes of a whole zip on disk and its Directory. Raises IntegrityError if it has none."""
    size = copy.stat().st_size
    count = min(size, zipindex.LONGEST_END)
    with copy.open("rb") as file:
        file.seek(size - count)
        tail = file.read()
    return tail, zipindex.find_directory(tail, size, path)
