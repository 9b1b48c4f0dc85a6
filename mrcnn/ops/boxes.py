"""Box arithmetic: area, IoU, deltas, clipping, and the two coordinate frames.

Shapes: `...` stands for any leading axes (usually the batch), N and M for numbers of boxes. A box is
(y1, x1, y2, x2). Pixel boxes are half-open, [y1, y2). Normalised boxes follow matterport: the far
edge is moved back by one pixel, so the first pixel starts at 0 and the last pixel starts at 1.
Everything here is computed in float32, whatever the precision of the inputs, because bfloat16
distinguishes only 256 positions along a side.
"""

import math

from keras import ops

from mrcnn.backend import constant

# For decode_deltas: no larger than what turns a 16 px box into a 1000 px box.
MAX_LOG_SIZE = math.log(1000 / 16)


def area(boxes):
    """Compute the area of each box; a box with swapped edges has area 0.

    boxes: [..., (y1, x1, y2, x2)]. Returns [...] float32 in the square of the boxes' unit.
    """
    y1, x1, y2, x2 = coordinates(boxes)
    return ops.maximum(y2 - y1, 0.0) * ops.maximum(x2 - x1, 0.0)


def iou(boxes1, boxes2):
    """Compute the intersection over union (IoU) of every pair of boxes from two sets.

    boxes1: [..., N, (y1, x1, y2, x2)]. boxes2: [..., M, (y1, x1, y2, x2)], in the same frame.
    Returns [..., N, M] float32, 0 where the union is empty (padding, boxes without area).
    """
    y1, x1, y2, x2 = (ops.expand_dims(c, axis=-1) for c in coordinates(boxes1))
    other_y1, other_x1, other_y2, other_x2 = (ops.expand_dims(c, axis=-2) for c in coordinates(boxes2))
    height = ops.maximum(ops.minimum(y2, other_y2) - ops.maximum(y1, other_y1), 0.0)
    width = ops.maximum(ops.minimum(x2, other_x2) - ops.maximum(x1, other_x1), 0.0)
    intersection = height * width
    areas = ops.expand_dims(area(boxes1), axis=-1) + ops.expand_dims(area(boxes2), axis=-2)
    union = areas - intersection
    # Division by zero would give NaN, which spreads to every later result.
    return intersection / ops.where(union > 0, union, 1.0)


def encode_deltas(boxes, gt_boxes):
    """Compute the deltas that turn each box into its gt box.

    The formula is from Girshick et al., "Rich feature hierarchies" (2014), appendix C: the centre's
    shift in units of the box's size, and the logarithm of the ratio of the sizes.

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
    """Apply deltas to boxes: the inverse of encode_deltas.

    boxes: [..., (y1, x1, y2, x2)]. deltas: [..., (dy, dx, log dh, log dw)].
    max_log_size: upper bound on log dh and log dw; None sets no bound. An untrained network can
    predict a size of exp(100), which overflows float32 and becomes NaN at the next subtraction.
    MAX_LOG_SIZE prevents that and excludes no useful box. matterport's code sets no bound.
    Returns [..., (y1, x1, y2, x2)] float32.
    """
    center_y, center_x, height, width = _centers_and_sizes(boxes)
    dy, dx, log_dh, log_dw = coordinates(deltas)
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
    """Clip boxes to a window; a box outside the window gets area 0.

    boxes: [batch, N, (y1, x1, y2, x2)], or fewer axes. window: (y1, x1, y2, x2) in the same frame
    for all images, or [batch, 4], one per image. Returns float32 of the same shape as boxes.
    """
    boxes = ops.cast(boxes, "float32")
    window = _spread(window, boxes)
    low, high = window[..., :2], window[..., 2:]
    low = ops.concatenate([low, low], axis=-1)
    high = ops.concatenate([high, high], axis=-1)
    return ops.maximum(ops.minimum(boxes, high), low)


def normalize(boxes, shape):
    """Convert pixel boxes to matterport's normalised frame.

    boxes: [batch, N, (y1, x1, y2, x2)] pixels, or fewer axes. shape: (height, width) of all images,
    or [batch, 2], one per image. Returns float32 of the same shape as boxes.
    """
    boxes = ops.cast(boxes, "float32")
    return ops.subtract(boxes, constant(_FAR_EDGE)) / _scale(shape, boxes)


def to_pixels(boxes, shape):
    """Convert normalised boxes to pixels without rounding: the exact inverse of normalize.

    boxes: [batch, N, (y1, x1, y2, x2)] normalised, or fewer axes. shape: as in normalize.
    Returns float32 of the same shape as boxes.
    """
    boxes = ops.cast(boxes, "float32")
    return ops.add(boxes * _scale(shape, boxes), constant(_FAR_EDGE))


def denormalize(boxes, shape):
    """Convert normalised boxes to whole pixels: to_pixels, rounded half to even, as int32."""
    return ops.cast(ops.round(to_pixels(boxes, shape)), "int32")


# The half-open far edge of a pixel box lies one pixel beyond its last pixel.
_FAR_EDGE = (0, 0, 1, 1)


def _scale(shape, boxes):
    shape = _spread(shape, boxes)
    return ops.concatenate([shape, shape], axis=-1) - 1.0


def _spread(values, boxes):
    """Cast values [k] or [batch, k] to float32 and insert axes to broadcast against boxes [batch, N, 4]."""
    values = ops.cast(values, "float32")
    for _ in range(len(boxes.shape) - len(values.shape)):
        values = ops.expand_dims(values, axis=-2)
    return values


def coordinates(boxes):
    """Return the four numbers of boxes or deltas [..., 4] as separate tensors [...] float32."""
    boxes = ops.cast(boxes, "float32")
    return [boxes[..., i] for i in range(4)]


def _centers_and_sizes(boxes):
    y1, x1, y2, x2 = coordinates(boxes)
    height, width = y2 - y1, x2 - x1
    return y1 + 0.5 * height, x1 + 0.5 * width, height, width
