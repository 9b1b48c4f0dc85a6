"""Reading files and parts of files over HTTP, with retries around the whole body.

A connection that breaks, stalls or slows to a trickle is reopened for the missing bytes, so nothing is
fetched twice. The size and ETag of each answer must equal those of the first: the file may have changed.
"""

import contextlib
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests
import urllib3
from requests.adapters import HTTPAdapter

_PIECE = 1 << 17  # bytes read at a time
_PROGRESS = 1 << 20  # bytes; after so many new ones, the count of failures starts again
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_ABSENT = (403, 404, 410)
_PASSING = (408, 425, 429)  # and all of 500 to 599
_FAILURES = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError, OSError)
_FATAL = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.TooManyRedirects,
)


class TransferError(Exception):
    """A file cannot be read from its server. The message is a sentence with the address."""


class IntegrityError(TransferError):
    """Raised when bytes contradict a lock file, a directory, a checksum or a bound."""


class SourceChanged(IntegrityError):
    """The file on the server has changed since its offsets or hashes were recorded."""


class NetworkError(TransferError):
    """A server cannot be reached or fails repeatedly."""


class Unreachable(NetworkError):
    """A server failed at each of several attempts in a row; a later one may succeed."""


class Absent(NetworkError):
    """The server does not have the file (403, 404 or 410)."""


class Offline(Absent):
    """The file is not on disk, and the client may not fetch it."""


class RangeIgnored(NetworkError):
    """The server answers a request for a part with the whole file; ``facts`` has its size."""

    def __init__(self, message, facts):
        super().__init__(message)
        self.facts = facts


class Stopped(TransferError):
    """The user, or an error in another thread, ends the transfer; raised in each thread."""


@dataclass(frozen=True)
class Retry:
    """How often, and how long, a request is repeated.

    attempts: requests in a row without progress. backoff: seconds before the second, doubled each time.
    longest: bound on any pause, also on one that a server asks for. connect, read: seconds of silence
    that count as a failure. slowest: bytes a second below which, over ``patience`` seconds, a connection
    counts as broken.
    """

    attempts: int = 6
    backoff: float = 0.5
    longest: float = 60.0
    connect: float = 10.0
    read: float = 30.0
    slowest: float = 512.0
    patience: float = 20.0


@dataclass(frozen=True)
class Facts:
    """The version of a file: its bytes in total and its ETag, each None if unknown."""

    size: int | None = None
    etag: str | None = None

    def check(self, other, url):
        """Raise SourceChanged if the Facts of another answer describe another version."""
        for name in ("size", "etag"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is not None and theirs is not None and mine != theirs:
                raise SourceChanged(f"{url} has changed: its {name} was {mine} and is {theirs}")


class _Failure(Exception):
    """An attempt failed; the next may succeed. wait: seconds that the server asks for, or None."""

    def __init__(self, reason, wait=None):
        super().__init__(reason)
        self.wait = wait


class Client:
    """A pool of connections that counts its requests and the bytes of their bodies."""

    def __init__(self, retry=None, connections=16, offline=False):
        self.retry = retry or Retry()
        self.offline = offline
        self.stop = threading.Event()
        self.requests = self.received = 0
        self._counting = threading.Lock()
        self._session = requests.Session()
        self._session.max_redirects = 5
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def close(self):
        """Close all connections, even those in use."""
        self.stop.set()
        self._session.close()

    @contextlib.contextmanager
    def pool(self, count):
        """Threads that use this client. An error in the block, or Ctrl-C, stops them at their next piece."""
        with ThreadPoolExecutor(count) as pool:
            try:
                yield pool
            except BaseException:
                self.stop.set()
                raise

    def read(self, url, limit):
        """All bytes of a small file. Raises IntegrityError if it is longer than ``limit``."""
        pieces, total = [], 0
        for piece in self.stream(url).pieces:
            total += len(piece)
            if total > limit:
                raise IntegrityError(f"{url} is longer than {limit} bytes, which it should not be.")
            pieces.append(piece)
        return b"".join(pieces)

    def read_range(self, url, start, end, expected=None, on_bytes=lambda count: None):
        """Bytes ``start`` to ``end`` (exclusive) of a file.

        expected: Facts that the file must have. on_bytes: called with the length of each piece. Raises
        RangeIgnored if the server sends only whole files, SourceChanged if the file differs or is too short.
        """
        pieces = []
        for piece in _Body(self, url, start, end, expected, exact=True).pieces:
            pieces.append(piece)
            on_bytes(len(piece))
        return b"".join(pieces)

    def read_tail(self, url, count):
        """The last ``count`` bytes of a file, or all of a shorter one, and its Facts."""
        body = _Body(self, url, -count, None, None, exact=True)
        data = b"".join(body.pieces)
        return data, body.facts

    def stream(self, url, start=0, expected=None):
        """A body from byte ``start``: ``.pieces`` yields bytes; ``.facts`` is known after the first piece."""
        return _Body(self, url, start, None, expected, exact=start > 0)

    def pause(self, seconds):
        """Sleep. Raises Stopped if the client is stopped."""
        if self.stop.wait(seconds):
            raise Stopped("The transfer was stopped.")

    def get(self, url, headers):
        """An open answer with any status. Raises _Failure or NetworkError."""
        if self.offline:
            raise Offline(f"{url}: is not on disk, and nothing may be fetched.")
        if self.stop.is_set():
            self.pause(0)
        timeout = (self.retry.connect, self.retry.read)
        headers = {"Accept-Encoding": "identity", **headers}
        self.count(requests_=1)
        try:
            return self._session.get(url, headers=headers, stream=True, timeout=timeout)
        except _FATAL as error:
            raise NetworkError(f"{url}: is or leads to an address that is not followed: {error}.") from error
        except _FAILURES as error:
            raise _Failure(_sentence(error)) from error

    def count(self, requests_=0, received=0):
        """Add to the counters."""
        with self._counting:
            self.requests += requests_
            self.received += received


class _Body:
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
            except _Failure as failure:
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
        """Yield the bytes of one request and advance ``position``. Raises _Failure if some are missing."""
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
            raise _Failure("the connection broke off")

    def _headers(self):
        if self.position < 0:
            return {"Range": f"bytes={self.position}"}
        if self.position == 0 and not self.exact:
            return {}
        return {"Range": f"bytes={self.position}-{'' if self.end is None else self.end - 1}"}

    def _accept(self, answer):
        """Check the head of an answer; returns how many of its bytes to skip."""
        _check_status(answer, self.url)
        if answer.status_code == 206:
            start, facts = _parse_part(answer)
            self._check_facts(facts)
            if self.position < 0:
                self.position = start
                self.end = facts.size
            elif start != self.position:
                raise _Failure(f"the server sent bytes from {start} instead of {self.position}")
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
        """Pieces of a body as they arrive. Raises _Failure if it breaks, stalls or becomes too slow."""
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
                        raise _Failure(f"only {got} bytes arrived in {elapsed:.0f} seconds")
                    since, got = time.monotonic(), 0
        except _FAILURES as error:
            raise _Failure(_sentence(error)) from error


def _check_status(answer, url):
    """Raise the error for a status other than 200 and 206."""
    status = answer.status_code
    if status in (200, 206):
        return
    if status in _ABSENT:
        raise Absent(f"{url}: the server answers {status}, there is no such file.")
    if status == 416:
        raise SourceChanged(f"{url} has changed: it is shorter than the requested bytes")
    if status in _PASSING or status >= 500:
        raise _Failure(f"the server answers {status}", _retry_after(answer))
    raise NetworkError(f"{url}: the server answers {status}; check the address.")


def _retry_after(answer):
    """Seconds of a Retry-After header; None if it is absent or a date, so that the backoff decides."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _parse_part(answer):
    """(first byte, Facts) of a 206 answer."""
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if not match:
        raise _Failure("the server sent a part without saying which")
    start, _, size = match.groups()
    return int(start), Facts(None if size == "*" else int(size), answer.headers.get("ETag"))


def _sentence(error):
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "the server does not answer in time"
    if isinstance(error, urllib3.exceptions.HTTPError):
        return "the connection broke off"
    return "the connection fails"
