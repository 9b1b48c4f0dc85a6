"""The bytes of a file or of a part of it, read by as many requests as it takes."""

import time
import zlib

from mrcnn.http.answers import Facts, check_encoding, check_status, ends_at, parse_part, whole_facts
from mrcnn.http.connections import bound
from mrcnn.http.errors import (
    FAILURES,
    Failure,
    IntegrityError,
    RangeIgnored,
    SourceChanged,
    Unreachable,
    sentence,
)

_PIECE = 1 << 17  # bytes read at a time
_PROGRESS = 1 << 20  # bytes; after so many new ones, the count of failures starts again
_LONGEST = 1 << 34  # bytes of a file; the largest known has 2.3 GB


class Body:
    """The bytes ``start`` to ``end`` of a file: ``pieces`` yields them, ``facts`` describes the file.

    Use it in a ``with`` statement, which closes the connection if not all pieces are taken.
    start may be negative: that many bytes from the end. end: None for the file's own. exact: accept only a
    part (206); otherwise a whole file is accepted too, and its bytes before ``position`` are skipped. size,
    etag: that the file must have. checked: the caller checks the bytes, so ETags do not count. limit: bytes
    of the longest file.
    """

    def __init__(
        self, client, url, start, end, exact=False, size=None, etag=None, checked=False, limit=_LONGEST
    ):
        self.client, self.url, self.exact = client, url, exact
        self.position, self.end = start, end
        self.facts = Facts(size, etag)
        self.checked, self.limit = checked, limit
        # Without size and ETag another file could be continued: all is read again and compared by its CRC.
        self._versioned, self._crc = checked or exact, 0
        self.pieces = self._read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pieces.close()

    def _read(self):
        failures, last_failure, ends = 0, self.position, []
        while self.end is None or self.position < self.end:
            try:
                yield from self._request()
                if self.end is None and self._confirmed(ends):
                    self._ends_here()
            except Failure as failure:
                if self.position - last_failure >= _PROGRESS:
                    failures = 0
                failures, last_failure = failures + 1, self.position
                if failures >= self.client.retry.attempts:
                    raise Unreachable(f"{self.url}: {failure}, {failures} times in a row.") from failure
                self.client.pause(self._wait(failures, failure.wait))

    def _confirmed(self, ends):
        """Whether two bodies of undeclared length have the same end; a connection cut off looks like one."""
        ends.append(self.position)
        if len(ends) > 1 and ends[-1] != ends[-2] and len(ends) >= self.client.retry.attempts + 1:
            raise Unreachable(f"{self.url}: the file ends at another byte each time.")
        return len(ends) > 1 and ends[-1] == ends[-2]

    def _ends_here(self):
        self.end = self.position
        self.facts = self.facts.updated(Facts(self.end), self.url)

    def _wait(self, failures, asked):
        retry = self.client.retry
        return min(max(retry.backoff * 2 ** min(failures - 1, 30), asked or 0), retry.longest)

    def _request(self):
        """Yield the bytes of one request and advance ``position``. Raises Failure if some are missing."""
        with self.client.get(self.url, self._headers()) as answer:
            skip = self._accept(answer)
            if not skip:
                self._check_version(self._crc)
            crc = 0
            for piece in self._pieces_of(answer) if self.position != self.end else ():
                known, fresh = piece[:skip], piece[skip:]
                if known:
                    skip, crc = skip - len(known), zlib.crc32(known, crc)
                    if not skip:
                        self._check_version(crc)
                if self.end is not None:
                    fresh = fresh[: self.end - self.position]
                if fresh:
                    self._advance(fresh)
                    yield fresh
            if self.end is None and answer.raw.chunked:  # then the body says where it ends
                self._ends_here()
        if skip or (self.end is not None and self.position < self.end):
            raise Failure("the connection broke off")

    def _check_version(self, crc):
        """Compare the CRC of bytes that were read again with that of the first time."""
        if not self._versioned:
            if crc != self._crc:
                raise SourceChanged(f"{self.url} has changed: it begins with other bytes than before")
            self._versioned = self.facts != Facts()

    def _advance(self, fresh):
        self.position += len(fresh)
        if self.position > self.limit:
            raise IntegrityError(f"{self.url} is longer than {self.limit} bytes, which it should not be.")
        if not self._versioned:
            self._crc = zlib.crc32(fresh, self._crc)

    def _headers(self):
        if self.position < 0:
            return {"Range": f"bytes={self.position}"}
        if not self.exact and (self.position == 0 or not self._versioned):
            return {}
        return {"Range": f"bytes={self.position}-{'' if self.end is None else self.end - 1}"}

    def _accept(self, answer):
        """Check the head of an answer; returns how many of its bytes to skip."""
        rest = self.position > 0 and self.end is None
        if rest and answer.status_code == 416 and ends_at(answer, self.position):
            self._ends_here()
            return 0
        check_status(answer, self.url)
        check_encoding(answer)
        if answer.status_code == 206:
            self._accept_part(answer)
            return 0
        facts = whole_facts(answer)
        if self.exact:
            raise RangeIgnored(f"{self.url}: the server does not send parts of files.", facts)
        self._note(facts)
        self.end = facts.size
        return self.position

    def _accept_part(self, answer):
        first, end, facts = parse_part(answer)
        self._note(facts)
        if self.position < 0:
            if facts.size is None or first != max(0, facts.size + self.position) or end != facts.size:
                raise Failure("the server sent other bytes than the last ones")
            self.position = first
        elif first != self.position or (self.end is not None and end > self.end):
            raise Failure(f"the server sent bytes from {first} to {end} instead of from {self.position}")
        if self.end is None:
            self.end = facts.size
        elif facts.size is not None and facts.size < self.end:
            raise SourceChanged(f"{self.url} has changed: it ends at byte {facts.size}")

    def _note(self, facts):
        self.facts = self.facts.updated(Facts(facts.size) if self.checked else facts, self.url)

    def _pieces_of(self, answer):
        """Pieces of a body as they arrive. Raises Failure if it breaks, stalls or becomes too slow."""
        retry, since, got = self.client.retry, time.monotonic(), 0
        enough = retry.slowest * retry.patience
        try:
            while True:
                bound(since + retry.patience * (1 if got < enough else 2), self.client.stop)
                piece = answer.raw.read1(_PIECE, decode_content=False)
                if not piece:
                    return
                if self.client.stop.is_set():
                    self.client.pause(0)
                self.client.count(received=len(piece))
                arrived = time.monotonic()
                yield piece
                since += time.monotonic() - arrived  # what the caller takes is no delay of the server
                got += len(piece)
                if time.monotonic() >= since + retry.patience and got >= enough:
                    since, got = time.monotonic(), 0
        except FAILURES as error:
            slow = time.monotonic() >= since + retry.patience and got < enough
            little = f"only {got} bytes arrived in {retry.patience:g} seconds"
            raise Failure(little if slow else sentence(error)) from error
