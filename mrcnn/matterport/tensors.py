"""Functions of matterport's graph on tensors, mostly of one image, for programs that build on them.

Boxes are (y1, x1, y2, x2). N: boxes or ROIs, C: classes, D: DETECTION_MAX_INSTANCES, G: gt instances,
T: TRAIN_ROIS_PER_IMAGE.
"""

from keras import ops

from mrcnn.matterport import stream
from mrcnn.matterport.graphs import DetectionLayer, DetectionTargetLayer
from mrcnn.modeling import losses
from mrcnn.ops import boxes as box_ops


def apply_box_deltas_graph(boxes, deltas):
    """Apply deltas [N, (dy, dx, log dh, log dw)] to boxes [N, 4]. Returns [N, 4] float32."""
    return box_ops.decode_deltas(boxes, deltas)


def clip_boxes_graph(boxes, window):
    """Clip boxes [N, 4] to a window (y1, x1, y2, x2)."""
    return box_ops.clip(boxes, window)


def norm_boxes_graph(boxes, shape):
    """Convert pixel boxes [..., 4] to normalised ones. shape: (height, width) of the image."""
    return box_ops.normalize(boxes, shape)


def denorm_boxes_graph(boxes, shape):
    """Convert normalised boxes [..., 4] to whole pixels, int32. shape: (height, width) of the image."""
    return box_ops.denormalize(boxes, shape)


def overlaps_graph(boxes1, boxes2):
    """Compute the IoU of boxes [N, 4] and [M, 4]: [N, M]."""
    return box_ops.iou(boxes1, boxes2)


def log2_graph(x):
    """Compute the logarithm to base 2."""
    return ops.log2(x)


def smooth_l1_loss(y_true, y_pred):
    """Compute the smooth L1 distance by element, see mrcnn.modeling.losses.smooth_l1."""
    return losses.smooth_l1(y_true, y_pred)


def trim_zeros_graph(boxes, name="trim_zeros"):
    """Drop the rows of boxes [N, 4] that are all zeros: padding. name: has no effect.

    Returns the other boxes and which rows they were, [N] bool.
    """
    is_box = ops.any(ops.not_equal(boxes, 0), axis=1)
    return ops.take(boxes, ops.nonzero(is_box)[0], axis=0), is_box


def batch_pack_graph(x, counts, num_rows):
    """Concatenate the first counts[i] entries of each of ``num_rows`` rows of x [num_rows, N, ...]."""
    return ops.concatenate([x[i, : counts[i]] for i in range(num_rows)], axis=0)


def refine_detections_graph(rois, probs, deltas, window, config):
    """Turn the ROIs of one image into detections [D, (y1, x1, y2, x2, class_id, score)], zero-padded.

    rois: [N, 4] normalised. probs: [N, C]. deltas: [N, C, 4]. window: [4] normalised.
    """
    rois, probs, deltas, window = (ops.convert_to_tensor(x)[None] for x in (rois, probs, deltas, window))
    return DetectionLayer(config).detect(rois, probs, deltas, window[:, None])[0]


def detection_targets_graph(proposals, gt_class_ids, gt_boxes, gt_masks, config):
    """Choose the ROIs of one image that train the heads, from the process's stream of config.SEED.

    proposals: [N, 4] normalised. gt_class_ids: [G]. gt_boxes: [G, 4] normalised. gt_masks: [h, w, G]. All may
    be zero-padded. Returns rois [T, 4], class_ids [T], deltas [T, 4] and masks [T, *MASK_SHAPE].
    """
    layer = DetectionTargetLayer(config, seed=int(stream.of_process(config.SEED).integers(2**31)))
    inputs = [ops.convert_to_tensor(x)[None] for x in (proposals, gt_class_ids, gt_boxes, gt_masks)]
    return tuple(output[0] for output in layer(inputs))
