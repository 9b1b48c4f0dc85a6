"""matterport's functions on tensors: values by hand, and those of the layers that they stand for."""

import numpy as np
import pytest
from keras import ops

from mrcnn import model as modellib
from mrcnn import utils
from mrcnn.matterport import stream
from mrcnn.modeling import losses
from tests.tiny import Tiny

BOXES = np.float32([[0.1, 0.2, 0.5, 0.6], [0, 0, 0, 0], [-0.2, 0.3, 0.7, 1.4]])
RNG = np.random.default_rng(0)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_boxes():
    deltas = numbers(3, 4) / 10
    np.testing.assert_allclose(
        array(modellib.apply_box_deltas_graph(BOXES, deltas)), utils.apply_box_deltas(BOXES, deltas)
    )
    clipped = array(modellib.clip_boxes_graph(BOXES, np.float32([0, 0.25, 0.6, 1])))
    np.testing.assert_allclose(clipped, [[0.1, 0.25, 0.5, 0.6], [0, 0.25, 0, 0.25], [0, 0.3, 0.6, 1]])
    overlaps = array(modellib.overlaps_graph(BOXES[:2], BOXES))
    np.testing.assert_allclose(overlaps, utils.compute_overlaps(BOXES[:2], BOXES), atol=1e-6)
    pixels = array(modellib.denorm_boxes_graph(BOXES[:1], np.float32([101, 201])))
    assert (pixels.tolist(), pixels.dtype) == ([[10, 40, 51, 121]], np.int32)
    np.testing.assert_allclose(
        array(modellib.norm_boxes_graph(pixels, np.float32([101, 201]))), BOXES[:1], atol=1e-6
    )


def test_numbers_and_rows():
    np.testing.assert_allclose(array(modellib.log2_graph(np.float32([1, 8, 0.5]))), [0, 3, -1])
    distances = array(modellib.smooth_l1_loss(np.float32([0, 0, 0]), np.float32([0.5, 1, -3])))
    np.testing.assert_allclose(distances, [0.125, 0.5, 2.5])
    boxes, kept = modellib.trim_zeros_graph(BOXES, name="trim")
    np.testing.assert_array_equal(array(boxes), BOXES[[0, 2]])
    assert array(kept).tolist() == [True, False, True]
    packed = modellib.batch_pack_graph(np.arange(12).reshape(2, 3, 2), [1, 2], 2)
    assert array(packed).tolist() == [[0, 1], [6, 7], [8, 9]]


def test_detections_of_one_image_are_those_of_the_layer():
    config = Tiny()
    rois = np.sort(RNG.random((9, 2, 2)), axis=1).reshape(9, 4).astype("float32")
    probabilities = RNG.dirichlet([1, 1, 1], size=9).astype("float32")
    deltas = numbers(9, 3, 4) / 5
    meta = modellib.compose_image_meta(0, (50, 60, 3), (128, 128, 3), (10, 0, 118, 128), 2, [1, 1, 1])
    window = utils.norm_boxes(np.array([10, 0, 118, 128]), (128, 128))
    found = array(modellib.refine_detections_graph(rois, probabilities, deltas, window, config))
    given = [x[None] for x in (rois, probabilities, deltas, meta.astype("float32"))]
    np.testing.assert_array_equal(found, array(modellib.DetectionLayer(config)(given))[0])
    assert found.shape == (10, 6) and found[0, 5] > 0


def test_targets_of_one_image_differ_from_call_to_call():
    config = Tiny()
    config.update({"TRAIN_ROIS_PER_IMAGE": 9, "USE_MINI_MASK": False})
    gt = np.float32([[0.25, 0.25, 0.75, 0.75], [0, 0, 0, 0]])
    masks = np.zeros((32, 32, 2), bool)
    masks[8:24, 8:24, 0] = True
    near = gt[0] + RNG.uniform(-0.05, 0.05, (20, 4)).astype("float32")
    proposals = np.concatenate([near, np.float32([[0.0, 0.0, 0.2, 0.2 + i / 99] for i in range(20)])])
    calls = []
    stream.of_process.cache_clear()
    for _ in range(2):
        rois, class_ids, deltas, roi_masks = map(
            array, modellib.detection_targets_graph(proposals, np.int32([2, 0]), gt, masks, config)
        )
        assert class_ids.tolist() == [2, 2, 0, 0, 0, 0, 0, 0, 0]
        assert (rois.shape, deltas.shape, roi_masks.shape) == ((9, 4), (9, 4), (9, 28, 28))
        moved = utils.apply_box_deltas(rois[:2], deltas[:2] * config.BBOX_STD_DEV)
        np.testing.assert_allclose(moved, gt[[0, 0]], atol=1e-5)
        assert roi_masks[:2].mean() > 0.8 and not roi_masks[2:].any()
        calls.append(rois)
    assert (calls[0] != calls[1]).any()


def test_losses_of_the_rpn():
    match = np.int32([[1, 0, -1, 1, -1], [-1, -1, 0, 1, 0]])
    logits, deltas = numbers(2, 5, 2), numbers(2, 5, 4)
    found = modellib.rpn_class_loss_graph(match[..., None], logits)
    assert float(found) == pytest.approx(float(losses.rpn_class_loss(match, logits)))
    packed = np.zeros((2, 4, 4), "float32")  # the targets of positive anchors in order, then padding
    packed[0, :2], packed[1, 0] = numbers(2, 4), numbers(4)
    found = float(modellib.rpn_bbox_loss_graph(None, packed, match[..., None], deltas))
    pairs = [(packed[0, 0], deltas[0, 0]), (packed[0, 1], deltas[0, 3]), (packed[1, 0], deltas[1, 3])]
    expected = np.mean([array(losses.smooth_l1(*pair)).mean() for pair in pairs])
    assert found == pytest.approx(expected, rel=1e-5)
    assert float(modellib.rpn_bbox_loss_graph(None, packed, 0 * match[..., None], deltas)) == 0


def test_losses_of_the_heads_take_matterports_arguments():
    class_ids, active = np.int32([[1, 2, 0, 0]]), np.int32([[1, 1, 1]])
    logits, deltas, target = numbers(1, 4, 3), numbers(1, 4, 3, 4), numbers(1, 4, 4)
    masks, predicted = (RNG.random((1, 4, 5, 5)) > 0.5).astype("float32"), RNG.random((1, 4, 5, 5, 3))
    predicted = predicted.astype("float32")
    pairs = [
        (
            modellib.mrcnn_class_loss_graph(class_ids, logits, active),
            losses.mrcnn_class_loss(class_ids, logits, active),
        ),
        (
            modellib.mrcnn_bbox_loss_graph(target, class_ids, deltas),
            losses.mrcnn_bbox_loss(class_ids, target, deltas),
        ),
        (
            modellib.mrcnn_mask_loss_graph(masks, class_ids, predicted),
            losses.mrcnn_mask_loss(class_ids, masks, predicted),
        ),
    ]
    for found, expected in pairs:
        assert float(found) == pytest.approx(float(expected)) and float(found) > 0
