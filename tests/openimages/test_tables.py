import pytest

from mrcnn.http import Client
from pumpkin.openimages import tables
from pumpkin.openimages.errors import IntegrityError, NetworkError
from pumpkin.openimages.tables import Table
from tests.openimages.conftest import FAST
from tests.openimages.server import Fault, FileServer

LINES = [f"{k:016x},/m/{'05zsy' if k % 50 == 0 else '04yx4'},{k}" for k in range(60_000)]
BODY = ("ImageID,LabelName,X\n" + "\n".join(LINES) + "\n").encode()
COLUMNS = ("LabelName", "X")
KEPT = [("/m/05zsy", str(k)) for k in range(0, 60_000, 50)]


@pytest.fixture
def server():
    server = FileServer({"/t.csv": BODY})
    yield server
    server.close()


@pytest.fixture
def table(server, tmp_path):
    def make(*wanted, columns=COLUMNS):
        wanted = wanted or ["/m/05zsy"]
        return Table(Client(FAST), server.url + "t.csv", "t.csv", tmp_path, "t.csv", columns, wanted)

    return make


def test_rows_are_kept_and_not_read_again(server, table):
    assert table().cached() is None
    rows, facts = table().fetch()
    assert rows == KEPT and facts.size == len(BODY)
    assert table().fetch() == (rows, facts)
    assert len(server.requests) == 1
    assert table("/m/0dv77").cached() is None and table(columns=("LabelName",)).cached() is None


@pytest.mark.parametrize("body", [b"", b"<html>\n", BODY[:-1], BODY[:-1] + b",/m/05zsy\n", BODY + b'"'])
def test_a_table_that_is_none_is_not_kept(server, table, tmp_path, body):
    server.files["/t.csv"] = body
    with pytest.raises(IntegrityError, match=r"^t\.csv"):
        table().fetch()
    assert list(tmp_path.iterdir()) == []
    server.files["/t.csv"] = BODY
    assert table().fetch()[0] == KEPT


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
