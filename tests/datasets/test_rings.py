"""Rings of points and COCO's run lengths: what is one, and what the library must never be given."""

import numpy as np
import pytest
from faster_coco_eval.core import mask as rle

from mrcnn.datasets import run_lengths, shapes
from mrcnn.datasets.rings import each_ring, near, ring, rings

SQUARE = [10.0, 10, 20, 10, 20, 20, 10, 20]


def test_many_rings_are_each_the_ring_alone():
    rng = np.random.default_rng(0)
    flat = [rng.uniform(0, 100, 2 * count) for count in (3, 2, 0, 7, 1, 4)] + [np.array([0.0, 0, 1, 1, 2, 2])]
    found = rings(flat)
    assert [points is None for points in found] == [False, True, True, False, True, False, True]
    for points, one in zip(flat, found):
        alone = ring(points)
        assert (one is None) == (alone is None)
        if one is not None:
            np.testing.assert_array_equal(one, points.reshape(-1, 2))
            np.testing.assert_array_equal(alone, one)
    assert rings([]) == [] and rings([np.zeros(0)]) == [None]


@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
@pytest.mark.parametrize("origin", [0, 1e4])
def test_points_on_a_line_have_no_area_and_thin_rings_have(scale, origin):
    line = origin + scale * np.array([[0.1, 0.2], [0.4, 0.8], [0.7, 1.4], [1.3, 2.6]])
    assert ring(line) is None
    assert ring(line + scale * np.array([[0, 0], [0, 1e-4], [0, 0], [0, 0]])) is not None


def test_a_faulty_ring_is_an_error_in_its_turn():
    made = each_ring([np.array(SQUARE), np.array([1.0, 2, np.nan, 4, 5, 6])])
    np.testing.assert_array_equal(next(made), np.reshape(SQUARE, (-1, 2)))
    with pytest.raises(ValueError, match="finite"):
        next(made)


@pytest.mark.parametrize(
    "points",
    ["abc", ["1", "x"], ["1", "2"], [True, False], [1, None, 3, 4, 5, 6], [10**400] * 6, [[1, 2], 3], {}, 5],
)
def test_other_values_are_no_ring(points):
    with pytest.raises(ValueError, match="ring"):
        ring(points)


def test_a_ring_to_far_points_is_cut_outside_the_image():
    size = (50, 60)
    triangle = np.array([[30.0, 10], [9e6, 10], [30, 9e6]])
    assert np.abs(near(triangle, size)).max() <= 60 + 1000
    mask = shapes.rasterize(shapes.Rings((triangle,)), size)
    expected = np.zeros(size, bool)
    expected[10:, 30:] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_ring_around_the_image_covers_it_and_one_beyond_it_has_no_pixel():
    around = shapes.rectangle(-1e6, -1e6, 2e6, 2e6)
    assert shapes.rasterize(around, (30, 40)).all()
    beyond = shapes.rectangle(1e6, 0, 10, 10)
    assert not shapes.rasterize(beyond, (30, 40)).any()
    assert shapes.is_beyond(beyond, (30, 40)) and not shapes.is_beyond(around, (30, 40))


def test_a_ring_near_the_image_is_left_as_it_is():
    points = np.array([[-900.0, 10], [900, 10], [900, 1000]])
    assert near(points, (30, 40)) is points


@pytest.mark.parametrize("seed", range(20))
def test_the_measures_of_a_shape_are_those_of_its_mask(seed):
    rng = np.random.default_rng(seed)
    size = tuple(int(side) for side in rng.integers(20, 90, 2))
    points = rng.uniform(-20, 100, (int(rng.integers(3, 9)), 2))
    for shape in (shapes.Rings((points,)), shapes.Shares((points / 50,))):
        mask = shapes.rasterize(shape, size)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1) if mask.any() else None
        assert shapes.measure(shape, size) == (box, mask.sum())
        encoded = shapes.RunLengths(size, shapes.encode(shape, size))
        np.testing.assert_array_equal(shapes.rasterize(encoded, size), mask)
        assert shapes.measure(encoded, size) == (box, mask.sum())


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_are_those_of_the_library(seed):
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 300, 2))
    mask = rng.random((height, width)) > rng.random()
    flat = np.concatenate([[False], mask.ravel(order="F")])
    starts = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(np.concatenate([[0], starts, [mask.size]]))
    compressed = rle.encode(np.asfortranarray(mask, np.uint8))["counts"]
    assert run_lengths.compress(counts, (height, width)) == compressed
    run_lengths.check(compressed, (height, width))
    with pytest.raises(ValueError, match="do not cover"):
        run_lengths.check(compressed, (height + 1, width))


@pytest.mark.parametrize("counts", [[], [1.5, 2], ["a"], [[1], [2]], [2**40, 1], [-1, 13], None])
def test_other_counts_are_no_run_lengths(counts):
    with pytest.raises(ValueError, match="run length"):
        run_lengths.compress(counts, (3, 4))
