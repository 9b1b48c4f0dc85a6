"""Outlines of masks give the same masks again, by COCO's rule, with holes, parts and corners that touch."""

import numpy as np
import pytest

from mrcnn.datasets.shapes import Rings, rasterize
from mrcnn.datasets.writers.outlines import is_hole, one_ring, outlines


def smooth(rng, shape):
    """A mask of blobs: noise, averaged over squares of 5 pixels."""
    noise = np.pad(rng.random(shape), 2)
    near = [noise[y : y + shape[0], x : x + shape[1]] for y in range(5) for x in range(5)]
    return np.mean(near, axis=0) > 0.48


def test_the_outline_of_a_rectangle_has_four_corners():
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3:9] = True
    (ring,) = outlines(mask)
    assert sorted(map(tuple, ring.tolist())) == [(3, 2), (3, 5), (9, 2), (9, 5)] and not is_hole(ring)


def test_holes_run_the_other_way_and_touching_corners_part():
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    assert sorted(map(is_hole, outlines(mask))) == [False, True]
    assert [len(ring) for ring in outlines(np.eye(3, dtype=bool))] == [4, 4, 4]
    assert outlines(np.zeros((3, 3), bool)) == [] and one_ring([]) is None


@pytest.mark.parametrize("seed", range(40))
def test_one_ring_gives_the_mask_again(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 50, 2))
    mask = smooth(rng, shape) if seed % 2 else rng.random(shape) > 0.6
    mask[0, 0] = True
    ring = one_ring(outlines(mask))
    np.testing.assert_array_equal(rasterize(Rings((ring,)), shape), mask)
    shares = np.array([[float(f"{value:.9g}") for value in point] for point in ring / shape[::-1]])
    np.testing.assert_array_equal(rasterize(Rings((shares * shape[::-1],)), shape), mask)


@pytest.mark.parametrize("seed", range(10))
def test_outlines_without_holes_give_the_mask_again(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((30, 40)) > 0.9
    rings = outlines(mask)
    assert not any(map(is_hole, rings)) or seed
    outer = tuple(ring for ring in rings if not is_hole(ring))
    filled = rasterize(Rings(outer), mask.shape)
    assert (filled >= mask).all() and (len(outer) < len(rings) or (filled == mask).all())
