"""Instance masks: compute boxes, resize, convert to and from mini-masks, paste detected masks into an image.

docs/geometry.md explains the frames. minimize_mask, expand_mask and unmold_mask are matterport's; cover_mask
and paste_mask are exact. Masks are [H, W, N] bool, boxes [N, (y1, x1, y2, x2)] int32 pixels, half-open. Masks
created here are views of [N, H, W] arrays, so each mask is contiguous in memory: most later steps process one
mask at a time.
"""

import cv2
import numpy as np

_ON_ONE_THREAD = 4 * 65536  # multiplications up to which OpenBLAS uses one thread


def extract_bboxes(mask):
    """Compute the tightest box around each mask; the box of an empty mask is all zeros.

    mask: [H, W, N]. Returns [N, (y1, x1, y2, x2)] int32.
    """
    boxes = np.zeros((mask.shape[2], 4), np.int32)
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    for places, low, high in ((rows, 0, 2), (columns, 1, 3)):
        boxes[:, low] = places.argmax(axis=0)
        boxes[:, high] = len(places) - places[::-1].argmax(axis=0)
    boxes[~rows.any(axis=0)] = 0
    return boxes


def resize_nearest(mask, shape):
    """Resize a mask [H, W, ...] to (height, width): each pixel takes the one that its centre falls in."""
    if mask.shape[:2] == tuple(shape[:2]):
        return mask
    rows, columns = (
        np.minimum((np.arange(new) + 0.5) * (old / new), old - 1).astype(np.intp)
        for new, old in zip(shape, mask.shape[:2])
    )
    return mask[rows][:, columns]


def resize_mask(mask, scale, padding, crop=None):
    """Apply to masks the scale, padding and crop that resize_image applied to their image.

    mask: [H, W, N]. scale: factor. padding: [(top, bottom), (left, right), (0, 0)] pixels. crop:
    (y, x, height, width) pixels of the scaled image; None applies the padding instead.
    Returns [new height, new width, N].
    """
    height, width, count = mask.shape
    shape = (height, width) if scale == 1 else (max(1, round(height * scale)), max(1, round(width * scale)))
    if crop is not None:
        top, left, height, width = (-crop[0], -crop[1], crop[2], crop[3])
    else:
        (top, bottom), (left, right) = padding[:2]
        height, width = shape[0] + top + bottom, shape[1] + left + right
    resized = np.zeros((count, height, width), mask.dtype)
    for i in range(count):
        plane = resize_nearest(mask[:, :, i], shape)[max(-top, 0) :, max(-left, 0) :]
        seen = plane[: height - max(top, 0), : width - max(left, 0)]
        resized[i, max(top, 0) :, max(left, 0) :][: seen.shape[0], : seen.shape[1]] = seen
    return np.moveaxis(resized, 0, -1)


def minimize_mask(bbox, mask, mini_shape):
    """Make mini-masks: crop each mask to its box and resize the crop to one small shape.

    bbox: [N, (y1, x1, y2, x2)] pixels. mask: [H, W, N]. mini_shape: (height, width).
    Returns [*mini_shape, N] bool. Raises ValueError for a box without area.
    """
    mini = np.zeros((*mini_shape, mask.shape[2]), bool)
    for i, (y1, x1, y2, x2) in enumerate(np.asarray(bbox)[:, :4]):
        if y2 <= y1 or x2 <= x1:
            raise ValueError(f"Mask {i} has a box without area, {(y1, x1, y2, x2)}: drop empty masks first.")
        mini[:, :, i] = _resize(mask[y1:y2, x1:x2, i], mini_shape) >= 0.5
    return mini


def cover_mask(bbox, mask, shape):
    """Make mini-masks that keep the outline: each cell holds the share of its area that the mask covers.

    bbox: [N, (y1, x1, y2, x2)] pixels, within the mask or beyond it, where nothing is covered. mask: [H, W,
    N] bool. shape: (height, width) of a mini-mask. Returns [*shape, N] float16 from 0 to 1. Raises ValueError
    for a box without area.
    """
    covered = np.zeros((*shape, mask.shape[2]), np.float16)
    for i, box in enumerate(np.asarray(bbox)[:, :4]):
        (y1, x1, y2, x2), (top, left, bottom, right) = box, _clipped(box, mask.shape)
        if y2 <= y1 or x2 <= x1:
            raise ValueError(f"Mask {i} has a box without area, {(y1, x1, y2, x2)}: drop empty masks first.")
        if bottom <= top or right <= left:
            continue
        sums = cv2.integral(mask[top:bottom, left:right, i].astype(np.uint8), sdepth=cv2.CV_64F)
        rows = _edges_of_cells(y1, y2, shape[0], top, bottom)
        columns = _edges_of_cells(x1, x2, shape[1], left, right)
        sums = _between(_between(sums, *rows).T, *columns).T  # at the corners of the cells
        cell = (y2 - y1) / shape[0] * ((x2 - x1) / shape[1])
        covered[:, :, i] = np.diff(np.diff(sums, axis=0), axis=1) / cell
    return covered


def expand_mask(bbox, mini_mask, image_shape):
    """Paste mini-masks into full-size masks: the inverse of minimize_mask, except for lost detail.

    bbox: [N, (y1, x1, y2, x2)] pixels. mini_mask: [height, width, N]. image_shape: (H, W, ...).
    Returns [H, W, N] bool.
    """
    mask = np.zeros((*image_shape[:2], mini_mask.shape[2]), bool)
    for i, (y1, x1, y2, x2) in enumerate(np.asarray(bbox)[:, :4]):
        mask[y1:y2, x1:x2, i] = _resize(mini_mask[:, :, i], (y2 - y1, x2 - x1)) >= 0.5
    return mask


def unmold_mask(mask, bbox, image_shape):
    """Resize a detected mask to its box and paste it into a full-size mask.

    mask: [height, width] probabilities within the box. bbox: (y1, x1, y2, x2) pixels within the image.
    image_shape: (H, W, ...). Returns [H, W] bool, true where the probability is at least 0.5.
    """
    y1, x1, y2, x2 = bbox
    full = np.zeros(image_shape[:2], bool)
    full[y1:y2, x1:x2] = fill_box(mask, (y2 - y1, x2 - x1))
    return full


def fill_box(mask, shape):
    """Resize a detected mask to the (height, width) of its box as matterport does; return it as bool."""
    return _resize(mask, shape) >= 0.5


def paste_mask(mask, box, shape, first=None):
    """Paste a detected mask into an image where its samples were taken; the box need not be whole pixels.

    mask: [h, w] probabilities. box: (y1, x1, y2, x2) continuous pixels: the first pixel covers 0 to 1. shape:
    (H, W, ...) of the image. first: where the first sample of each row and column lies, as a share of the
    box's (height, width) from its edge, see docs/geometry.md; None: samples lie in the middle of h x w equal
    cells.
    Returns [H, W] bool: true where a pixel's centre lies in the box and the interpolated probability there is
    at least 0.5.
    """
    full = np.zeros(shape[:2], bool)
    top, left, bottom, right = pixels = _clipped(whole_pixels(box), shape)
    if bottom > top and right > left:
        full[top:bottom, left:right] = sample_mask(mask, box, pixels, first)
    return full


def sample_mask(mask, box, pixels, first=None):
    """Return what paste_mask puts into some pixels: [height, width] bool.

    pixels: (y1, x1, y2, x2), half-open, with centres within the box. Other arguments are those of paste_mask.
    """
    top, left, bottom, right = pixels
    if not (box[2] > box[0] and box[3] > box[1]):
        return np.zeros((bottom - top, right - left), bool)
    first = (0.5 / mask.shape[0], 0.5 / mask.shape[1]) if first is None else first
    rows = _samples(np.arange(top, bottom), box[0], box[2], mask.shape[0], first[0])
    columns = _samples(np.arange(left, right), box[1], box[3], mask.shape[1], first[1])
    return _product(_product(rows, np.asarray(mask, np.float32)), columns.T) >= 0.5


def move_mask(mask, box, other, first=None, others=None):
    """Sample a detected mask again, where a mask of another box has its samples; return [h, w] float32.

    mask: [h, w] probabilities of ``box``, which fade to zero beyond it. other: the other box, in the same
    frame. first, others: where the first samples of the two lie, as paste_mask says.
    """
    middle = (0.5 / mask.shape[0], 0.5 / mask.shape[1])
    first, others = middle if first is None else first, middle if others is None else others
    rows, columns = (
        _samples(
            _places(other[axis], other[axis + 2], count, others[axis]) - 0.5,
            box[axis], box[axis + 2], count, first[axis],
        )
        for axis, count in enumerate(mask.shape)
    )  # fmt: skip
    return _product(_product(rows, np.asarray(mask, np.float32)), columns.T)


def _places(start, end, count, first):
    """Return where the samples of a box lie along an axis, see _samples."""
    return start + (end - start) * np.linspace(first, 1 - first, count)


def whole_pixels(boxes):
    """Return the half-open pixel boxes [..., 4] int32 of the pixels whose centres lie in continuous boxes."""
    return np.ceil(np.asarray(boxes, float) - 0.5).astype(np.int32)


def _clipped(box, shape):
    """Return a box in whole pixels, cut at the edges of an image of shape (H, W, ...)."""
    y1, x1, y2, x2 = (int(side) for side in box)
    height, width = shape[:2]
    return max(y1, 0), max(x1, 0), min(y2, height), min(x2, width)


def _edges_of_cells(start, end, count, first, last):
    """Return the edges of ``count`` equal cells from start to end: the pixel below and the share beyond it.

    Both count from pixel ``first``, and edges are clipped to the pixels first to last.
    """
    place = np.clip(start + np.arange(count + 1) * ((end - start) / count), first, last) - first
    below = np.minimum(place.astype(np.intp), last - first - 1)
    return below, place - below


def _between(values, below, share):
    """Interpolate between rows of an array: row ``below`` and the next, which has the weight ``share``."""
    share = share[:, None]
    return values[below] * (1 - share) + values[below + 1] * share


def _samples(pixels, start, end, count, first):
    """Return weights [pixels, count] that interpolate samples at the centres of pixels, along one axis.

    start, end: edges of the box. first: place of the first sample, as a share of the box from ``start``; the
    others follow at equal distances and the last one lies as far from ``end``. Beyond them, values fade to
    zero over one distance.
    """
    share = (pixels + 0.5 - start) / (end - start)
    if count == 1 or first >= 0.5:
        return np.ones((len(pixels), count), np.float32) / count
    place = (share - first) / (1 - 2 * first) * (count - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(count))).astype(np.float32)


def _resize(mask, shape):
    """Resize a mask bilinearly with zeros around it: [height, width] float32.

    A mask fades to zero beyond its edge, as in matterport's code (scikit-image's mode="constant"). For the
    hundred small masks of an image this is ten times faster than a general resize.
    """
    rows = _interpolation(mask.shape[0], shape[0])
    columns = _interpolation(mask.shape[1], shape[1])
    return _product(_product(rows, mask.astype(np.float32)), columns.T)


def _product(left, right):
    """Return the matrix product of small arrays, in parts that the library computes on one thread.

    Its threads wait for each other actively, and it runs one product of several threads at a time, however
    many threads load images: eight were as fast as one.
    """
    rows, common = left.shape
    height = max(1, _ON_ONE_THREAD // max(common * right.shape[1], 1))
    if height >= rows:
        return left @ right
    whole = rows // height * height
    product = np.empty((rows, right.shape[1]), np.result_type(left, right))
    parts = left[:whole].reshape(-1, height, common)
    np.matmul(parts, right, out=product[:whole].reshape(-1, height, right.shape[1]))
    np.matmul(left[whole:], right, out=product[whole:])
    return product


def _interpolation(old, new):
    """Weights [new, old] of linear interpolation between pixel centres, with zeros beyond the edges."""
    centers = (np.arange(new)[:, None] + 0.5) * (old / new) - 0.5
    return np.maximum(0, 1 - np.abs(centers - np.arange(old)[None, :])).astype(np.float32)
