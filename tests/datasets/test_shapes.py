"""Shapes of annotations become masks by COCO's rule."""

import numpy as np
import pytest
from faster_coco_eval.core import mask as rle
from PIL import Image

from mrcnn.datasets import shapes
from mrcnn.pipeline.errors import ImageError

SQUARE = [10, 10, 20, 10, 20, 20, 10, 20]


def test_a_polygon_covers_the_pixels_that_coco_counts():
    mask = shapes.rasterize(shapes.Rings((shapes.ring(SQUARE),)), (30, 40))
    assert mask.shape == (30, 40) and mask.dtype == bool
    expected = np.zeros((30, 40), bool)
    expected[10:20, 10:20] = True
    np.testing.assert_array_equal(mask, expected)


def test_rings_are_united():
    other = shapes.ring([15, 15, 30, 15, 30, 25, 15, 25])
    mask = shapes.rasterize(shapes.Rings((shapes.ring(SQUARE), other)), (30, 40))
    assert mask.sum() == 100 + 150 - 25


def test_what_lies_outside_of_the_image_is_cut():
    mask = shapes.rasterize(shapes.rectangle(-5, -5, 10, 10), (30, 40))
    expected = np.zeros((30, 40), bool)
    expected[:5, :5] = True
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("points", [[5, 5, 20, 5], [1, 1, 1, 1, 1, 1], [0, 0, 5, 5, 10, 10]])
def test_a_ring_without_area_is_none(points):
    assert shapes.ring(points) is None


@pytest.mark.parametrize("points", [[1, 2, 3], [1, 2, float("nan"), 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_other_points_are_an_error(points):
    with pytest.raises(ValueError, match="ring"):
        shapes.ring(points)


def test_an_ellipse_has_its_area_and_its_angle():
    flat = shapes.rasterize(shapes.ellipse(50, 40, 30, 10), (80, 100))
    assert abs(flat.sum() - np.pi * 300) < 0.01 * np.pi * 300
    upright = shapes.rasterize(shapes.ellipse(50, 40, 30, 10, np.pi / 2), (80, 100))
    assert np.ptp(np.flatnonzero(upright.any(axis=1))) == 59
    assert np.ptp(np.flatnonzero(upright.any(axis=0))) == 19


def test_run_lengths_are_exact_and_must_fit():
    mask = np.random.default_rng(0).random((30, 40)) > 0.5
    encoded = rle.encode(np.asfortranarray(mask, np.uint8))
    shape = shapes.RunLengths((30, 40), encoded["counts"])
    np.testing.assert_array_equal(shapes.rasterize(shape, (30, 40)), mask)
    with pytest.raises(ImageError, match="40 x 30 pixels, but the image has 30 x 40"):
        shapes.rasterize(shape, (40, 30))


def test_a_label_map_gives_one_instance_per_value(tmp_path):
    labels = np.zeros((6, 8), np.uint16)
    labels[1:3, 1:3], labels[3:, 4:] = 300, 7
    Image.fromarray(labels).save(tmp_path / "labels.png")
    mask = shapes.rasterize(shapes.Picture(tmp_path / "labels.png", 300), (6, 8))
    np.testing.assert_array_equal(mask, labels == 300)
    assert shapes.rasterize(shapes.Picture(tmp_path / "labels.png"), (6, 8)).sum() == 4 + 12


@pytest.mark.parametrize(("corner", "pixels"), [((0, 0), 6), ((-1, 0), 3), ((4, 7), 2), ((9, 9), 0)])
def test_a_patch_is_cut_at_the_edges(corner, pixels):
    patch = shapes.Patch(shapes.run_lengths(np.ones((2, 3), bool)), corner)
    assert shapes.rasterize(patch, (6, 8)).sum() == pixels


def test_a_union_has_the_pixels_of_its_parts():
    patch = shapes.Patch(shapes.run_lengths(np.array([[True, False, True]])), (0, 0))
    mask = shapes.rasterize(shapes.Union((patch, shapes.rectangle(0, 0, 1, 2))), (3, 4))
    assert sorted(zip(*np.nonzero(mask))) == [(0, 0), (0, 2), (1, 0)]
