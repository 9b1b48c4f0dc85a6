"""Masks that are stored in their boxes come out as whole masks and as run lengths."""

import numpy as np
import pytest

from mrcnn.detection.detections import Detections
from mrcnn.detection.results import coco_results, encode_mask, table_lines


def detections(boxes, size=(7, 9), seed=0):
    rng = np.random.default_rng(seed)
    boxes = np.array(boxes, np.int32).reshape(-1, 4)
    crops = [rng.random((y2 - y1, x2 - x1)) < 0.6 for y1, x1, y2, x2 in boxes]
    numbers = np.arange(1, len(boxes) + 1, dtype=np.int32)
    return Detections(size, boxes, numbers, np.linspace(0.9, 0.5, len(boxes), dtype=np.float32), crops)


BOXES = [(0, 0, 7, 9), (0, 3, 7, 5), (6, 8, 7, 9), (2, 1, 5, 6), (0, 0, 1, 1), (0, 8, 7, 9), (1, 0, 7, 4)]


def test_masks_lie_where_their_boxes_are():
    found = detections(BOXES)
    masks = found.masks()
    assert (masks.shape, masks.dtype) == ((7, 9, len(BOXES)), bool)
    for i, (y1, x1, y2, x2) in enumerate(BOXES):
        np.testing.assert_array_equal(masks[y1:y2, x1:x2, i], found.crops[i])
        assert masks[:, :, i].sum() == found.crops[i].sum() == found.areas()[i]


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_are_those_of_the_library(seed):
    found = detections(BOXES, seed=seed)
    for mask, encoded in zip(np.moveaxis(found.masks(), -1, 0), found.run_lengths()):
        assert encoded == encode_mask(mask)


@pytest.mark.parametrize("value", [False, True])
def test_run_lengths_of_plain_masks(value):
    for box in BOXES:
        y1, x1, y2, x2 = box
        crop = np.full((y2 - y1, x2 - x1), value)
        found = Detections((7, 9), np.array([box]), np.ones(1, int), np.ones(1), [crop])
        assert found.run_lengths() == [encode_mask(found.masks()[:, :, 0])]


def test_it_reads_like_the_dict_of_detect():
    found = detections(BOXES)
    assert list(found) == ["rois", "class_ids", "scores", "masks"] and len(found) == 4
    as_dict = dict(found)
    again = Detections.of(as_dict)
    for key, values in as_dict.items():
        np.testing.assert_array_equal(again[key], values)
    with pytest.raises(KeyError):
        found["boxes"]


def test_nothing_found():
    found = detections([])
    assert (found.masks().shape, found.run_lengths(), found.areas().tolist()) == ((7, 9, 0), [], [])
    assert list(table_lines("a.jpg", found, ["BG"])) == [f"{'a.jpg':32} nothing found"]


def test_results_are_equal_in_both_forms():
    found = detections(BOXES)
    names = ["BG", *"abcdefg"]
    assert coco_results(3, found) == coco_results(3, dict(found))
    assert list(table_lines("a.jpg", found, names)) == list(table_lines("a.jpg", dict(found), names))
