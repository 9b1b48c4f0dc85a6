"""Labels of boxes by IoU: thresholds, best boxes, crowds and padding."""

import numpy as np
from keras import ops

from mrcnn.ops.matching import match


def run(iou, instance, crowd=None, **options):
    iou = np.asarray(iou, "float32")[None]
    instance = np.asarray(instance, bool)[None]
    crowd = np.zeros_like(instance) if crowd is None else np.asarray(crowd, bool)[None]
    label, index = match(ops.convert_to_tensor(iou), instance, crowd, 0.7, 0.3, **options)
    return ops.convert_to_numpy(label)[0].tolist(), ops.convert_to_numpy(index)[0].tolist()


def test_thresholds_are_inclusive_above_and_exclusive_below():
    label, index = run([[0.7, 0.1], [0.2, 0.5], [0.3, 0.29], [0.1, 0.2]], [True, True])
    assert label == [1, 0, 0, -1]
    assert index == [0, 1, 0, 1]


def test_best_box_of_each_instance_is_positive_with_its_ties():
    iou = [[0.2, 0.0], [0.2, 0.1], [0.1, 0.4]]
    assert run(iou, [True, True], best_is_positive=True)[0] == [1, 1, 1]
    assert run(iou, [True, True])[0] == [-1, -1, 0]


def test_an_instance_that_nothing_touches_makes_nothing_positive():
    assert run([[0.0], [0.0]], [True], best_is_positive=True)[0] == [-1, -1]


def test_padding_matches_nothing():
    assert run([[0.9], [0.8]], [False], best_is_positive=True)[0] == [-1, -1]


def test_a_crowd_makes_neutral_what_it_touches_and_is_never_matched():
    label, index = run([[0.0, 0.9], [0.8, 0.9], [0.1, 0.0]], [True, False], [False, True])
    assert label == [0, 1, -1]
    assert index[1] == 0
