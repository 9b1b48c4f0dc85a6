"""Connections on which no wait for bytes lasts beyond its exchange's deadline or outlives a stopped client.

The time limits of requests and urllib3 count from byte to byte, so a server that sends one byte of a header
now and then, or "100 Continue" for ever, is never too slow for them. Here each reading of a socket looks at
the deadline of the exchange that its thread is in.
"""

import http.client
import socket
import ssl
import threading
import time

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from mrcnn.http.errors import Stopped

_SLICE = 0.25  # seconds after which a waiting socket looks whether its client was stopped


class _Exchange(threading.local):
    """What bounds the exchange of a thread: the end of its time, and the client's event."""

    deadline, stop = float("inf"), threading.Event()


_exchange = _Exchange()


def bound(deadline, stop):
    """Bound the readings of this thread from now on.

    deadline: a time of ``time.monotonic``; a later reading raises TimeoutError. stop: an Event; once it is
    set, a reading raises Stopped.
    """
    _exchange.deadline, _exchange.stop = deadline, stop


def _read_in_slices(sock, read, arguments):
    """Call a socket's ``read`` with a short time limit until it has bytes or its time is over."""
    silence = sock.gettimeout()
    end = min(_exchange.deadline, time.monotonic() + (float("inf") if silence is None else silence))
    try:
        while True:
            if _exchange.stop.is_set():
                raise Stopped("The transfer was stopped.")
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the time of the exchange is over")
            sock.settimeout(min(left, _SLICE))
            try:
                return read(*arguments)
            except TimeoutError:
                continue
    finally:
        sock.settimeout(silence)


class _Socket(socket.socket):
    def recv_into(self, *arguments):
        return _read_in_slices(self, super().recv_into, arguments)


class _TlsSocket(ssl.SSLSocket):
    def recv_into(self, *arguments):
        return _read_in_slices(self, super().recv_into, arguments)


class _Answer(http.client.HTTPResponse):
    """An answer that passes over interim ones, such as 103 Early Hints; http.client itself knows only 100."""

    def _read_status(self):
        found = super()._read_status()
        while 101 < found[1] < 200:
            http.client.parse_headers(self.fp)
            found = super()._read_status()
        return found


class _Bounded:
    """For connections of urllib3: sockets and answers are those of this module."""

    response_class = _Answer

    def _new_conn(self):
        plain = super()._new_conn()
        timeout = plain.gettimeout()
        sock = _Socket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        sock.settimeout(timeout)
        return sock


class _Plain(_Bounded, HTTPConnection):
    pass


class _Tls(_Bounded, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


class Adapter(HTTPAdapter):
    """Connects a session of requests by bounded connections, through a proxy too."""

    def init_poolmanager(self, *arguments, **given):
        """Make the pools of connections; requests calls this."""
        super().init_poolmanager(*arguments, ssl_context=_tls_context(), **given)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def proxy_manager_for(self, proxy, **given):
        """Return the pools behind a proxy; requests calls this."""
        manager = super().proxy_manager_for(proxy, ssl_context=_tls_context(), **given)
        if proxy.lower().startswith("http"):  # those of SOCKS have connections of their own
            manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager


def _tls_context():
    context = create_urllib3_context()
    context.sslsocket_class = _TlsSocket
    return context
