import csv
import io

import numpy as np
import pytest

from pumpkin.openimages.csvfilter import IdFilter, NeedleFilter, parse
from pumpkin.openimages.errors import IntegrityError

TABLE = b"ImageID,LabelName,X\na,/m/05zsy,1\nb,/m/05zsyq,2\nc,/m/0dv77,3\nd,/m/05zsy,4"


def run(row_filter, data, size):
    kept = b"".join(row_filter.feed(data[k : k + size]) for k in range(0, len(data), size))
    return kept + row_filter.finish()


@pytest.mark.parametrize("size", [1, 2, 7, 30, 1000])
def test_rows_of_a_class_whatever_the_blocks(size):
    row_filter = NeedleFilter([b",/m/05zsy,"])
    assert run(row_filter, TABLE, size) == b"a,/m/05zsy,1\nd,/m/05zsy,4\n"
    assert row_filter.header == b"ImageID,LabelName,X\n"


def test_two_needles_keep_a_row_once_and_the_order():
    row_filter = NeedleFilter([b",/m/0dv77,", b",/m/05zsy,", b"c,/m"])
    assert run(row_filter, TABLE, 1000) == b"a,/m/05zsy,1\nc,/m/0dv77,3\nd,/m/05zsy,4\n"


def test_windows_line_ends():
    row_filter = NeedleFilter([b",/m/05zsy,"])
    assert run(row_filter, TABLE.replace(b"\n", b"\r\n"), 5) == b"a,/m/05zsy,1\nd,/m/05zsy,4\n"


def test_going_on_from_what_was_consumed():
    first = NeedleFilter([b",/m/05zsy,"])
    kept = first.feed(TABLE[:40])
    second = NeedleFilter([b",/m/05zsy,"], first.consumed, first.header)
    kept += run(second, TABLE[first.consumed :], 3)
    assert kept == b"a,/m/05zsy,1\nd,/m/05zsy,4\n"


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
def test_rows_by_id_with_quoted_newlines(size):
    rows = [("ImageID", "Title"), ("a1", 'say "hi",\nthere'), ("b2", "x"), ("c3", "\n\n"), ("a4", "end")]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    row_filter = IdFilter({b"a1", b"c3", b"a4"})
    kept = row_filter.header or b""
    kept = run(row_filter, text.getvalue().encode(), size)
    assert parse(row_filter.header + kept, ("ImageID", "Title"), "x") == [
        ("a1", 'say "hi",\nthere'), ("c3", "\n\n"), ("a4", "end"),
    ]  # fmt: skip


def test_random_tables_agree_with_the_csv_module():
    rng = np.random.default_rng(0)
    for _ in range(30):
        rows = [
            (f"{k}", f"/m/{rng.integers(5)}", str(rng.integers(1 << 30))) for k in range(rng.integers(1, 60))
        ]
        data = "".join(f"{','.join(row)}\n" for row in [("A", "B", "C"), *rows]).encode()
        row_filter = NeedleFilter([b",/m/3,"])
        kept = run(row_filter, data, int(rng.integers(1, 200)))
        assert parse(row_filter.header + kept, ("A", "B", "C"), "x") == [
            row for row in rows if row[1] == "/m/3"
        ]


def test_a_missing_column_is_named():
    with pytest.raises(IntegrityError, match=r"t\.csv has no column 'Y', only A, B"):
        parse(b"A,B\n1,2\n", ("A", "Y"), "t.csv")


def test_a_file_without_lines_is_refused():
    with pytest.raises(IntegrityError, match="no end"):
        NeedleFilter([b"x"]).feed(bytes(2 << 20))
