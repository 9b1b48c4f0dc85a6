"""Fusion of what several views found, on cases that a person can check."""

import numpy as np
import pytest

from mrcnn.detection.fusion import found_in, fuse
from mrcnn.detection.mask_rule import MaskRule
from mrcnn.detection.molding import fit, unmold
from mrcnn.detection.views import PLAIN, Seen
from tests.tiny import Tiny, picture

SHAPE = (101, 101, 3)
WHOLE = np.array([0.0, 0, 101, 101])


def seen(boxes, scores, class_ids=None, value=1.0, place=WHOLE):
    """The Seen of a view, whose masks hold one value."""
    count = len(scores)
    return Seen(
        place, WHOLE, np.array(boxes, float).reshape(-1, 4), np.array(class_ids or [1] * count),
        np.array(scores, float), np.full((count, 2, 2), value, np.float32), [None] * count,
    )  # fmt: skip


def pixels(detections):
    return np.asarray(detections)[:, :4] * 100 + [0, 0, 1, 1]


def test_boxes_and_masks_are_means_by_score():
    one, other = seen([[10, 10, 30, 30]], [0.9]), seen([[10, 10, 30, 33]], [0.6], value=0.0)
    detections, masks = fuse([one, other], SHAPE, 0, 10, None)
    np.testing.assert_allclose(pixels(detections), [[10, 10, 30, (30 * 0.9 + 33 * 0.6) / 1.5]])
    np.testing.assert_allclose(detections[:, 4:], [[1, 0.75]])
    assert masks.shape == (1, 2, 2)
    # Samples at a quarter and three quarters of a box of 21.2 pixels, in one of 20: 0.265 and 0.795.
    shares = np.array([1, 1 - (0.795 - 0.75) / 0.5]) * 0.6
    np.testing.assert_allclose(masks[0], [shares, shares], rtol=1e-5)


def test_half_of_a_score_is_lost_with_the_views_that_miss_the_object():
    nothing = seen([], [])
    box = [[10, 10, 30, 30]]
    for views, expected in [
        ([seen(box, [0.8])], 0.8),
        ([seen(box, [0.8]), nothing], 0.6),
        ([nothing, seen(box, [0.8]), seen(box, [0.4]), nothing], 0.45),
        ([seen(box, [0.8]), nothing, nothing, nothing], 0.5),
    ]:
        assert fuse(views, SHAPE, 0, 10, None)[0][:, 5] == pytest.approx([expected])


def test_views_that_do_not_show_the_object_do_not_count():
    corner = seen([], [], place=np.array([0.0, 0, 80, 80]))
    for box, expected in [([10, 10, 30, 30], 0.6), ([60, 60, 90, 90], 0.8), ([60, 60, 80, 80], 0.8)]:
        found, _ = fuse([seen([box], [0.8]), corner], SHAPE, 0, 10, None)
        assert found[:, 5] == pytest.approx([expected])


@pytest.mark.parametrize(("right", "count"), [(42, 1), (43, 1), (44, 2), (60, 2)])
def test_boxes_agree_from_an_iou_of_six_tenths(right, count):
    # 20 x 20 and 20 x (right - 10): an IoU of 20 / (right - 10).
    found, _ = fuse([seen([[10, 10, 30, 30]], [0.9]), seen([[10, 10, 30, right]], [0.8])], SHAPE, 0, 10, None)
    assert len(found) == count


def test_the_best_of_a_view_agrees_and_weak_copies_of_it_stay_weak():
    """A copy that soft NMS has left is nearer, but the object's own detection counts."""
    near, nearer = [10, 10, 30, 34], [10, 10, 30, 31]
    found, _ = fuse([seen([[10, 10, 30, 30]], [0.9]), seen([near, nearer], [0.8, 0.1])], SHAPE, 0, 10, None)
    np.testing.assert_allclose(found[:, 5], [0.85, 0.075])
    np.testing.assert_allclose(pixels(found)[:, 3], [(30 * 0.9 + 34 * 0.8) / 1.7, 31])


def test_detections_of_one_view_or_of_other_classes_stay_apart():
    boxes = [[10, 10, 30, 30], [10, 10, 30, 31]]
    assert len(fuse([seen(boxes, [0.9, 0.8])], SHAPE, 0, 10, None)[0]) == 2
    found, _ = fuse([seen(boxes[:1], [0.9], [1]), seen(boxes[1:], [0.8], [2])], SHAPE, 0, 10, None)
    np.testing.assert_allclose(found[:, 4:], [[1, 0.675], [2, 0.6]])


def test_least_and_limit():
    boxes = [[10 * k, 10, 10 * k + 8, 20] for k in range(5)]
    view = seen(boxes, [0.9, 0.8, 0.7, 0.3, 0.2])
    for least, limit, count in [(0, 9, 5), (0.3, 9, 4), (0.31, 9, 3), (0, 2, 2)]:
        assert len(fuse([view, view], SHAPE, least, limit, None)[0]) == count
    np.testing.assert_allclose(fuse([view, view], SHAPE, 0, 2, None)[0][:, 5], [0.9, 0.8])


def test_nothing_found():
    detections, masks = fuse([seen([], []), seen([], [])], SHAPE, 0, 10, None)
    assert detections.shape == (0, 6)
    assert masks.shape == (0, 2, 2)


def test_scores_of_zero_are_detections_too():
    found, _ = fuse([seen([[10, 10, 30, 30]], [0])] * 2, SHAPE, 0, 10, None)
    np.testing.assert_allclose(pixels(found), [[10, 10, 30, 30]])


@pytest.mark.parametrize("rule", [None, MaskRule("aligned"), MaskRule("corner")])
def test_one_view_is_taken_as_it_is_and_equal_views_change_nothing(rule):
    rng, config = np.random.default_rng(5), Tiny()
    fitted = fit(picture(60, 80), config)
    rows = np.zeros((4, 6), np.float32)
    rows[:3] = [[0.2, 0.1, 0.4, 0.4, 1, 0.9], [0.5, 0.3, 0.8, 0.5, 2, 0.7], [0.3, 0.6, 0.7, 0.9, 1, 0.4]]
    masks = rng.uniform(0, 1, (4, 28, 28)).astype(np.float32)
    expected = unmold(rows, masks, fitted.original_shape, fitted.image.shape, fitted.window, rule)
    for count in (1, 2, 3):
        result = found_in([(PLAIN, fitted, rows, masks)] * count, rule, config)
        np.testing.assert_array_equal(result.rois, expected.rois)
        np.testing.assert_array_equal(result.class_ids, expected.class_ids)
        np.testing.assert_array_equal(result.masks(), expected.masks())
        if count == 1:
            np.testing.assert_array_equal(result.scores, expected.scores)
        np.testing.assert_allclose(result.scores, expected.scores, rtol=1e-6)
