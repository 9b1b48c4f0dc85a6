"""Intervals by resampling images: repeatable, paired, and of the width that theory gives."""

import numpy as np
import pytest

from mrcnn.evaluation import bootstrap, tally
from tests.evaluation.test_tally import annotation, box, gt_of, scattered

WHOLE, FAR = box(5, 5, 20, 20), box(40, 40, 10, 10)


def one_each(found):
    """The Tally of images with one instance each, which is found where ``found`` says so."""
    ground_truth = gt_of(len(found), [(i, 1, WHOLE) for i in range(len(found))], names=("a",))
    return tally.count(ground_truth, [annotation(i, 1, WHOLE, score=0.9) for i in np.flatnonzero(found)])


def test_equal_seeds_give_equal_intervals():
    tallies = [tally.count(*scattered(3))]
    first, again, other = (bootstrap.compare(tallies, 50, seed).aps for seed in (1, 1, 2))
    assert first == again != other


def test_it_covers_the_truth_as_often_as_it_says():
    """AP of images of which a share p is found, without false positives, is near p."""
    rng = np.random.default_rng(0)
    inside = []
    for number in range(100):
        (found,) = bootstrap.compare([one_each(rng.random(60) < 0.6)], 200, number).aps
        inside.append(found.low <= 0.6 <= found.high)
    assert 0.88 <= np.mean(inside) <= 1


def test_the_width_is_that_of_the_mean_of_images():
    found = np.arange(100) < 60
    (one,) = bootstrap.compare([one_each(found)], 1000).aps
    assert one.value == pytest.approx(61 / 101)  # recall 0 to 0.6 of COCO's 101 places
    assert one.high - one.low == pytest.approx(2 * 1.96 * np.sqrt(0.6 * 0.4 / 100), rel=0.15)


def test_a_small_difference_on_the_same_images_is_seen():
    """Each interval is wide, but the second model finds all that the first does and a tenth more."""
    base = np.arange(200) % 2 == 0
    more = base | (np.arange(200) % 20 == 1)
    result = bootstrap.compare([one_each(base), one_each(more)], 400)
    assert result.aps[0].high > result.aps[1].low
    assert (result.best, result.winner) == (1, 1)
    assert result.behind[0].low > 0 and result.behind[0].excludes_zero()
    assert result.behind[1] == bootstrap.Interval(0.0, 0.0, 0.0)


def test_no_winner_within_chance():
    left, right = np.arange(40) % 2 == 0, np.arange(40) % 2 == 1
    left[1] = True
    result = bootstrap.compare([one_each(left), one_each(right)], 400)
    assert (result.best, result.winner) == (0, None)
    assert not result.behind[1].excludes_zero()
    assert bootstrap.compare([one_each(left)], 10).winner is None


def test_other_images_are_refused():
    with pytest.raises(ValueError, match="on the same images"):
        bootstrap.compare([one_each([True]), one_each([True, False])], 10)


def test_rare_instances_are_drawn_until_there_is_one():
    ground_truth = gt_of(30, [(4, 1, WHOLE)], names=("a",))
    own = tally.count(ground_truth, [annotation(4, 1, WHOLE, score=0.9)])
    assert bootstrap.resample([own], 100).min() == pytest.approx(1)
