"""The client: a pool of connections, the counts of what they carry, and the threads that use them."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter

from mrcnn.http.body import Body
from mrcnn.http.errors import FAILURES, Failure, IntegrityError, NetworkError, Offline, Stopped, sentence

_FATAL = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.TooManyRedirects,
)


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
        for piece in Body(self, url, start, end, expected, exact=True).pieces:
            pieces.append(piece)
            on_bytes(len(piece))
        return b"".join(pieces)

    def read_tail(self, url, count):
        """The last ``count`` bytes of a file, or all of a shorter one, and its Facts."""
        body = Body(self, url, -count, None, None, exact=True)
        data = b"".join(body.pieces)
        return data, body.facts

    def stream(self, url, start=0, expected=None):
        """A body from byte ``start``: ``.pieces`` yields bytes; ``.facts`` is known after the first piece."""
        return Body(self, url, start, None, expected, exact=start > 0)

    def pause(self, seconds):
        """Sleep. Raises Stopped if the client is stopped."""
        if self.stop.wait(seconds):
            raise Stopped("The transfer was stopped.")

    def get(self, url, headers):
        """An open answer with any status. Raises Failure or NetworkError."""
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
        except FAILURES as error:
            raise Failure(sentence(error)) from error

    def count(self, requests_=0, received=0):
        """Add to the counters."""
        with self._counting:
            self.requests += requests_
            self.received += received
