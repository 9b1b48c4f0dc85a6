"""A list on the disk."""

import numpy as np

from mrcnn.detection.spool import Spool


def test_values_in_order_any_number_of_times():
    spool = Spool()
    for k in range(5):
        spool.append({"number": k, "pixels": np.full(3, k)})
    assert len(spool) == 5
    for _ in range(2):
        assert [value["number"] for value in spool] == [0, 1, 2, 3, 4]
    assert spool[3]["pixels"].tolist() == [3, 3, 3]
    spool.append("last")
    assert list(spool)[-1] == spool[5] == "last"


def test_reading_while_it_grows():
    spool = Spool()
    spool.append(1)
    values = iter(spool)
    spool.append(2)
    assert list(values) == [1]
    assert list(Spool()) == []


def test_half_a_value_is_none():
    class Unreadable:
        def __reduce__(self):
            raise OSError(28, "No space left on device")

    spool = Spool()
    spool.append("a" * 1000)
    try:
        spool.append(["b" * 100_000, Unreadable()])
    except OSError:
        spool.append("c")
    assert list(spool) == ["a" * 1000, "c"]
