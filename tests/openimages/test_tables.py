from functools import partial

import pytest

from mrcnn.http import Client
from pumpkin.openimages import tables
from pumpkin.openimages.csvfilter import NeedleFilter
from pumpkin.openimages.errors import NetworkError
from pumpkin.openimages.tables import Table
from tests.openimages.conftest import FAST
from tests.openimages.server import Fault, FileServer

LINES = [f"{k:016x},/m/{'05zsy' if k % 50 == 0 else '04yx4'},{k}" for k in range(60_000)]
BODY = ("ImageID,LabelName,X\n" + "\n".join(LINES) + "\n").encode()
KEPT = ("ImageID,LabelName,X\n" + "\n".join(LINES[::50]) + "\n").encode()


@pytest.fixture
def server():
    server = FileServer({"/t.csv": BODY})
    yield server
    server.close()


@pytest.fixture
def table(server, tmp_path):
    def make(choice="pumpkins"):
        make_filter = partial(NeedleFilter, [b",/m/05zsy,"])
        return Table(Client(FAST), server.url + "t.csv", "t.csv", tmp_path, "t.csv", choice, make_filter)

    return make


def test_rows_are_kept_and_not_read_again(server, table):
    assert table().cached() is None
    rows, facts = table().fetch()
    assert rows == KEPT and facts.size == len(BODY)
    assert table().fetch() == (rows, facts)
    assert len(server.requests) == 1
    assert table("squashes").cached() is None


def test_a_cut_stream_is_continued(server, table):
    server.faults.append(Fault("/t.csv", "cut", 0.6, times=3))
    assert table().fetch()[0] == KEPT
    assert server.sent == len(BODY)


@pytest.mark.parametrize("then", [None, "ignore-range", "etag"])
def test_a_later_run_goes_on_from_the_checkpoint(server, table, monkeypatch, then):
    monkeypatch.setattr(tables, "CHECKPOINT", 100_000)
    server.faults += [Fault("/t.csv", "cut", 0.7, times=1), Fault("/t.csv", "status", 500)]
    with pytest.raises(NetworkError):
        table().fetch()
    server.faults = [Fault("/t.csv", then, '"new"')] if then else []
    server.forget()
    told = []
    assert table().fetch(told.append)[0] == KEPT
    if then is None:
        assert server.sent < 0.5 * len(BODY) and sum(told) == len(BODY)
