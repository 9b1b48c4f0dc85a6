"""A comparison in words: who wins, by how much, and how sure that is."""

from mrcnn.evaluation.bootstrap import Comparison, Interval
from mrcnn.evaluation.confidence import Threshold
from mrcnn.evaluation.verdict import rows, table_lines, verdict

ZERO = Interval(0.0, 0.0, 0.0)
APS = (Interval(0.4, 0.35, 0.45), Interval(0.5, 0.44, 0.56), Interval(0.46, 0.4, 0.5))


def test_a_winner():
    gaps = (Interval(0.1, 0.05, 0.15), ZERO, Interval(0.04, 0.01, 0.07))
    told = verdict(["a", "b", "c"], Comparison(APS, 1, gaps, 1), 80, 1000, 3)
    assert told == (
        "Winner: b. It is 0.040 mask AP above c, the nearest one (+0.010 to +0.070; 95% intervals of 1,000 "
        "resamples of 80 images, seed 3)."
    )


def test_no_winner():
    gaps = (Interval(0.1, 0.05, 0.15), ZERO, Interval(0.04, -0.01, 0.07))
    told = verdict(["a", "b", "c"], Comparison(APS, 1, gaps, None), 8, 100, 0)
    assert told == (
        "No winner: b is 0.040 mask AP above c, which may be chance (-0.010 to +0.070; 95% intervals of 100 "
        "resamples of 8 images, seed 0)."
    )


def test_one_model_alone():
    told = verdict(["a"], Comparison(APS[:1], 0, (ZERO,), None), 8, 100, 0)
    assert told == "a has mask AP 0.400 (0.350 to 0.450; 95% intervals of 100 resamples of 8 images, seed 0)."


def test_the_table_has_the_best_first():
    class Fixed:
        def ap(self, iou):
            return {0: 0.7, 5: 0.3}[iou]

    best = Threshold(0.5, 0.8, 0.8, 0.8, 10, 8, 10)
    gaps = (Interval(0.1, 0.05, 0.15), ZERO)
    found = rows(["a", "bb"], [Fixed(), Fixed()], [None, best], Comparison(APS[:2], 1, gaps, 1))
    assert found == [
        ("bb", "0.500", "0.440 to 0.560", "", "", "0.700", "0.300", "0.800"),
        ("a", "0.400", "0.350 to 0.450", "-0.100", "-0.150 to -0.050", "0.700", "0.300", "-"),
    ]
    assert table_lines(found)[1:] == [
        "bb       0.500  0.440 to 0.560                                0.700  0.300    0.800",
        "a        0.400  0.350 to 0.450      -0.100  -0.150 to -0.050  0.700  0.300        -",
    ]
