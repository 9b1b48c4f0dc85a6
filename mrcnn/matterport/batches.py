"""matterport's targets as NumPy arrays, for inspection and for programs with their own training.

Training in this package computes its targets in the graph; see mrcnn.modeling.targets.
rng: a NumPy Generator; None draws on from the process's stream of config.SEED, so that calls differ.
A: anchors, C: classes, N: gt instances, T: TRAIN_ROIS_PER_IMAGE.
"""

import numpy as np
from keras import ops

from mrcnn.matterport import stream
from mrcnn.ops import boxes as box_ops
from mrcnn.ops.matching import ANCHORS, NEGATIVE, NEUTRAL, POSITIVE, PROPOSALS, match
from mrcnn.pipeline.loader import load_image_gt as load_as_configured
from mrcnn.pipeline.masks import cover_mask, expand_mask, minimize_mask
from mrcnn.pipeline.rois import random_rois


def load_image_gt(
    dataset, config, image_id, augment=False, augmentation=None, use_mini_mask=False, rng=None
):  # fmt: skip
    """Load an image and its gt, by default with full-size masks, whatever config.USE_MINI_MASK.

    Arguments and results are those of mrcnn.pipeline.loader.load_image_gt. use_mini_mask: None uses
    config.USE_MINI_MASK.
    """
    rng = stream.of_process(config.SEED) if rng is None else rng
    return load_as_configured(dataset, config, image_id, augment, augmentation, use_mini_mask, rng)


def build_rpn_targets(image_shape, anchors, gt_class_ids, gt_boxes, config, rng=None):
    """Choose the anchors that train the RPN and compute their targets (Ren et al. 2015, section 3.1.2).

    image_shape: has no effect. anchors: [A, 4] pixels. gt_class_ids: [N], crowds negative. gt_boxes: [N, 4]
    pixels. rng: chooses if there are too many.
    Returns match [A] int32 of 1, -1 and 0 (positive, negative, neutral), and deltas
    [RPN_TRAIN_ANCHORS_PER_IMAGE, 4] of the positive anchors in order, divided by RPN_BBOX_STD_DEV and
    zero-padded.
    """
    rng = stream.of_process(config.SEED) if rng is None else rng
    label, gt_index = _match(anchors, gt_class_ids, gt_boxes, ANCHORS)
    count = config.RPN_TRAIN_ANCHORS_PER_IMAGE
    for kind, most in ((POSITIVE, count // 2), (NEGATIVE, count)):
        candidates = np.flatnonzero(label == kind)
        label[candidates] = NEUTRAL
        label[_choose(candidates, most - (label == POSITIVE).sum(), rng)] = kind
    positive = np.flatnonzero(label == POSITIVE)
    deltas = np.zeros((count, 4), np.float32)
    gt = np.asarray(gt_boxes)[gt_index[positive]].reshape(-1, 4)
    deltas[: len(positive)] = _deltas(anchors[positive], gt, config.RPN_BBOX_STD_DEV)
    return label, deltas


def generate_random_rois(image_shape, count, gt_class_ids, gt_boxes, rng=None):
    """Draw ROIs [count, 4] int32 pixels, nine in ten around an instance.

    image_shape: (height, width, ...). gt_class_ids: has no effect. gt_boxes: [N, 4] pixels. rng: None uses
    the process's stream of seed 0.
    """
    return random_rois(image_shape, count, gt_boxes, stream.of_process() if rng is None else rng)


def build_detection_targets(rpn_rois, gt_class_ids, gt_boxes, gt_masks, config, rng=None):
    """Choose the ROIs that train the heads and compute their targets (He et al. 2017, section 3.1).

    rpn_rois: [R, 4] pixels. gt_class_ids: [N], crowds negative. gt_boxes: [N, 4] pixels. Both may be
    zero-padded. gt_masks: [h, w, N], mini-masks with USE_MINI_MASK. rng: chooses if there are too many.
    Returns rois [T, 4], class_ids [T] int32, deltas [T, C, 4] divided by BBOX_STD_DEV, and masks
    [T, *MASK_SHAPE, C]; the last two are zero except in the ROI's class. Positive ROIs come first. If there
    are too few ROIs, the last rows are zero.
    """
    rng = stream.of_process(config.SEED) if rng is None else rng
    rpn_rois = np.asarray(rpn_rois)[np.any(rpn_rois, axis=1)]
    gt_class_ids, gt_boxes = np.asarray(gt_class_ids), np.asarray(gt_boxes)
    label, gt_index = _match(rpn_rois, gt_class_ids, gt_boxes, PROPOSALS)
    count = config.TRAIN_ROIS_PER_IMAGE
    positive = _choose(np.flatnonzero(label == POSITIVE), int(count * config.ROI_POSITIVE_RATIO), rng)
    negative = _choose(np.flatnonzero(label == NEGATIVE), count - len(positive), rng)
    chosen, gt_index = np.concatenate([positive, negative]), gt_index[positive]

    rois = np.zeros((count, 4), rpn_rois.dtype)
    class_ids = np.zeros(count, np.int32)
    deltas = np.zeros((count, config.NUM_CLASSES, 4), np.float32)
    masks = np.zeros((count, *config.MASK_SHAPE, config.NUM_CLASSES), np.float32)
    rois[: len(chosen)] = rpn_rois[chosen]
    if len(positive):
        places = np.arange(len(positive))
        class_ids[places] = gt_class_ids[gt_index]
        boxes = gt_boxes[gt_index]
        deltas[places, class_ids[places]] = _deltas(rois[places], boxes, config.BBOX_STD_DEV)
        cropped = _crop(gt_masks[:, :, gt_index], boxes, rois[places], config)
        masks[places, :, :, class_ids[places]] = np.moveaxis(cropped, -1, 0)
    return rois, class_ids, deltas, masks


def _match(boxes, gt_class_ids, gt_boxes, thresholds):
    """Return the label [A] and the gt index [A] of each box, see mrcnn.ops.matching.match."""
    real = np.flatnonzero(gt_class_ids)
    padded = np.append(real, -1)  # at least one padding entry, which the functions need
    class_ids = np.append(np.asarray(gt_class_ids)[real], 0)[None]
    gt_boxes = np.append(np.asarray(gt_boxes, np.float32)[real].reshape(-1, 4), np.zeros((1, 4)), axis=0)
    iou = box_ops.iou(np.asarray(boxes, np.float32)[None], gt_boxes[None].astype(np.float32))
    label, index = match(iou, class_ids > 0, class_ids < 0, **thresholds)
    return np.array(ops.convert_to_numpy(label)[0]), padded[ops.convert_to_numpy(index)[0]]


def _choose(candidates, most, rng):
    """Choose at most ``count`` of the candidates, in their order."""
    if len(candidates) <= most:
        return candidates
    return np.sort(rng.choice(candidates, max(most, 0), replace=False))


def _deltas(boxes, gt_boxes, std_dev):
    boxes, gt_boxes = (np.asarray(x, np.float32) for x in (boxes, gt_boxes))
    return ops.convert_to_numpy(box_ops.encode_deltas(boxes, gt_boxes)) / std_dev


def _crop(masks, gt_boxes, rois, config):
    """Crop each mask to its ROI and resize it to MASK_SHAPE, by MASK_TARGET: [*MASK_SHAPE, P]."""
    if config.USE_MINI_MASK:
        corner = np.maximum(gt_boxes, rois)[:, 2:].max(axis=0)
        masks = expand_mask(gt_boxes, masks, tuple(corner))
    minimize = cover_mask if config.MASK_TARGET == "aligned" else minimize_mask
    return minimize(rois, masks, config.MASK_SHAPE)
