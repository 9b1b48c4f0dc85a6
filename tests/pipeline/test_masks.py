"""Instance masks: boxes, resizing, mini-masks and back, against golden numbers and by properties."""

import math
import warnings

import numpy as np
import pytest
from scipy import ndimage

from mrcnn.pipeline.masks import (
    _product,
    expand_mask,
    extract_bboxes,
    minimize_mask,
    move_mask,
    resize_mask,
    resize_nearest,
    unmold_mask,
)


@pytest.fixture(scope="module")
def golden(parity):
    return np.load(parity("units.npz"))


def disc(height, width, center, radius):
    y, x = np.ogrid[:height, :width]
    return ((y - center[0]) / radius[0]) ** 2 + ((x - center[1]) / radius[1]) ** 2 <= 1


def test_golden_boxes(golden):
    boxes = extract_bboxes(golden["masks__full"])
    assert boxes.dtype == np.int32
    np.testing.assert_array_equal(boxes, golden["masks__bbox"])


def test_golden_mini_masks(golden):
    count = golden["masks__mini"].shape[2]  # the last mask is empty and has none
    boxes, full = golden["masks__bbox"][:count], golden["masks__full"][:, :, :count]
    np.testing.assert_array_equal(minimize_mask(boxes, full, (28, 28)), golden["masks__mini"])
    np.testing.assert_array_equal(
        expand_mask(boxes, golden["masks__mini"], full.shape), golden["masks__expanded"]
    )


def test_golden_detected_mask(golden):
    mask = unmold_mask(golden["unmold__mask"], golden["unmold__bbox"], (60, 90))
    np.testing.assert_array_equal(mask, golden["unmold__out"])


def test_boxes_are_tight_and_half_open():
    mask = np.zeros((10, 12, 4), bool)
    mask[2, 3, 0] = True
    mask[0:10, 0:12, 1] = True
    mask[[1, 7], [9, 4], 2] = True  # two pieces
    np.testing.assert_array_equal(
        extract_bboxes(mask), [[2, 3, 3, 4], [0, 0, 10, 12], [1, 4, 8, 10], [0, 0, 0, 0]]
    )
    assert extract_bboxes(mask[:, :, :0]).shape == (0, 4)


@pytest.mark.parametrize("size", [(90, 120), (63, 77), (200, 33)])
@pytest.mark.parametrize("scale", [0.37, 0.5, 0.8, 1.28, 2.3])
def test_resized_masks_are_matterports_but_for_a_pixel_at_edges(size, scale):
    """matterport's code zooms by scipy.ndimage without interpolation, which puts corners on corners."""
    (height, width), nothing = size, [(0, 0), (0, 0), (0, 0)]
    masks = np.stack(
        [
            disc(height, width, (y * height, x * width), (0.2 * height + 2, 0.3 * width))
            for y, x in ((0.5, 0.5), (0.2, 0.7), (1, 0))
        ],
        axis=2,
    )
    ours = resize_mask(masks, scale, nothing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on rounded sizes
        # Its code had mode "constant", which by rounding errors loses the last row of some sizes.
        theirs = ndimage.zoom(masks, (scale, scale, 1), order=0, mode="nearest")
    assert ours.shape == theirs.shape
    reach = 2 * math.ceil(max(1, 1 / scale)) + 1  # a pixel of the coarser grid to each side
    most, least = (
        resize_mask(extreme(masks, (reach, reach, 1)), scale, nothing)
        for extreme in (ndimage.maximum_filter, ndimage.minimum_filter)
    )
    assert (ours == theirs)[most == least].all() and (most == least).mean() > 0.5


def test_half_a_pixel_is_inside():
    left = np.array([[[True], [False]]])
    np.testing.assert_array_equal(minimize_mask([[0, 0, 1, 2]], left, (1, 1)), [[[True]]])
    np.testing.assert_array_equal(
        expand_mask([[0, 0, 1, 1]], left, (1, 1, 3)), minimize_mask([[0, 0, 1, 2]], left, (1, 1))
    )


def test_nearest_takes_the_pixel_under_the_centre():
    mask = np.array([[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(resize_nearest(mask, (4, 6)), mask.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(resize_nearest(mask.repeat(3, 0).repeat(3, 1), (2, 3)), mask)
    np.testing.assert_array_equal(resize_nearest(mask, (2, 1)), [[1], [4]])
    np.testing.assert_array_equal(resize_nearest(mask, (2, 3)), mask)


def test_masks_follow_the_scale_padding_and_crop_of_their_image():
    mask = np.array([[[True], [False]], [[False], [True]]])
    padded = resize_mask(mask, 2, [(1, 0), (0, 3), (0, 0)])
    assert padded.shape == (5, 7, 1) and padded.dtype == bool
    np.testing.assert_array_equal(np.argwhere(padded[..., 0]), [
        [1, 0], [1, 1], [2, 0], [2, 1], [3, 2], [3, 3], [4, 2], [4, 3],
    ])  # fmt: skip
    cropped = resize_mask(mask, 2, [(0, 0)] * 3, crop=(1, 1, 2, 3))
    np.testing.assert_array_equal(cropped[..., 0], [[True, False, False], [False, True, True]])


def test_extremely_oblong_masks_keep_a_row():
    assert resize_mask(np.ones((1, 500, 1), bool), 0.25, [(0, 0)] * 3).shape == (1, 125, 1)


def test_mini_masks_come_back_nearly_whole():
    masks = np.stack([disc(200, 150, (90, 60), (70, 40)), disc(200, 150, (150, 110), (12, 9))], axis=-1)
    boxes = extract_bboxes(masks)
    back = expand_mask(boxes, minimize_mask(boxes, masks, (56, 56)), masks.shape)
    for i in range(2):
        overlap = (masks[..., i] & back[..., i]).sum() / (masks[..., i] | back[..., i]).sum()
        assert overlap > 0.95


def test_a_box_of_the_mini_shape_loses_nothing():
    rng = np.random.default_rng(0)
    mask = np.zeros((40, 50, 1), bool)
    mask[5:33, 9:37, 0] = rng.random((28, 28)) < 0.5
    boxes = np.array([[5, 9, 33, 37]])
    mini = minimize_mask(boxes, mask, (28, 28))
    np.testing.assert_array_equal(mini[..., 0], mask[5:33, 9:37, 0])
    np.testing.assert_array_equal(expand_mask(boxes, mini, mask.shape), mask)


def test_one_pixel_instances_survive():
    mask = np.zeros((20, 20, 1), bool)
    mask[7, 11] = True
    boxes = extract_bboxes(mask)
    mini = minimize_mask(boxes, mask, (28, 28))
    assert mini.any()
    np.testing.assert_array_equal(expand_mask(boxes, mini, mask.shape), mask)


def test_no_masks_at_all():
    none, boxes = np.zeros((20, 30, 0), bool), np.zeros((0, 4), np.int32)
    assert minimize_mask(boxes, none, (28, 28)).shape == (28, 28, 0)
    assert expand_mask(boxes, np.zeros((28, 28, 0), bool), (20, 30)).shape == (20, 30, 0)


def test_a_box_without_area_is_refused():
    with pytest.raises(ValueError, match="Mask 1 has a box without area"):
        minimize_mask(np.array([[0, 0, 4, 4], [3, 3, 3, 8]]), np.ones((10, 10, 2), bool), (28, 28))


def test_detected_masks_fill_their_box_alone():
    mask = unmold_mask(np.full((28, 28), 0.9), (3, 4, 23, 44), (30, 60))
    assert mask.shape == (30, 60) and mask.dtype == bool
    assert mask[4:22, 5:43].all()
    outside = mask.copy()
    outside[3:23, 4:44] = False
    assert not outside.any()
    assert not unmold_mask(np.full((28, 28), 0.49), (3, 4, 23, 44), (30, 60)).any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (56, 200, 210), (7, 600, 3), (1000, 28, 28), (3, 28, 9000)])
def test_products_in_parts_are_products(shape):
    rows, common, columns = shape
    rng = np.random.default_rng(0)
    left, right = rng.random((rows, common), np.float32), rng.random((common, columns), np.float32)
    np.testing.assert_allclose(_product(left, right), left @ right, rtol=1e-5)


@pytest.mark.parametrize("first", [None, (0.1, 0.05)])
def test_a_mask_sampled_in_its_own_box_is_itself(first):
    mask = np.random.default_rng(0).uniform(0, 1, (14, 28)).astype(np.float32)
    box = [3.2, 4.5, 30.1, 52.7]
    np.testing.assert_allclose(move_mask(mask, box, box, first, first), mask, atol=1e-5)


def test_a_mask_sampled_in_another_box():
    mask = np.array([[0, 1, 2, 3]] * 4, np.float32)
    np.testing.assert_allclose(move_mask(mask, [0, 0, 8, 8], [0, 1, 8, 9]), [[0.5, 1.5, 2.5, 1.5]] * 4)
    half = move_mask(mask, [0, 0, 8, 8], [2, 2, 6, 6])  # its samples lie 1 pixel apart, from 2.5 on
    np.testing.assert_allclose(half, [[0.75, 1.25, 1.75, 2.25]] * 4)
    np.testing.assert_allclose(move_mask(mask, [0, 0, 8, 8], [20, 20, 28, 28]), np.zeros((4, 4)))
    edges = move_mask(mask, [0, 0, 8, 8], [0, 0, 8, 8], None, (0.125, 1 / 4))  # columns at 2, 10/3, 14/3, 6
    np.testing.assert_allclose(edges, [[0.5, 7 / 6, 11 / 6, 2.5]] * 4, rtol=1e-5)
