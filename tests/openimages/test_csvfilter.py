import csv
import io

import numpy as np
import pytest

from pumpkin.openimages import csvfilter
from pumpkin.openimages.csvfilter import RowFilter
from pumpkin.openimages.errors import IntegrityError

TABLE = b"ImageID,LabelName,X\na,/m/05zsy,1\nb,/m/05zsyq,2\nc,/m/0dv77,3\nd,/m/05zsy,4\n"
PUMPKINS = [("/m/05zsy", "a", "1"), ("/m/05zsy", "d", "4")]


def pumpkins(**given):
    return RowFilter("t.csv", ("LabelName", "ImageID", "X"), {"/m/05zsy"}, **given)


def authors(*ids, lenient=True):
    return RowFilter("t.csv", ("ImageID", "Title"), ids, rare=False, lenient=lenient)


def run(row_filter, data, size):
    kept = [row for k in range(0, len(data), size) for row in row_filter.feed(data[k : k + size])]
    return kept + row_filter.finish()


@pytest.mark.parametrize("size", [1, 2, 7, 30, 1000])
def test_rows_of_a_class_whatever_the_blocks(size):
    row_filter = pumpkins()
    assert run(row_filter, TABLE, size) == PUMPKINS
    assert row_filter.header == ["ImageID", "LabelName", "X"] and row_filter.consumed == len(TABLE)


def test_two_values_keep_a_row_once_and_the_order():
    row_filter = RowFilter("t.csv", ("LabelName", "X"), ["/m/0dv77", "/m/05zsy"])
    assert run(row_filter, TABLE, 1000) == [("/m/05zsy", "1"), ("/m/0dv77", "3"), ("/m/05zsy", "4")]


FORMS = {
    "Windows line ends": TABLE.replace(b"\n", b"\r\n"),
    "all fields quoted": b'"' + TABLE.replace(b",", b'","').replace(b"\n", b'"\n"')[:-1],
    "spaces after commas": TABLE.replace(b",", b", "),
    "quotes after spaces": TABLE.replace(b",/m/05zsy,", b', "/m/05zsy",'),
    "another order": b"X,LabelName,ImageID\n1,/m/05zsy,a\n2,/m/0,b\n4,/m/05zsy,d\n",
    "a further column": TABLE.replace(b"\n", b",9\n").replace(b"X,9", b"X,Y"),
    "capital letters": TABLE.replace(b"/m/05zsy,", b"/M/05ZSY,"),
    "a byte order mark": b"\xef\xbb\xbf" + TABLE,
    "empty lines": TABLE.replace(b"\n", b"\n\n"),
    "letters of an unknown encoding": TABLE.replace(b"c,", b"\xff,"),
}


@pytest.mark.parametrize("size", [1, 10, 1000])
@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_read_as_csv_says(form, size):
    assert [(mid.lower(), *row) for mid, *row in run(pumpkins(), FORMS[form], size)] == PUMPKINS


def test_going_on_from_what_was_consumed():
    first = pumpkins()
    kept = first.feed(TABLE[:40])
    second = pumpkins(consumed=first.consumed, header=first.header)
    assert kept + run(second, TABLE[first.consumed :], 3) == PUMPKINS


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_rows_by_id_with_quoted_newlines(size):
    rows = [("ImageID", "Title"), ("a1", 'say "hi",\nthere'), ("b2", "x"), ("c3", "\n\n"), ("a4", "end")]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    kept = run(authors("a1", "c3", "a4"), text.getvalue().encode(), size)
    assert kept == [("a1", 'say "hi",\nthere'), ("c3", "\n\n"), ("a4", "end")]


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_only_newlines_end_lines(size):
    data = "ImageID,Title\na,one\u2028two\nb,three\x85four\nc,five\x0bsix\x1cseven\n".encode()
    assert run(authors("a", "b", "c"), data, size) == [
        ("a", "one\u2028two"), ("b", "three\x85four"), ("c", "five\x0bsix\x1cseven"),
    ]  # fmt: skip


# Of each table, the row b is damaged, and a, c and d are whole.
DAMAGED = {
    "an open quote": b'a,"x"\nb,"y\nc,"z"\nd,w\n',
    "an open quote to the end": b'a,"x"\nc,z\nd,w\nb,"y\n',
    "an open quote in the last field but one": b'a,x\nb,"y,1\nc,z\nd,"w"\n',
    "text after a quote": b'a,x\nb,"y"y\nc,z\nd,w\n',
    "too many fields": b"a,x\nb,y,1\nc,z\nd,w\n",
    "too few fields": b"a,x\nb\nc,z\nd,w\n",
    "a field over 128 kB": b"a,x\nb," + b"y" * 200_000 + b"\nc,z\nd,w\n",
    "a carriage return": b"a,x\nb,y\ry\nc,z\nd,w\n",
}


@pytest.mark.parametrize("size", [7, 1000, 1 << 20])
@pytest.mark.parametrize("damage", DAMAGED)
def test_one_damaged_row_takes_no_other_with_it(damage, size):
    kept = run(authors("a", "b", "c", "d"), b"ImageID,Title\n" + DAMAGED[damage], size)
    assert [row[0] for row in kept] == ["a", "c", "d"]


@pytest.mark.parametrize("size", [7, 1000, 1 << 20])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_row_is_named_by_its_place(damage, size):
    table = b"ImageID,Title\n" + DAMAGED[damage]
    place = table.index(b"\nb") + 1
    with pytest.raises(IntegrityError, match=r"^t\.csv") as caught:
        run(authors("a", "b", "c", "d", lenient=False), table, size)
    message = str(caught.value)
    assert f"the row at byte {place} cannot be read as CSV: " in message or message == (
        f"t.csv ends in the middle of a row, at byte {len(table)}."
    )


def test_a_quote_that_stays_open_is_left_at_the_longest_row(monkeypatch):
    monkeypatch.setattr(csvfilter, "_LONGEST_ROW", 1000)
    rows = [f"{k:04},title {k}\n" for k in range(500)]
    rows[7] = '0007,"title\n'
    data = "".join(["ImageID,Title\n", *rows]).encode()
    kept = run(authors(*(row[:4] for row in rows)), data, 128)
    assert kept == [(f"{k:04}", f"title {k}") for k in range(500) if k != 7]
    with pytest.raises(IntegrityError, match=r"t\.csv: the row at byte \d+ has no end"):
        run(authors("0007", lenient=False), data, 128)


def test_random_tables_agree_with_the_csv_module():
    rng = np.random.default_rng(0)
    texts = ["x", "", 'say "hi"', "a,b", "two\nlines", "\u2028", "5 %"]
    for _ in range(30):
        count = rng.integers(1, 60)
        rows = [(f"{k}", f"/m/{rng.integers(5)}", texts[rng.integers(7)]) for k in range(count)]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n", quoting=int(rng.integers(2))).writerows(
            [("A", "B", "C"), *rows]
        )
        row_filter = RowFilter("t.csv", ("B", "A", "C"), ["/m/3"])
        kept = run(row_filter, text.getvalue().encode(), int(rng.integers(1, 200)))
        assert kept == [(b, a, c) for a, b, c in rows if b == "/m/3"]


@pytest.mark.parametrize(
    ("data", "found"),
    [(b"A,B\n1,2\n", "A, B"), (b"", "nothing"), (b"<html>\n" * 100, "<html>"),
     (b"x" * 500 + b"\n", "x" * 120 + r"\.\.\.")],
)  # fmt: skip
def test_a_missing_column_is_named(data, found):
    with pytest.raises(IntegrityError, match=rf"^t\.csv has no column 'LabelName', only {found}\.$"):
        run(pumpkins(), data, 50)


@pytest.mark.parametrize("cut", [1, 5])
@pytest.mark.parametrize("lenient", [True, False])
def test_a_table_that_ends_within_a_row_is_cut_short(cut, lenient):
    row_filter = pumpkins(lenient=lenient)
    with pytest.raises(IntegrityError, match=r"t\.csv ends in the middle of a row, at byte"):
        run(row_filter, TABLE[:-cut], 10)


@pytest.mark.parametrize("data", [bytes(2 << 20), TABLE.replace(b"\n", b"\r") * 30_000])
def test_a_file_without_lines_is_refused(data):
    with pytest.raises(IntegrityError, match="the row at byte 0 has no end"):
        run(pumpkins(), data, 1 << 17)
