"""Box arithmetic: area, IoU, deltas, clipping, and the two coordinate frames.

Shapes: `...` are any leading axes (usually the batch), N and M numbers of boxes. A box is
(y1, x1, y2, x2). Pixel boxes are half-open, [y1, y2); normalised boxes follow matterport: the far
edge loses one pixel, so that the first pixel's start is 0 and the last pixel's start is 1.
Whatever the precision of the inputs, everything here is computed in float32: bfloat16 tells
apart only 256 positions along a side.
"""

import math

import numpy as np
from keras import ops

# For decode_deltas: the growth of a 16 px box to 1000 px; more is never meant.
MAX_LOG_SIZE = math.log(1000 / 16)


def area(boxes):
    """Area of each box, 0 for boxes whose edges are swapped.

    boxes: [..., (y1, x1, y2, x2)]. Returns [...] float32 in squared units of the boxes.
    """
    y1, x1, y2, x2 = _coordinates(boxes)
    return ops.maximum(y2 - y1, 0.0) * ops.maximum(x2 - x1, 0.0)


def iou(boxes1, boxes2):
    """Intersection over union of every box of one set with every box of the other.

    boxes1: [..., N, (y1, x1, y2, x2)]. boxes2: [..., M, (y1, x1, y2, x2)], in the same frame.
    Returns [..., N, M] float32, 0 where the union is empty (padding, boxes without area).
    """
    y1, x1, y2, x2 = (ops.expand_dims(c, axis=-1) for c in _coordinates(boxes1))
    other_y1, other_x1, other_y2, other_x2 = (ops.expand_dims(c, axis=-2) for c in _coordinates(boxes2))
    height = ops.maximum(ops.minimum(y2, other_y2) - ops.maximum(y1, other_y1), 0.0)
    width = ops.maximum(ops.minimum(x2, other_x2) - ops.maximum(x1, other_x1), 0.0)
    intersection = height * width
    areas = ops.expand_dims(area(boxes1), axis=-1) + ops.expand_dims(area(boxes2), axis=-2)
    union = areas - intersection
    # A quotient with a zero denominator would be NaN, and NaN is contagious.
    return intersection / ops.where(union > 0, union, 1.0)


def encode_deltas(boxes, gt_boxes):
    """The refinement that turns each box into its ground truth.

    Girshick et al., "Rich feature hierarchies" (2014), appendix C: the shift of the centre in units
    of the box's size, and the logarithm of the ratio of the sizes.

    boxes, gt_boxes: [..., (y1, x1, y2, x2)] with positive sides, in the same frame.
    Returns [..., (dy, dx, log dh, log dw)] float32.
    """
    center_y, center_x, height, width = _centers_and_sizes(boxes)
    gt_center_y, gt_center_x, gt_height, gt_width = _centers_and_sizes(gt_boxes)
    return ops.stack(
        [
            (gt_center_y - center_y) / height,
            (gt_center_x - center_x) / width,
            ops.log(gt_height / height),
            ops.log(gt_width / width),
        ],
        axis=-1,
    )


def decode_deltas(boxes, deltas, max_log_size=None):
    """The boxes that refinements lead to: the inverse of encode_deltas.

    boxes: [..., (y1, x1, y2, x2)]. deltas: [..., (dy, dx, log dh, log dw)].
    max_log_size: bound on log dh and log dw, or None. An untrained network can ask for a size of
    exp(100), which overflows float32 and turns into NaN at the next subtraction; MAX_LOG_SIZE
    forbids that and nothing useful. matterport's weights were used without a bound.
    Returns [..., (y1, x1, y2, x2)] float32.
    """
    center_y, center_x, height, width = _centers_and_sizes(boxes)
    dy, dx, log_dh, log_dw = _coordinates(deltas)
    if max_log_size is not None:
        log_dh = ops.minimum(log_dh, max_log_size)
        log_dw = ops.minimum(log_dw, max_log_size)
    center_y = center_y + dy * height
    center_x = center_x + dx * width
    height = height * ops.exp(log_dh)
    width = width * ops.exp(log_dw)
    y1 = center_y - 0.5 * height
    x1 = center_x - 0.5 * width
    return ops.stack([y1, x1, y1 + height, x1 + width], axis=-1)


def clip(boxes, window):
    """Boxes cut at the edges of a window; a box outside of it becomes one without area.

    boxes: [batch, N, (y1, x1, y2, x2)] or with fewer axes. window: (y1, x1, y2, x2) in the same
    frame, one for all, or [batch, 4], one an image. Returns float32 in the shape of boxes.
    """
    boxes = ops.cast(boxes, "float32")
    window = _spread(window, boxes)
    low, high = window[..., :2], window[..., 2:]
    low = ops.concatenate([low, low], axis=-1)
    high = ops.concatenate([high, high], axis=-1)
    return ops.maximum(ops.minimum(boxes, high), low)


def normalize(boxes, shape):
    """Pixel boxes in matterport's normalised frame.

    boxes: [batch, N, (y1, x1, y2, x2)] pixels, or with fewer axes. shape: (height, width) of the
    image, one for all, or [batch, 2]. Returns float32 in the shape of boxes.
    """
    boxes = ops.cast(boxes, "float32")
    return ops.subtract(boxes, _FAR_EDGE) / _scale(shape, boxes)


def to_pixels(boxes, shape):
    """Normalised boxes in pixels, not rounded: the exact inverse of normalize.

    boxes: [batch, N, (y1, x1, y2, x2)] normalised, or with fewer axes. shape: as in normalize.
    Returns float32 in the shape of boxes.
    """
    boxes = ops.cast(boxes, "float32")
    return ops.add(boxes * _scale(shape, boxes), _FAR_EDGE)


def denormalize(boxes, shape):
    """Normalised boxes in whole pixels: to_pixels, rounded (halves to even), int32."""
    return ops.cast(ops.round(to_pixels(boxes, shape)), "int32")


# The half-open far edge of a pixel box lies one pixel behind its last pixel.
_FAR_EDGE = np.array([0, 0, 1, 1], np.float32)


def _scale(shape, boxes):
    shape = _spread(shape, boxes)
    return ops.concatenate([shape, shape], axis=-1) - 1.0


def _spread(values, boxes):
    """values [k] or [batch, k] in float32, with axes inserted to broadcast against boxes [batch, N, 4]."""
    values = ops.cast(values, "float32")
    for _ in range(len(boxes.shape) - len(values.shape)):
        values = ops.expand_dims(values, axis=-2)
    return values


def _coordinates(boxes):
    boxes = ops.cast(boxes, "float32")
    return [boxes[..., i] for i in range(4)]


def _centers_and_sizes(boxes):
    y1, x1, y2, x2 = _coordinates(boxes)
    height, width = y2 - y1, x2 - x1
    return y1 + 0.5 * height, x1 + 0.5 * width, height, width
