"""The client: a pool of connections, the counts of what they carry, and the threads that use them."""

import queue
import threading
import time
from dataclasses import dataclass
from urllib.parse import urljoin

import requests

from mrcnn.http.body import Body
from mrcnn.http.connections import Adapter, bound
from mrcnn.http.errors import FAILURES, Failure, NetworkError, Offline, Stopped, sentence

# Errors of addresses; each is a ValueError.
_ADDRESSES = (
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
)
_REDIRECTS = 5
_GRACE = 0.6  # seconds in which threads of a stopped client may end what they are at


@dataclass(frozen=True)
class Retry:
    """How often, and how long, a request is repeated.

    attempts: requests in a row without progress. backoff: seconds before the second, doubled each time.
    longest: bound on any pause, also on one that a server asks for. connect: seconds for a connection. read:
    seconds for the head of an answer, redirects included, and of silence in its body, that count as a
    failure. slowest: bytes a second below which, over ``patience`` seconds, a body counts as broken.
    """

    attempts: int = 6
    backoff: float = 0.5
    longest: float = 60.0
    connect: float = 10.0
    read: float = 30.0
    slowest: float = 512.0
    patience: float = 20.0


class _Session(requests.Session):
    """A session that leaves redirects to the client: requests reads their bodies to the end, into memory."""

    def get_redirect_target(self, resp):
        return None


class Client:
    """A pool of connections that counts its requests and the bytes of their bodies."""

    def __init__(self, retry=None, connections=16, offline=False):
        self.retry = retry or Retry()
        self.offline = offline
        self.stop = threading.Event()
        self.requests = self.received = 0
        self._counting = threading.Lock()
        self._session = _Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, Adapter(pool_connections=4, pool_maxsize=connections))

    def close(self):
        """Close all connections, even those in use."""
        self.stop.set()
        self._session.close()

    def each(self, work, items, threads):
        """Call ``work`` with each item, in some threads. The first error, or Ctrl-C, stops the client.

        The threads do not keep the process: one that waits for a name server or for a connection is left.
        """
        items, taking, ends = iter(items), threading.Lock(), queue.SimpleQueue()
        none = object()

        def work_on_the_rest():
            while not self.stop.is_set():
                with taking:
                    item = next(items, none)
                if item is none:
                    return
                work(item)

        def run():
            try:
                work_on_the_rest()
            except BaseException as error:  # raised again in the thread that waits
                ends.put(error)
            else:
                ends.put(None)

        running = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
        for thread in running:
            thread.start()
        try:
            for _ in running:
                error = ends.get()
                if error is not None:
                    raise error
        except BaseException:
            self.stop.set()
            until = time.monotonic() + _GRACE
            for thread in running:
                thread.join(max(0, until - time.monotonic()))
            raise

    def read(self, url, limit):
        """All bytes of a small file. Raises IntegrityError if it is longer than ``limit``."""
        return b"".join(Body(self, url, 0, None, limit=limit).pieces)

    def read_range(self, url, start, end, size=None, on_bytes=lambda count: None):
        """Bytes ``start`` to ``end`` (exclusive) of a file, which the caller must be able to check.

        size: that the file must have. on_bytes: called with the length of each piece. ETags do not count:
        some servers give one file several. Raises RangeIgnored if the server sends only whole files,
        SourceChanged if the file has another size or is too short.
        """
        pieces = []
        for piece in Body(self, url, start, end, exact=True, size=size, checked=True).pieces:
            pieces.append(piece)
            on_bytes(len(piece))
        return b"".join(pieces)

    def read_tail(self, url, count):
        """The last ``count`` bytes of a file, or all of a shorter one, and its Facts."""
        body = Body(self, url, -count, None, exact=True)
        data = b"".join(body.pieces)
        return data, body.facts

    def stream(self, url, start=0, size=None, etag=None, checked=False):
        """A Body from byte ``start``, for a ``with`` statement; its facts are complete after the last piece.

        size, etag: that the file must have, None if unknown. checked: the caller checks the bytes, so ETags
        do not count.
        """
        return Body(self, url, start, None, exact=start > 0, size=size, etag=etag, checked=checked)

    def pause(self, seconds):
        """Sleep. Raises Stopped if the client is stopped."""
        if self.stop.wait(seconds):
            raise Stopped("The transfer was stopped.")

    def get(self, url, headers):
        """An open answer with any status, after redirects. Raises Failure or NetworkError.

        All of it together, without the body, may last ``retry.read`` seconds.
        """
        if self.offline:
            raise Offline(f"{url}: is not on disk, and nothing may be fetched.")
        deadline, address = time.monotonic() + self.retry.read, url
        try:
            for _ in range(_REDIRECTS + 1):
                answer = self._send(address, headers, deadline)
                if not answer.is_redirect:
                    return answer
                with answer:
                    address = urljoin(address, requests.Session.get_redirect_target(self._session, answer))
        except ValueError as error:  # requests and urllib3 parse addresses by Python's functions
            raise NetworkError(f"{url}: is or leads to an address that is not followed: {error}.") from error
        raise NetworkError(f"{url}: leads on and on, to {address} at last; check the address.")

    def _send(self, url, headers, deadline):
        """The answer to one request, open. Raises Failure, or ValueError for an address of another kind."""
        if self.stop.is_set():
            self.pause(0)
        left = deadline - time.monotonic()
        if left <= 0:
            raise Failure("the server does not answer in time")
        bound(deadline, self.stop)
        self.count(requests_=1)
        try:
            return self._session.get(
                url, headers={"Accept-Encoding": "identity", **headers}, stream=True,
                timeout=(min(self.retry.connect, left), self.retry.read),
            )  # fmt: skip
        except _ADDRESSES:
            raise
        except FAILURES as error:
            raise Failure(sentence(error)) from error

    def count(self, requests_=0, received=0):
        """Add to the counters."""
        with self._counting:
            self.requests += requests_
            self.received += received
