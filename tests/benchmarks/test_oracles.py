"""What oracles change, on masks that fill boxes, and the masks of a network in the boxes of gt."""

import numpy as np

from benchmarks import oracles
from mrcnn.detection.results import decode_mask
from mrcnn.evaluation import coco
from tests.evaluation.instances import LEFT, RIGHT, filled, results_of, truths_of
from tests.scenes import Rectangles
from tests.tiny import detector

TRUTHS = truths_of(filled(LEFT, RIGHT), [1, 1])
# The left one, shifted by 5 of its 40 px, and one that shares 10 of its columns with the right one.
FOUND = results_of(filled((10, 15, 50, 55), (10, 60, 50, 100)), [1, 1], [0.9, 0.5])


def test_scores_times_the_iou_of_the_nearest_mask():
    scores = [row["score"] for row in oracles.score_times_iou(TRUTHS, FOUND)]
    np.testing.assert_allclose(scores, [0.9 * 35 / 45, 0.5 * 10 / 70])
    assert [row["score"] for row in oracles.score_times_iou([], FOUND)] == [0, 0]


def test_masks_that_miss_are_dropped():
    assert oracles.only_good(TRUTHS, FOUND) == FOUND[:1]
    assert oracles.only_good([], FOUND) == oracles.only_good(TRUTHS, []) == []


def test_a_box_takes_the_gt_mask_as_far_as_it_reaches():
    near, far = oracles.gt_mask_in_box(TRUTHS, FOUND)
    np.testing.assert_array_equal(decode_mask(near["segmentation"]), filled((10, 15, 50, 50))[..., 0])
    assert far == FOUND[1]  # an IoU of 1 / 7 is below SAME_BOX
    assert oracles.gt_mask_in_box([], FOUND) == FOUND


def test_instances_of_a_slice_without_crowds():
    crowd = {**truths_of(filled((10, 12, 50, 50)), [1], first=3)[0], "iscrowd": 1}
    alone = {**truths_of(filled((80, 80, 90, 90)), [1], first=4)[0]}
    truth = {"images": [{"id": 0}], "annotations": [*TRUTHS, crowd, alone]}
    assert oracles.ids_in(truth, "40 % or more") == {1, 2}
    assert oracles.ids_in(truth, "none") == {4}


def test_results_stay_with_their_images():
    truth = {"images": [{"id": 7}, {"id": 0}], "annotations": TRUTHS}
    assert oracles.by_image(truth, FOUND, oracles.only_good) == FOUND[:1]


def test_masks_lie_in_the_boxes_of_gt():
    """The masks of this network fill their boxes, and so do the instances."""
    model, dataset = detector(MASK_PASTE="as_trained"), Rectangles((2, 0, 1))
    truth = coco.coco_ground_truth(dataset)
    found = oracles.masks_in_gt_boxes(model, dataset, truth)
    own = [(row["image_id"], row["category_id"], 1.0) for row in truth["annotations"]]
    assert [(row["image_id"], row["category_id"], row["score"]) for row in found] == own
    for mine, row in zip(found, truth["annotations"], strict=True):
        np.testing.assert_array_equal(decode_mask(mine["segmentation"]), decode_mask(row["segmentation"]))
