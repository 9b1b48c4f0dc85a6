"""Faults of servers, composed by a seed: status, headers, framing, timing, redirects, content, tables, zips.

Only faults that a client can notice, or that leave no trace in what it keeps: another valid photograph or a
list that lacks lines in its middle would be accepted by anybody.
"""

import gzip
import random
import struct

from tests.openimages.server import Fault

OK = b"HTTP/1.1 200 OK\r\n"
STATUSES = (
    204, 205, 300, 302, 304, 400, 401, 403, 404, 408, 410, 416, 418, 425, 429, 451, 500, 502, 503, 599,
)  # fmt: skip
NUMBERS = ("\xb2", "9" * 5000, "-1", "0", "7", "1e3", "", "5, 6", "\x1b[2J")
PLACES = (
    "bytes 1-9/9", "bytes 9-5/100", "bytes 0-0/1", "bytes */7", "items 0-9/10", "", f"bytes 0-1/{'9' * 5000}",
)  # fmt: skip
RAW = (
    b"", b"\r\n\r\n", b"\x00\xff\x1b[2J\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 \xb2\xb2\xb2 x\r\n\r\n",
    b"HTTP/1.1 500 \x1b]0;title\x07\r\nContent-Length: 0\r\n\r\n", OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
    OK + b"".join(b"X%d: x\r\n" % k for k in range(200)) + b"\r\n", OK + b"no colon\r\n\r\nx",
    OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
    OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", b"HTTP/1.1 103 Early Hints\r\n\r\n", OK,
)  # fmt: skip
SLOW = (
    ("hang", None), ("drip", OK + b"X: " + b"x" * 90),
    ("drip", OK + b"Content-Length: 90\r\n\r\n" + b"x" * 90),
    ("endless", b"HTTP/1.1 100 Continue\r\n\r\n"), ("endless", OK + b"X: x\r\n"),
    ("endless", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: x\r\n"),
    ("endless", b"HTTP/1.1 302 Found\r\nLocation: /nowhere\r\n\r\nx\n"),
)  # fmt: skip
ADDRESSES = (
    "http://[::1/x", "http://:99999/", "http://a b/", "file:///etc/passwd", "/nowhere", "http://127.0.0.1:9/",
    "//", "?", "\x1b[2J", "x" * 5000,
)  # fmt: skip
HTML = b"<html>\x1b[2JPlease log in to this network</html>\n"
OTHERS = (
    b"", HTML, HTML * 5000, gzip.compress(HTML), bytes(3000), b"\xff" * 3000, b"PK\5\6" + bytes(18),
    b"\n" * 99,
)  # fmt: skip
LISTS = ("class-descriptions", "classes-segmentation")
ZIPS = ("-masks-0", "-masks-2", "-masks-c", "-masks-")  # without, with and with most pumpkins, and all
TABLES = ("bbox.csv", "segmentation.csv", "with-rotation.csv")
IMAGES = ("/images/",)
ALL = LISTS + ZIPS + TABLES + IMAGES * 2


def compose(seed, targets=ALL):
    """One to three Faults. targets: parts of the paths of the files that they hit."""
    rng = random.Random(seed)
    return [_draw(rng, rng.choice(targets)) for _ in range(rng.randint(1, 3))]


def _draw(rng, target):
    draws = [_status, _headers, _framing, _framing, _redirect, _content]
    draws += [_slow] if rng.random() < 0.3 else []
    draws += [_table] * 3 if target in TABLES else [_zip] * 3 if target in ZIPS else []
    kind, value = rng.choice(draws)(rng)
    # All zips are asked at once, so the first of them would be another in each run of a seed.
    times = -1 if target == "-masks-" else rng.choice((1, 1, 2, 5, -1))
    return Fault(target, kind, value, times, rng.choice((None, None, True, False)))


def _status(rng):
    return "status", rng.choice(STATUSES)


def _headers(rng):
    name, values = rng.choice((
        ("Content-Length", NUMBERS), ("Content-Range", PLACES),
        ("ETag", ('"x"', 'W/"x"', None, "\x1b[2J", "x" * 5000)),
        ("Content-Encoding", ("gzip", "br", "identity", "")), ("Transfer-Encoding", ("chunked", "gzip")),
    ))  # fmt: skip
    return "headers", {name: rng.choice(values)}


def _framing(rng):
    share = rng.choice((0.0, rng.random(), 0.999))
    return rng.choice((
        ("cut", share), ("no-length", share), ("no-length", 1.0), ("chunked", True), ("chunked", False),
        ("length", 50), ("ignore-range", None), ("raw", rng.choice(RAW)),
        ("etag", lambda: f'"{rng.random()}"'),
    ))  # fmt: skip


def _slow(rng):
    return rng.choice(SLOW)


def _redirect(rng):
    return "redirect", rng.choice(ADDRESSES)


def _content(rng):
    other = rng.choice(OTHERS)
    return "body", lambda _: other


def _table(rng):
    return "body", rng.choice((
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2].rpartition(b",")[0],
        lambda data: data.replace(b"\n", b"\r"),
        lambda data: data.replace(b",", b";"),
        lambda data: data.replace(b"ImageID", b"\x1b[2J"),
        lambda data: data.splitlines(keepends=True)[0],
        lambda data: b'"' + data,
        lambda data: data + b'"',
        lambda data: data.replace(b"\n", b"," + b"x" * 200_000 + b"\n"),
        lambda data: data.decode().encode("utf-16"),
    ))  # fmt: skip


def _zip(rng):
    return "body", rng.choice((
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[: data.index(b"PK\1\2")] + data[data.index(b"PK\1\2") + 1 :],
        lambda data: data[:-14] + struct.pack("<2H", 0, 0) + data[-10:],
        lambda data: data[:-14] + struct.pack("<2H", 3, 3) + data[-10:],
        lambda data: data[:-6] + struct.pack("<L", 0xFFFFFF00) + data[-2:],
        lambda data: data[:-10] + struct.pack("<L", 0xFFFFFFF0) + data[-6:],
        lambda data: bytes(len(data)),
        lambda data: data.replace(b"PK\3\4", b"PK\3\5"),
    ))  # fmt: skip
