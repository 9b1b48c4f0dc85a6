"""Non-maximum suppression: of boxes that overlap, keep the one with the best score.

B: images, N: boxes an image, K: boxes to keep, T: boxes a tile.

The greedy rule goes box by box, in order of decreasing score, and keeps a box unless one kept before
overlaps it. Here the same rule runs over tiles of boxes, with the same result: a tile is first
compared with all boxes kept so far, then with itself. The work grows with N * K, not with N * N, every
array has a fixed size, and all images go in step. benchmarks/nms.py measures it.
"""

import numpy as np
from keras import ops

from mrcnn.backend import TOP_K_KEEPS_ORDER

# The fastest of 64 ... 512 on TensorFlow, where 64 takes half as long again; on JAX all are alike. The IoUs
# of a tile with 1,000 boxes fill 1 MB, which stays in a core's cache.
_TILE = 256
# Keeps the quotient of boxes without area defined (0), and is lost in rounding for all others.
_TINY = 1e-30


def sort_by_score(scores, k):
    """The k best scores in decreasing order, the lower index first among equals.

    scores: [B, N]. k: how many; all N if there are fewer.
    Returns scores [B, min(k, N)] and their indices, int32.
    """
    count = ops.shape(scores)[-1]
    k = min(k, count) if isinstance(count, int) else ops.minimum(k, count)
    if not TOP_K_KEEPS_ORDER:
        index = ops.argsort(ops.negative(scores), axis=-1)[..., :k]
        return ops.take_along_axis(scores, index, axis=-1), index
    return ops.top_k(scores, k)


def nms(boxes, scores, max_output, iou_threshold, valid=None, class_ids=None):
    """Exact greedy non-maximum suppression of every image of a batch.

    boxes: [B, N, (y1, x1, y2, x2)], pixels or normalised. scores: [B, N]. max_output: K.
    iou_threshold: a kept box suppresses those whose IoU with it is strictly greater; boxes without area
    have IoU 0 with everything. valid: [B, N] bool, the boxes that take part, or None for all.
    class_ids: [B, N] int, then only boxes of an equal class suppress one another, or None.

    Returns index [B, K] int32, the kept boxes in order of decreasing score (the lower index first among
    equals), and keep [B, K] bool. Places past the last kept box have index 0 and keep False.
    No gradient flows through it. In a functional model, call it from a layer.
    """
    boxes, scores = (ops.stop_gradient(ops.cast(x, "float32")) for x in (boxes, scores))
    order, available = _sort(scores, valid)
    first = (ops.cumsum(ops.ones_like(available), axis=0) - 1) * ops.shape(boxes)[1]  # (B, 1)
    table = _sorted_rows(boxes, class_ids, order + first)
    kept = _greedy(table, first, available, max_output, iou_threshold)
    index = ops.concatenate([ops.reshape(order, (-1,)), ops.zeros((1,), "int32")], axis=0)
    return ops.take(index, kept, axis=0), kept < ops.shape(table)[0] - 1


def _sort(scores, valid):
    """The order [B, N] of decreasing score with invalid boxes last, and the number [B, 1] of valid ones."""
    if valid is None:
        valid = ops.ones_like(scores, dtype="bool")
    valid = ops.cast(valid, "bool")
    lowest = float(np.finfo(np.float32).min)
    scores = ops.where(valid, ops.maximum(scores, lowest), -np.inf)
    _, order = sort_by_score(scores, ops.shape(scores)[1])
    return order, ops.sum(ops.cast(valid, "int32"), axis=1, keepdims=True)


def _sorted_rows(boxes, class_ids, order):
    """One table of the sorted boxes of all images, [B * N + 1, (y1, x1, y2, x2, area[, class])].

    order: [B, N], numbers of boxes among those of all images. The last row is an empty box that suppresses
    nothing: it stands for boxes not kept yet.
    """
    height, width = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    area = ops.maximum(height, 0.0) * ops.maximum(width, 0.0) + _TINY
    columns = [boxes, ops.expand_dims(area, axis=-1)]
    if class_ids is not None:
        columns.append(ops.expand_dims(ops.cast(class_ids, "float32"), axis=-1))
    rows = ops.reshape(ops.concatenate(columns, axis=-1), (-1, 3 + len(columns)))
    rows = ops.take(rows, ops.reshape(order, (-1,)), axis=0)
    empty = ops.convert_to_tensor([[0.0, 0.0, 0.0, 0.0, _TINY, 0.0]], "float32")
    return ops.concatenate([rows, empty[:, : rows.shape[1]]], axis=0)


def _greedy(table, first, available, max_output, threshold):
    """The rows of the kept boxes, [B, K], in increasing order; the number of the empty row fills the rest.

    table: from _sorted_rows. first: [B, 1], each image's first row. available: [B, 1], its valid boxes.
    """
    empty = ops.shape(table)[0] - 1
    places = ops.arange(_TILE, dtype="int32")

    def unfinished(start, kept):
        full = kept[:, -1:] < empty
        return ops.any(ops.logical_and(start < available, ops.logical_not(full)))

    def add_tile(start, kept):
        rows = first + start + places  # (B, T)
        inside = start + places < available
        tile = ops.take(table, ops.where(inside, rows, empty), axis=0)
        highest = ops.max(_overlaps(tile, ops.take(table, kept, axis=0)), axis=-1)
        free = ops.logical_and(inside, highest <= threshold)
        chosen = ops.where(_choose_in_tile(tile, free, threshold), rows, empty)
        # Rows count up with falling score, so that sorting appends the new ones.
        kept = ops.sort(ops.concatenate([kept, chosen], axis=1), axis=1)[:, :max_output]
        return start + _TILE, kept

    nothing = ops.zeros((1, max_output), "int32") + ops.zeros_like(first) + empty
    return ops.while_loop(unfinished, add_tile, (ops.zeros((), "int32"), nothing))[1]


def _choose_in_tile(tile, free, threshold):
    """Greedy suppression within a tile, [B, T] bool.

    tile: [B, T, columns] in order of decreasing score. free: [B, T] bool, not suppressed by earlier tiles.

    A box stays if it is free and no better one that stays overlaps it. Each time that this rule is applied
    to a guess, at least one more place, counted from the front, is right for good; a guess that it does not
    change is the greedy result. It takes as many rounds as the longest chain of suppressions: a few.
    """
    better = np.triu(np.ones((_TILE, _TILE), bool), k=1)
    suppresses = ops.logical_and(_overlaps(tile, tile) > threshold, better)
    suppresses = ops.cast(suppresses, "float32")  # (B, T, T), row suppresses column
    free = ops.cast(free, "float32")

    def apply_rule(stays):
        hits = ops.matmul(ops.expand_dims(stays, axis=-2), suppresses)[..., 0, :]
        return ops.where(hits > 0, 0.0, free)

    def changed(stays, before):
        return ops.any(ops.not_equal(stays, before))

    def again(stays, _):
        return apply_rule(stays), stays

    return ops.while_loop(changed, again, (apply_rule(free), free))[0] > 0


def _overlaps(rows, others):
    """IoU of rows [B, T, columns] with others [B, M, columns]; at most 0 between classes and apart."""
    y1, x1, y2, x2, area, *classes = (ops.expand_dims(rows[..., i], axis=-1) for i in range(rows.shape[-1]))
    other_y1, other_x1, other_y2, other_x2, other_area, *other_classes = (
        ops.expand_dims(others[..., i], axis=-2) for i in range(others.shape[-1])
    )
    height = ops.maximum(ops.minimum(y2, other_y2) - ops.maximum(y1, other_y1), 0.0)
    # A negative width makes a negative IoU, as good as none: one pass over the array less.
    width = ops.minimum(x2, other_x2) - ops.maximum(x1, other_x1)
    intersection = height * width
    for mine, other in zip(classes, other_classes):
        intersection = ops.where(ops.equal(mine, other), intersection, 0.0)
    return intersection / (area + other_area - intersection)
