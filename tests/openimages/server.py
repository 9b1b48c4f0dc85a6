"""A range-capable HTTP server on the loopback, with faults that can be switched on one at a time."""

import contextlib
import hashlib
import re
import ssl
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")  # with its key; for 127.0.0.1 until 2126
_ENDS = 1 << 16
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass
class Fault:
    """What goes wrong with requests for paths that contain ``path``; ``times`` of them (-1: all).

    kind: "status" (value: the status), "cut" (value: share of the body that is sent), "ignore-range",
    "etag" (value: the ETag sent), "length" (value: bytes added to Content-Length), "trickle" (value: bytes
    sent before it), "flip" (value: the byte of the body that is wrong), "redirect" (value: the address),
    "hang" (no answer), "headers" (value: {name: text} that replace or, if None, remove headers), "body"
    (value: a function from the file's bytes to those that are sent as a whole file), "chunked" (value:
    whether the last chunk is sent), "no-length" (value: share of the body that is sent before the connection
    closes), "raw" (value: bytes sent instead of an answer), "drip" (the same, a byte each 0.05 s), "endless"
    (the same, the last line of them again and again until the client leaves).
    """

    path: str
    kind: str
    value: object = None
    times: int = -1
    ranged: bool | None = None  # only requests with, or only without, a Range


class FileServer:
    """Serves ``files``, {path: bytes}. latency: seconds before each answer. tls: whether by https.

    requests: (path, Range header) of all requests. sent: bytes of all bodies.
    """

    def __init__(self, files, latency=0.0, tls=False):
        self.files, self.latency = files, latency
        self.faults, self.requests, self.sent, self._etags = [], [], 0, {}
        self.lock, self.retry_after = threading.Lock(), "0"
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.closing = threading.Event()
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' * tls}://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def forget(self):
        """Reset the counts."""
        self.requests, self.sent = [], 0

    def asked(self, part):
        """Requests for paths that contain a text."""
        return [request for request in self.requests if part in request[0]]

    def etag(self, path, data):
        """A quoted hash of a file's size and ends, computed once."""
        known = self._etags.get(path)
        if known is None or known[0] is not data:
            ends = bytes(data[:_ENDS]) + bytes(data[-_ENDS:])
            known = self._etags[path] = (data, f'"{hashlib.md5(ends).hexdigest()}-{len(data)}"')
        return known[1]

    def take_fault(self, path, ranged):
        with self.lock:
            for fault in self.faults:
                fits = fault.path in path and fault.ranged in (None, ranged)
                if fits and fault.times:
                    fault.times -= 1
                    return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False
    request_queue_size = 128  # with Python's 5, some of many connections at once wait a second


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    @property
    def owner(self):
        return self.server.owner

    def do_GET(self):
        wanted = self.headers.get("Range")
        with self.owner.lock:
            self.owner.requests.append((self.path, wanted))
        if self.owner.latency:
            time.sleep(self.owner.latency)
        fault = self.owner.take_fault(self.path, wanted is not None)
        self.answer(fault.kind if fault else None, fault.value if fault else None, wanted)

    def answer(self, kind, value, wanted):
        data = self.owner.files.get(self.path)
        if kind == "hang":
            self.owner.closing.wait(20)
            self.close_connection = True
        elif kind in ("raw", "drip", "endless"):
            self.close_connection = True
            self.send_raw(kind, value)
        elif kind == "status":
            self.send(value, b"no", {"Retry-After": self.owner.retry_after} if value == 503 else {})
        elif kind == "redirect":
            self.send(302, b"", {"Location": value})
        elif data is None:
            self.send(404, b"no such file", {})
        else:
            self.send_file(data, kind, value, None if kind == "ignore-range" else wanted)

    def send_file(self, data, kind, value, wanted):
        headers = {"ETag": self.owner.etag(self.path, data)}
        if kind == "etag":
            headers["ETag"] = value() if callable(value) else value
        if kind == "body":
            data, wanted = value(bytes(data)), None
        status, body = 200, memoryview(data)
        if wanted:
            first, last = self.bounds(wanted, len(data))
            if first >= len(data):
                return self.send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            status, body = 206, body[first : last + 1]
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        if kind == "flip":
            body = bytearray(body)
            body[min(value, len(body) - 1)] ^= 0xFF
        self.send(status, body, headers, kind, value)

    @staticmethod
    def bounds(wanted, size):
        first, last = _RANGE.fullmatch(wanted).groups()
        if not first:
            return max(0, size - int(last)), size - 1
        return int(first), min(int(last or size - 1), size - 1)

    def send(self, status, body, headers, kind=None, value=None):
        self.send_response(status)
        headers["Content-Length"] = str(len(body) + (value if kind == "length" else 0))
        if kind in ("no-length", "chunked"):
            del headers["Content-Length"]
        if kind == "chunked":
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%b\r\n" % (len(body), body) + b"0\r\n\r\n" * value
        if kind == "headers":
            headers |= value
        for name, text in headers.items():
            if text is not None:
                self.send_header(name, text)
        self.end_headers()
        count = int(len(body) * value) if kind in ("cut", "no-length") else len(body)
        if kind == "trickle":
            self.trickle(body, value)
        else:
            self.write(body[:count])
        if kind in ("cut", "length", "no-length", "chunked", "headers"):
            self.close_connection = True

    def send_raw(self, kind, data):
        if kind == "drip":
            return self.trickle(data, 0)
        self.write(data)
        while kind == "endless" and not self.owner.closing.is_set():
            self.write(data.splitlines(keepends=True)[-1] * 100)

    def trickle(self, body, value):
        self.write(body[:value])
        for place in range(value, len(body)):
            if self.owner.closing.wait(0.05):
                break
            self.write(body[place : place + 1])

    def write(self, body):
        self.wfile.write(body)
        self.wfile.flush()
        with self.owner.lock:
            self.owner.sent += len(body)

    def log_message(self, *_):
        pass

    def handle(self):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().handle()

    def finish(self):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().finish()
