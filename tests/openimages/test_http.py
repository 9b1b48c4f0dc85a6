"""The client against a server whose faults are switched on one at a time."""

import time

import pytest

from mrcnn.http import Client, Retry
from pumpkin.openimages.errors import (
    Absent,
    IntegrityError,
    NetworkError,
    Offline,
    RangeIgnored,
    SourceChanged,
    Stopped,
)
from tests.openimages.conftest import FAST
from tests.openimages.server import Fault, FileServer

BODY = bytes(k * k % 251 for k in range(300_000))


@pytest.fixture
def small():
    server = FileServer({"/a": BODY, "/empty": b""})
    yield server
    server.close()


@pytest.fixture
def client():
    client = Client(FAST)
    yield client
    client.close()


def test_whole_files_ranges_and_tails(small, client):
    url = small.url + "a"
    assert client.read(url, 1 << 20) == BODY
    assert client.read_range(url, 1000, 1010) == BODY[1000:1010]
    data, facts = client.read_tail(url, 77)
    assert data == BODY[-77:] and facts.size == len(BODY) and facts.etag
    assert client.read_tail(url, 1 << 20)[0] == BODY
    assert client.read(small.url + "empty", 10) == b""
    assert small.sent == client.received and len(small.requests) == client.requests


READS = {
    "whole": (lambda client, url: client.read(url, 1 << 20), BODY),
    "range": (lambda client, url: client.read_range(url, 5, 250_000), BODY[5:250_000]),
    "tail": (lambda client, url: client.read_tail(url, 200_000)[0], BODY[-200_000:]),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("kind", "value"),
    [("status", 503), ("status", 500), ("status", 429), ("cut", 0.5), ("cut", 0.0)],
)
def test_passing_faults_are_survived(small, client, read, kind, value):
    small.faults.append(Fault("/a", kind, value, times=2))
    function, expected = READS[read]
    assert function(client, small.url + "a") == expected
    assert len(small.requests) == 3


def test_a_trickle_is_left_for_a_new_connection(small, client):
    small.faults.append(Fault("/a", "trickle", 150_000, times=1))
    assert client.read(small.url + "a", 1 << 20) == BODY
    assert len(small.requests) == 2


@pytest.mark.parametrize("read", READS)
def test_a_cut_body_is_continued_not_begun_anew(small, client, read):
    small.faults.append(Fault("/a", "cut", 0.5, times=2))
    function, expected = READS[read]
    assert function(client, small.url + "a") == expected
    assert client.received == len(expected)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(("kind", "value"), [("status", 503), ("cut", 0.0), ("hang", None)])
def test_lasting_faults_are_reported(small, read, kind, value):
    small.faults.append(Fault("/a", kind, value))
    client = Client(Retry(attempts=2, backoff=0.01, read=0.2, patience=0.2))
    with pytest.raises(NetworkError, match="2 times in a row"):
        READS[read][0](client, small.url + "a")
    assert len(small.requests) == 2


def test_a_server_that_is_not_there(small, client):
    small.close()
    with pytest.raises(NetworkError, match="connection"):
        client.read(small.url + "a", 10)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_absent_files_are_not_asked_for_again(small, client, status):
    small.faults.append(Fault("/a", "status", status))
    with pytest.raises(Absent, match=str(status)):
        client.read(small.url + "a", 10)
    assert len(small.requests) == 1


def test_other_refusals_are_final(small, client):
    small.faults.append(Fault("/a", "status", 400))
    with pytest.raises(NetworkError, match="400"):
        client.read(small.url + "a", 10)
    assert len(small.requests) == 1


@pytest.mark.parametrize("read", ["range", "tail"])
def test_a_whole_file_in_answer_to_a_range_is_not_read(small, client, read):
    small.faults.append(Fault("/a", "ignore-range"))
    with pytest.raises(RangeIgnored) as caught:
        READS[read][0](client, small.url + "a")
    assert caught.value.facts.size == len(BODY)
    assert client.received == 0


def test_a_whole_file_is_continued_also_where_ranges_are_ignored(small, client):
    small.faults += [Fault("/a", "cut", 0.5, times=1), Fault("/a", "ignore-range")]
    assert client.read(small.url + "a", 1 << 20) == BODY


@pytest.mark.parametrize("end", [len(BODY) + 1, len(BODY) + 100_000])
def test_a_range_beyond_the_end(small, client, end):
    with pytest.raises(SourceChanged, match="has changed"):
        client.read_range(small.url + "a", len(BODY) - 10, end)
    with pytest.raises(SourceChanged, match="shorter"):
        client.read_range(small.url + "a", len(BODY), end)


def test_another_version_is_told_by_size_and_etag(small, client):
    etag = client.read_tail(small.url + "a", 1)[1].etag
    url = small.url + "a"
    assert b"".join(client.stream(url, 5, len(BODY), etag).pieces) == BODY[5:]
    with pytest.raises(SourceChanged, match="etag"):
        list(client.stream(url, 5, len(BODY), '"other"').pieces)
    with pytest.raises(SourceChanged, match="size"):
        list(client.stream(url, 5, 7, etag).pieces)


@pytest.mark.parametrize("etag", ['"other"', "W/{}"])
def test_bytes_that_the_caller_checks_may_have_any_etag(small, client, etag):
    url, own = small.url + "a", client.read_tail(small.url + "a", 1)[1].etag
    assert client.read_range(url, 0, 3, len(BODY)) == BODY[:3]
    with pytest.raises(SourceChanged, match="its size was 7 and is 300000"):
        client.read_range(url, 0, 3, 7)
    small.faults += [Fault("/a", "cut", 0.5, times=1), Fault("/a", "etag", etag.format(own))]
    assert b"".join(client.stream(url, checked=True).pieces) == BODY


def test_a_weak_etag_is_that_of_the_same_file(small, client):
    own = client.read_tail(small.url + "a", 1)[1].etag
    small.faults += [Fault("/a", "cut", 0.5, times=1), Fault("/a", "etag", f"W/{own}")]
    assert client.read(small.url + "a", 1 << 20) == BODY


def test_a_file_that_changes_while_it_is_read(small, client):
    small.faults += [Fault("/a", "cut", 0.5, times=1), Fault("/a", "etag", '"new"', times=1)]
    with pytest.raises(SourceChanged):
        client.read(small.url + "a", 1 << 20)


def test_a_length_that_promises_more_than_there_is(small, client):
    small.faults.append(Fault("/a", "length", 100))
    with pytest.raises(SourceChanged):
        client.read(small.url + "a", 1 << 20)


def test_a_body_is_not_read_beyond_its_bound(small, client):
    with pytest.raises(IntegrityError, match="longer than 1000"):
        client.read(small.url + "a", 1000)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/a"])
def test_redirects_stay_with_http(small, client, address):
    small.faults.append(Fault("/a", "redirect", address))
    with pytest.raises(NetworkError, match="not followed"):
        client.read(small.url + "a", 10)


def test_redirects_are_followed_a_few_times(small, client):
    small.faults.append(Fault("/b", "redirect", "/a"))
    assert client.read(small.url + "b", 1 << 20) == BODY
    small.faults.append(Fault("/c", "redirect", "/c"))
    with pytest.raises(NetworkError):
        client.read(small.url + "c", 10)


def test_retry_after_is_heeded_within_a_bound(small, client):
    asked = []
    client.pause = asked.append
    small.faults.append(Fault("/a", "status", 503, times=1))
    small.retry_after = "7"
    client.read(small.url + "a", 1 << 20)
    assert asked == [FAST.longest]
    assert FAST.longest < 7


def test_an_error_ends_all_threads_of_a_pool(small):
    client = Client(Retry(read=30, patience=1000))
    small.faults.append(Fault("/a", "trickle", 1000))
    ends = []

    def work(read):
        if not read:
            while not client.received:
                time.sleep(0.01)
            raise KeyboardInterrupt
        try:
            client.read(small.url + "a", 1 << 20)
        except Stopped as stopped:
            ends.append(stopped)
            raise

    with pytest.raises(KeyboardInterrupt):
        client.each(work, [True, False], threads=2)
    assert len(ends) == 1


def test_offline_asks_nobody(small):
    client = Client(FAST, offline=True)
    with pytest.raises(Offline):
        client.read(small.url + "a", 10)
    assert small.requests == []


def test_a_stopped_client_ends_pauses_at_once(small):
    client = Client(Retry(attempts=3, backoff=30))
    client.stop.set()
    started = time.monotonic()
    with pytest.raises(Stopped):
        client.read(small.url + "a", 10)
    assert time.monotonic() - started < 5
