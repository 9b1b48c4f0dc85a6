"""The client against answers that no honest server gives: heads, framing, redirects and parts."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from mrcnn.http import Client, NetworkError, Retry, SourceChanged, Stopped
from tests.openimages.server import CERTIFICATE, Fault, FileServer
from tests.openimages.test_http import BODY, READS

QUICK = Retry(attempts=2, backoff=0.01, longest=0.05, connect=1, read=0.3, patience=0.3)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def small():
    server = FileServer({"/a": BODY})
    yield server
    server.close()


@pytest.fixture
def quick():
    client = Client(QUICK)
    yield client
    client.close()


ENDLESS = {
    "a head of single bytes": ("drip", OK + b"X: " + b"x" * 900),
    "a status line of single bytes": ("drip", b"HTTP/1.1 200 " + b"x" * 900),
    "continue for ever": ("endless", b"HTTP/1.1 100 Continue\r\n\r\n" * 2),
    "hints for ever": ("endless", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2),
    "headers for ever": ("endless", OK + b"X: x\r\n"),
    "a header without an end": ("endless", OK + b"X: x"),
    "a body of single bytes": ("drip", OK + b"Content-Length: 9000\r\n\r\n" + b"x" * 900),
    "a trailer for ever": ("endless", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: x\r\n"),
    "silence": ("hang", None),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_that_never_ends_is_given_up(small, quick, name):
    small.faults.append(Fault("/a", *ENDLESS[name]))
    with pytest.raises(NetworkError, match=r"/a: .*, 2 times in a row\."):
        quick.read(small.url + "a", 1 << 20)
    assert len(small.requests) == 2


@pytest.mark.parametrize("name", ENDLESS)
def test_one_answer_that_never_ends_is_survived(small, quick, name):
    small.faults.append(Fault("/a", *ENDLESS[name], times=1))
    assert quick.read(small.url + "a", 1 << 20) == BODY


def test_the_body_of_a_redirect_is_not_read(small, quick):
    head = b"HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n"
    small.faults.append(Fault("/b", "endless", head + b"x\n"))
    assert quick.read(small.url + "b", 1 << 20) == BODY
    assert quick.received == len(BODY) and len(small.requests) == 2


@pytest.mark.parametrize("target", ["http://[::1/x", "http://:99999/", "http://a b/", "http://\xff/"])
def test_a_redirect_to_no_address(small, quick, target):
    small.faults.append(Fault("/a", "redirect", target))
    with pytest.raises(NetworkError, match="/a: is or leads to an address that is not followed: "):
        quick.read(small.url + "a", 1 << 20)


def test_a_redirect_without_an_end_names_both_addresses(small, quick):
    small.faults.append(Fault("/c", "redirect", "/c?again"))
    with pytest.raises(NetworkError, match=r"/c: leads on and on, to .*/c\?again at last; check the address"):
        quick.read(small.url + "c", 10)
    assert len(small.requests) == 6


@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
def test_interim_answers_are_passed_over(small, quick, interim):
    answer = b"%bHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (interim * 2, len(BODY), BODY)
    small.faults.append(Fault("/a", "raw", answer, times=1))
    assert quick.read(small.url + "a", 1 << 20) == BODY
    assert len(small.requests) == 1


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-1", "1e3", "", "0x10"])
def test_a_length_that_is_no_number(small, quick, length):
    small.faults.append(Fault("/a", "headers", {"Content-Length": length}))
    with pytest.raises(NetworkError, match="a length that is no number, 2 times in a row"):
        quick.read(small.url + "a", 1 << 20)


@pytest.mark.parametrize("wait", ["\xb2", "9" * 5000, "-1", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_a_pause_that_is_no_number_is_the_clients_own(small, quick, wait):
    asked = []
    quick.pause = asked.append
    small.retry_after = wait
    small.faults.append(Fault("/a", "status", 503, times=1))
    assert quick.read(small.url + "a", 1 << 20) == BODY
    assert asked == [QUICK.backoff]


HEADS = {
    "no status": b"\x00\xff\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a long line": OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
    "many headers": OK + b"".join(b"X%d: x\r\n" % k for k in range(200)) + b"\r\n",
    "no answer": b"",
    "a bad chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a cut chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(BODY), BODY[:1000]),
    "compressed bytes": OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_none(small, quick, name):
    small.faults.append(Fault("/a", "raw", HEADS[name]))
    with pytest.raises(NetworkError, match="2 times in a row"):
        quick.read(small.url + "a", 1 << 20)
    small.faults = [Fault("/a", "raw", HEADS[name], times=1)]
    assert quick.read(small.url + "a", 1 << 20) == BODY


# Where each read asks for bytes, and what the answer claims to send.
WRONG_PLACES = ["bytes 1-300000/300000", "bytes 9-5/300000", "bytes 0-9/300000", "bytes \xb2-9/300000",
                f"bytes 0-{'9' * 5000}/*", "bytes 250000-299999/300000", "items 0-9/10", None]  # fmt: skip


@pytest.mark.parametrize("place", WRONG_PLACES)
@pytest.mark.parametrize("read", ["range", "tail"])
def test_a_part_from_another_place_is_not_taken(small, quick, read, place):
    function, expected = READS[read]
    small.faults.append(Fault("/a", "headers", {"Content-Range": place}))
    with pytest.raises(NetworkError, match=r"the server sent .*, 2 times in a row"):
        function(quick, small.url + "a")
    assert len(small.requests) == 2 and quick.received == 0
    small.faults = [Fault("/a", "headers", {"Content-Range": place}, times=1)]
    assert function(quick, small.url + "a") == expected


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_body_of_undeclared_length_is_continued(small, quick, share, ranges):
    small.faults.append(Fault("/a", "no-length", share, times=1))
    small.faults += [] if ranges else [Fault("/a", "ignore-range")]
    assert quick.read(small.url + "a", 1 << 20) == BODY


@pytest.mark.parametrize("ranges", [True, False])
def test_the_end_of_a_body_of_undeclared_length_is_asked_for(small, quick, ranges):
    small.faults.append(Fault("/a", "no-length", 1.0, ranged=None if not ranges else False))
    body = quick.stream(small.url + "a")
    assert b"".join(body.pieces) == BODY and body.facts.size == len(BODY)
    assert small.requests == [("/a", None), ("/a", f"bytes={len(BODY)}-")]


NO_VERSION = [OK + b"\r\n", OK + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n"]


@pytest.mark.parametrize("head", NO_VERSION, ids=["no length", "chunked"])
def test_a_body_of_unknown_version_is_read_again_and_compared(small, quick, head):
    small.faults.append(Fault("/a", "raw", head + BODY[:1000], times=1))
    assert quick.read(small.url + "a", 1 << 20) == BODY
    small.faults.append(Fault("/a", "raw", head + b"another file" + BODY[12:1000], times=1))
    with pytest.raises(SourceChanged, match="it begins with other bytes than before"):
        quick.read(small.url + "a", 1 << 20)
    assert [wanted for _, wanted in small.requests] == [None] * 4


def test_an_end_that_moves_is_none(small, quick):
    small.faults = [Fault("/a", "raw", OK + b"\r\n" + BODY[:count], times=1) for count in (100, 200, 300)]
    with pytest.raises(NetworkError, match="the file ends at another byte each time"):
        quick.read(small.url + "a", 1 << 20)


@pytest.mark.parametrize(("whole", "count"), [(True, 1), (False, 2)])
def test_the_last_chunk_proves_the_end(small, quick, whole, count):
    small.faults.append(Fault("/a", "chunked", whole, times=1))
    assert quick.read(small.url + "a", 1 << 20) == BODY
    assert len(small.requests) == count


def test_a_file_shorter_than_what_is_there_has_changed(small, quick):
    with pytest.raises(SourceChanged, match="shorter than the requested"):
        list(quick.stream(small.url + "a", start=len(BODY) + 1).pieces)
    assert list(quick.stream(small.url + "a", start=len(BODY)).pieces) == []


def test_a_stopped_client_ends_a_wait_for_the_server(small):
    client = Client(Retry(read=1000, patience=1000))
    small.faults.append(Fault("/a", "hang"))
    ends = []

    def read():
        with pytest.raises(Stopped):
            client.read(small.url + "a", 10)
        ends.append(True)

    reading = threading.Thread(target=read)
    reading.start()
    while not small.requests:
        time.sleep(0.01)
    client.stop.set()
    reading.join(10)
    assert ends == [True]


@pytest.mark.parametrize("name", ["a head of single bytes", "a body of single bytes", "silence"])
def test_time_limits_hold_on_https(quick, monkeypatch, name):
    server = FileServer({"/a": BODY}, tls=True)
    with pytest.raises(NetworkError, match=r"no secure connection: check the certificates.*2 times"):
        quick.read(server.url + "a", 1 << 20)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    assert quick.read(server.url + "a", 1 << 20) == BODY
    server.forget()
    server.faults.append(Fault("/a", *ENDLESS[name]))
    with pytest.raises(NetworkError, match=r"/a: .*, 2 times in a row\."):
        quick.read(server.url + "a", 1 << 20)
    assert len(server.requests) == 2
    server.close()


@pytest.mark.parametrize("name", ["a head of single bytes", "a body of single bytes", "silence"])
def test_time_limits_hold_behind_a_proxy(small, quick, monkeypatch, name):
    monkeypatch.setenv("http_proxy", small.url)
    address = "http://example.invalid/b"
    small.files[address] = BODY
    assert quick.read(address, 1 << 20) == BODY
    small.faults.append(Fault("/b", *ENDLESS[name]))
    with pytest.raises(NetworkError, match=r"/b: .*, 2 times in a row\."):
        quick.read(address, 1 << 20)
    assert len(small.requests) == 3


WAITING = """
import threading
from mrcnn.http import Client

def work(item):
    if item == 0:
        import _thread
        _thread.interrupt_main()
    threading.Event().wait(1000)  # as a name server keeps a thread waiting

Client().each(work, range(4), 4)
"""


def test_ctrl_c_does_not_wait_for_threads_that_hear_nothing():
    process = subprocess.run([sys.executable, "-c", WAITING], capture_output=True, text=True, timeout=30)
    assert process.returncode in (-signal.SIGINT, 130) and "KeyboardInterrupt" in process.stderr
