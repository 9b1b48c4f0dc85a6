"""The bytes of a file or of a part of it, read by as many requests as it takes."""

import time

from mrcnn.http.answers import Facts, check_status, parse_part
from mrcnn.http.errors import FAILURES, Failure, RangeIgnored, SourceChanged, Unreachable, sentence

_PIECE = 1 << 17  # bytes read at a time
_PROGRESS = 1 << 20  # bytes; after so many new ones, the count of failures starts again


class Body:
    """The bytes ``start`` to ``end`` of a file, read by one or more requests.

    start may be negative: that many bytes from the end. exact: accept only a part (206); otherwise a whole
    file is accepted too, and its bytes before ``position`` are skipped.
    """

    def __init__(self, client, url, start, end, expected, exact):
        self.client, self.url, self.exact = client, url, exact
        self.position, self.end = start, end
        self.facts = expected or Facts()
        self.pieces = self._read()

    def _read(self):
        failures, last_failure = 0, self.position
        while self.end is None or self.position < self.end:
            try:
                yield from self._request()
                return
            except Failure as failure:
                if self.position - last_failure >= _PROGRESS:
                    failures = 0
                failures, last_failure = failures + 1, self.position
                if failures >= self.client.retry.attempts:
                    raise Unreachable(f"{self.url}: {failure}, {failures} times in a row.") from failure
                self.client.pause(self._wait(failures, failure.wait))

    def _wait(self, failures, asked):
        retry = self.client.retry
        return min(max(retry.backoff * 2 ** (failures - 1), asked or 0), retry.longest)

    def _request(self):
        """Yield the bytes of one request and advance ``position``. Raises Failure if some are missing."""
        with self.client.get(self.url, self._headers()) as answer:
            skip = self._accept(answer)
            for piece in self._pieces_of(answer):
                fresh = piece[skip:]
                skip -= min(skip, len(piece))
                if self.end is not None:
                    fresh = fresh[: self.end - self.position]
                self.position += len(fresh)
                if fresh:
                    yield fresh
        if self.end is not None and self.position < self.end:
            raise Failure("the connection broke off")

    def _headers(self):
        if self.position < 0:
            return {"Range": f"bytes={self.position}"}
        if self.position == 0 and not self.exact:
            return {}
        return {"Range": f"bytes={self.position}-{'' if self.end is None else self.end - 1}"}

    def _accept(self, answer):
        """Check the head of an answer; returns how many of its bytes to skip."""
        check_status(answer, self.url)
        if answer.status_code == 206:
            start, facts = parse_part(answer)
            self._check_facts(facts)
            if self.position < 0:
                self.position = start
                self.end = facts.size
            elif start != self.position:
                raise Failure(f"the server sent bytes from {start} instead of {self.position}")
            if self.end is None:
                self.end = facts.size
            elif facts.size is not None and facts.size < self.end:
                raise SourceChanged(f"{self.url} has changed: it ends at byte {facts.size}")
            return 0
        length = answer.headers.get("Content-Length", "")
        facts = Facts(int(length) if length.isdigit() else None, answer.headers.get("ETag"))
        if self.exact:
            raise RangeIgnored(f"{self.url}: the server does not send parts of files.", facts)
        self._check_facts(facts)
        self.end = facts.size
        return self.position

    def _check_facts(self, facts):
        self.facts.check(facts, self.url)
        self.facts = Facts(
            self.facts.size if facts.size is None else facts.size,
            self.facts.etag if facts.etag is None else facts.etag,
        )

    def _pieces_of(self, answer):
        """Pieces of a body as they arrive. Raises Failure if it breaks, stalls or becomes too slow."""
        retry = self.client.retry
        since, got = time.monotonic(), 0
        try:
            while piece := answer.raw.read1(_PIECE, decode_content=False):
                if self.client.stop.is_set():
                    self.client.pause(0)
                self.client.count(received=len(piece))
                yield piece
                got += len(piece)
                elapsed = time.monotonic() - since
                if elapsed >= retry.patience:
                    if got < retry.slowest * elapsed:
                        raise Failure(f"only {got} bytes arrived in {elapsed:.0f} seconds")
                    since, got = time.monotonic(), 0
        except FAILURES as error:
            raise Failure(sentence(error)) from error
