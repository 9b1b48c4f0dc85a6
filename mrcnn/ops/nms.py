"""Non-maximum suppression (NMS): of boxes that overlap, keep the one with the highest score.

B: images, N: boxes per image, K: boxes to keep, T: boxes per tile.

Greedy NMS visits boxes in order of decreasing score and keeps a box unless a kept box overlaps it.
This module visits tiles of boxes instead and gets the same result: each tile is compared first with
all boxes kept so far, then with itself. The work grows with N * K instead of N * N, every array has a
fixed size, and all images advance together. benchmarks/nms.py measures it.

Soft NMS lowers the scores of boxes that overlap a kept box instead of dropping them. Two instances
that stand close together then both remain if the second has a high enough score.
"""

import numpy as np
from keras import ops

from mrcnn.backend import TOP_K_KEEPS_ORDER, constant, loops_wait

# Of 64 to 512 the fastest on TensorFlow, where 64 takes 1.5 times as long; JAX shows no difference. The
# IoUs of a tile with 1,000 boxes fill 1 MB, which stays in a core's cache.
_TILE = 256
# Added to each area: the IoU of boxes without area becomes 0 instead of NaN; other areas round it away.
_TINY = 1e-30
# For comparing all boxes with all: IoUs that are computed at a time, 64 MB, and passes between two looks at
# the result. Proposals rarely need more; an extra pass changes nothing.
_AT_A_TIME, _PASSES = 2**24, 16


def sort_by_score(scores, k):
    """Return the k highest scores in decreasing order; ties are ordered by index.

    scores: [B, N]. k: number of scores to return; if it exceeds N, all N are returned.
    Returns scores [B, min(k, N)] and their indices, int32.
    """
    count = ops.shape(scores)[-1]
    k = min(k, count) if isinstance(count, int) else ops.minimum(k, count)
    if not TOP_K_KEEPS_ORDER:
        index = ops.argsort(ops.negative(scores), axis=-1)[..., :k]
        return ops.take_along_axis(scores, index, axis=-1), index
    return ops.top_k(scores, k)


def nms(boxes, scores, max_output, iou_threshold, valid=None, class_ids=None):
    """Apply exact greedy NMS to every image of a batch.

    boxes: [B, N, (y1, x1, y2, x2)], pixels or normalised. scores: [B, N]. max_output: K.
    iou_threshold: a kept box suppresses the boxes whose IoU with it is strictly greater; a box without
    area has IoU 0 with every box. valid: [B, N] bool, the boxes to consider; None considers all.
    class_ids: [B, N] int; boxes suppress only boxes of their own class. None ignores classes.

    Returns index [B, K] int32, the kept boxes in order of decreasing score (ties by index), and
    keep [B, K] bool. Entries after the last kept box have index 0 and keep False.
    No gradient flows through this function. In a functional model, call it from a layer.
    """
    boxes, scores = (ops.stop_gradient(ops.cast(x, "float32")) for x in (boxes, scores))
    order, available = _sort(scores, valid)
    first = _first_rows(available, ops.shape(boxes)[1])
    table = _sorted_rows(boxes, class_ids, order + first)
    greedy = _greedy_at_once if loops_wait() else _greedy
    kept = greedy(table, first, available, max_output, iou_threshold)
    index = ops.concatenate([ops.reshape(order, (-1,)), ops.zeros((1,), "int32")], axis=0)
    return ops.take(index, kept, axis=0), kept < ops.shape(table)[0] - 1


def soft_nms(
    boxes, scores, max_output, iou_threshold=None, sigma=None, min_score=0.0, valid=None, class_ids=None
):  # fmt: skip
    """Apply soft NMS (Bodla et al. 2017) to every image of a batch.

    Repeatedly keeps the box with the highest score and lowers the scores of the boxes that overlap it.
    iou_threshold selects the linear rule: s * (1 - IoU) where the IoU is strictly greater. sigma selects
    the Gaussian rule: s * exp(-IoU^2 / sigma) for every IoU. Give exactly one of them.

    boxes: [B, N, (y1, x1, y2, x2)]. scores: [B, N]; only boxes with a score above zero take part.
    max_output: K. min_score: boxes whose score falls below it are dropped. valid, class_ids: as in ``nms``.

    Returns index [B, K] int32 and the lowered scores [B, K] in decreasing order (ties by index), and
    keep [B, K] bool. Entries after the last kept box have index 0, score 0 and keep False.
    It runs one step per kept box. As with ``nms``, no gradient flows through it, and in a functional model
    it is called from a layer. Raises ValueError if both or neither of iou_threshold and sigma are given, or
    if sigma is not above zero.
    """
    _check_rule(iou_threshold, sigma)
    boxes, scores = (ops.stop_gradient(ops.cast(x, "float32")) for x in (boxes, scores))
    takes_part = scores > 0 if valid is None else ops.logical_and(scores > 0, ops.cast(valid, "bool"))
    rows = _rows(boxes, class_ids)
    columns = _columns(rows)
    table = ops.reshape(rows, (-1, rows.shape[-1]))
    first = _first_rows(scores[:, :1], ops.shape(scores)[1])
    everyone = ops.expand_dims(ops.arange(ops.shape(boxes)[1], dtype="int32"), axis=0)  # (1, N)
    places = ops.expand_dims(ops.arange(max_output, dtype="int32"), axis=0)  # (1, K)

    def enough(score):
        return ops.logical_and(score > 0, score >= min_score)

    def unfinished(step, left, *_):
        return ops.logical_and(step < max_output, ops.any(enough(left)))

    def take_best(step, left, kept, kept_scores):
        best = ops.max(left, axis=1, keepdims=True)  # (B, 1)
        # argmax does not specify which of several equal scores it returns; ties go to the lowest index.
        ties = ops.where(ops.equal(left, best), everyone, ops.shape(left)[1])
        index = ops.min(ties, axis=1, keepdims=True)
        kept_box = _columns(ops.take(table, first + index, axis=0))  # (B, 1) each
        overlap = ops.maximum(_iou(kept_box, columns), 0.0)  # (B, N)
        left = left * _decay(overlap, iou_threshold, sigma)
        left = ops.where(ops.equal(everyone, index), 0.0, left)
        here = ops.logical_and(ops.equal(places, step), enough(best))
        return step + 1, left, ops.where(here, index, kept), ops.where(here, best, kept_scores)

    nothing = places * 0 + ops.zeros_like(scores[:, :1], dtype="int32")  # (B, K)
    scores = ops.where(takes_part, scores, 0.0)
    start = (ops.zeros((), "int32"), scores, nothing, ops.cast(nothing, "float32"))
    _, _, kept, kept_scores = ops.while_loop(unfinished, take_best, start)
    return kept, kept_scores, kept_scores > 0


def _check_rule(iou_threshold, sigma):
    if (iou_threshold is None) == (sigma is None):
        raise ValueError("soft_nms needs either iou_threshold (linear) or sigma (Gaussian).")
    if sigma is not None and not sigma > 0:
        raise ValueError(f"The sigma of soft NMS must be above zero, got {sigma}.")


def _decay(overlap, iou_threshold, sigma):
    """Factor on the score of a box with the given IoU with a kept box: Bodla et al., equation 2 or 3."""
    if sigma is None:
        return ops.where(overlap > iou_threshold, 1.0 - overlap, 1.0)
    return ops.exp(-ops.square(overlap) / sigma)


def _sort(scores, valid):
    """Return the order [B, N] by falling score, invalid boxes last, and the number [B, 1] of valid ones."""
    if valid is None:
        valid = ops.ones_like(scores, dtype="bool")
    valid = ops.cast(valid, "bool")
    lowest = float(np.finfo(np.float32).min)
    scores = ops.where(valid, ops.maximum(scores, lowest), -np.inf)
    _, order = sort_by_score(scores, ops.shape(scores)[1])
    return order, ops.sum(ops.cast(valid, "int32"), axis=1, keepdims=True)


def _first_rows(column, count):
    """Return the row of each image's first box in the table of all images: [B, 1]. count: N."""
    return (ops.cumsum(ops.ones_like(column, dtype="int32"), axis=0) - 1) * count


def _rows(boxes, class_ids):
    """Return one row per box, [B, N, (y1, x1, y2, x2, area[, class])]."""
    height, width = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    area = ops.maximum(height, 0.0) * ops.maximum(width, 0.0) + _TINY
    columns = [boxes, ops.expand_dims(area, axis=-1)]
    if class_ids is not None:
        columns.append(ops.expand_dims(ops.cast(class_ids, "float32"), axis=-1))
    return ops.concatenate(columns, axis=-1)


def _sorted_rows(boxes, class_ids, order):
    """Return one table of the sorted boxes of all images, [B * N + 1, (y1, x1, y2, x2, area[, class])].

    order: [B, N], rows in the table of all images. The last row is an empty box, which suppresses nothing;
    it stands for boxes that are not kept yet.
    """
    rows = _rows(boxes, class_ids)
    rows = ops.take(ops.reshape(rows, (-1, rows.shape[-1])), ops.reshape(order, (-1,)), axis=0)
    empty = constant([0.0, 0.0, 0.0, 0.0, _TINY, 0.0][: rows.shape[1]])
    return ops.concatenate([rows, empty[None]], axis=0)


def _greedy(table, first, available, max_output, threshold):
    """Return the rows of the kept boxes, [B, K], in increasing order, filled up with the empty row's number.

    table: from _sorted_rows. first: [B, 1], each image's first row. available: [B, 1], how many of its
    boxes are valid.
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
        # Row numbers increase as scores decrease, so sorting appends the new rows.
        kept = ops.sort(ops.concatenate([kept, chosen], axis=1), axis=1)[:, :max_output]
        return start + _TILE, kept

    nothing = ops.zeros((1, max_output), "int32") + ops.zeros_like(first) + empty
    return ops.while_loop(unfinished, add_tile, (ops.zeros((), "int32"), nothing))[1]


def _greedy_at_once(table, first, available, max_output, threshold):
    """Return what _greedy returns, from the IoUs of all boxes with all.

    It takes N * N work and memory, but few calls, and waits for the device once in _PASSES passes.
    """
    images, count = first.shape[0], (table.shape[0] - 1) // first.shape[0]
    empty, place = images * count, ops.arange(count, dtype="int32")
    boxes = ops.reshape(table[:-1], (images, count, -1))
    rows = max(_AT_A_TIME // max(images * count, 1), 1)
    suppresses = ops.concatenate(
        [_suppresses(boxes, place, start, start + rows, threshold) for start in range(0, count, rows)], axis=1
    )
    stays = _settle(suppresses, place < available, _PASSES)
    nothing = ops.zeros((1, max_output), "int32") + ops.zeros_like(first) + empty
    chosen = ops.where(stays, first + place, empty)
    return ops.sort(ops.concatenate([chosen, nothing], axis=1), axis=1)[:, :max_output]


def _suppresses(boxes, place, start, end, threshold):
    """Return which of the boxes from ``start`` to ``end`` suppress which later ones, [B, end - start, N]."""
    overlap = _overlaps(boxes[:, start:end], boxes) > threshold
    return ops.cast(ops.logical_and(overlap, place[start:end, None] < place), "float16")


def _choose_in_tile(tile, free, threshold):
    """Apply greedy suppression within a tile: [B, T] bool, true for boxes that stay.

    tile: [B, T, columns] in order of decreasing score. free: [B, T] bool, not suppressed by earlier tiles.
    """
    better = np.triu(np.ones((_TILE, _TILE), bool), k=1)
    suppresses = ops.logical_and(_overlaps(tile, tile) > threshold, better)
    return _settle(ops.cast(suppresses, "float32"), free)


def _settle(suppresses, free, passes=1):
    """Return which boxes stay, [B, N] bool: those that are free and that no staying box suppresses.

    suppresses: [B, N, N] of 0 and 1, row suppresses column, only columns after it. free: [B, N] bool. passes:
    how often the rule is applied before the result is looked at.

    The rule is applied to a guess until nothing changes. Each pass fixes at least one more position from the
    front; the fixed point is the greedy result. The number of passes is the length of the longest chain of
    suppressions, usually a few.
    """
    free = ops.cast(free, suppresses.dtype)

    def apply_rule(stays):
        hits = ops.matmul(ops.expand_dims(stays, axis=-2), suppresses)[..., 0, :]
        return ops.where(hits > 0, ops.zeros_like(free), free)

    def changed(stays, before):
        return ops.any(ops.not_equal(stays, before))

    def again(stays, before):
        for _ in range(passes):
            stays, before = apply_rule(stays), stays
        return stays, before

    return ops.while_loop(changed, again, again(free, free))[0] > 0


def _overlaps(rows, others):
    """IoU [B, T, M] of rows [B, T, columns] with others [B, M, columns]; see _iou."""
    mine = [ops.expand_dims(column, axis=-1) for column in _columns(rows)]
    return _iou(mine, [ops.expand_dims(column, axis=-2) for column in _columns(others)])


def _columns(rows):
    return [rows[..., i] for i in range(rows.shape[-1])]


def _iou(mine, others):
    """IoU of boxes given as the columns of _rows; the arrays broadcast.

    It is 0 or negative for boxes of different classes and for boxes that do not overlap.
    """
    y1, x1, y2, x2, area, *classes = mine
    other_y1, other_x1, other_y2, other_x2, other_area, *other_classes = others
    height = ops.maximum(ops.minimum(y2, other_y2) - ops.maximum(y1, other_y1), 0.0)
    # Clamping the height alone saves a pass: a negative width gives a negative IoU, which counts as none.
    width = ops.minimum(x2, other_x2) - ops.maximum(x1, other_x1)
    intersection = height * width
    for my_class, other_class in zip(classes, other_classes):
        intersection = ops.where(ops.equal(my_class, other_class), intersection, 0.0)
    return intersection / (area + other_area - intersection)
