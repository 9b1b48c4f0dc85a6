"""Instance masks: their boxes, their resizing, mini-masks and back, detected masks into an image.

Masks are [H, W, N] bool, boxes [N, (y1, x1, y2, x2)] int32 pixels, half-open. Where they are made here, each
mask lies in one piece in memory, as [N, H, W], since most of what follows takes one mask after another.
"""

import numpy as np


def extract_bboxes(mask):
    """The tightest box around each mask; zeros where a mask is empty.

    mask: [H, W, N]. Returns [N, (y1, x1, y2, x2)] int32.
    """
    boxes = np.zeros((mask.shape[2], 4), np.int32)
    for places, low, high in ((mask.any(axis=1), 0, 2), (mask.any(axis=0), 1, 3)):  # rows, then columns
        boxes[:, low] = places.argmax(axis=0)
        boxes[:, high] = len(places) - places[::-1].argmax(axis=0)
    boxes[~mask.any(axis=(0, 1))] = 0
    return boxes


def resize_nearest(mask, shape):
    """A mask [H, W, ...] at the given (height, width): each pixel takes the one its centre falls in."""
    if mask.shape[:2] == tuple(shape[:2]):
        return mask
    rows, columns = (
        np.minimum((np.arange(new) + 0.5) * (old / new), old - 1).astype(np.intp)
        for new, old in zip(shape, mask.shape[:2])
    )
    return mask[rows][:, columns]


def resize_mask(mask, scale, padding, crop=None):
    """Give masks the scale, padding and crop that resize_image gave their image.

    mask: [H, W, N]. padding: [(top, bottom), (left, right), (0, 0)]. crop: (y, x, height, width) or None.
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
    """Each mask cut to its box and resized to one small shape: a mini-mask.

    bbox: [N, (y1, x1, y2, x2)]. mask: [H, W, N]. Returns [*mini_shape, N] bool.
    Raises ValueError for a box without area.
    """
    mini = np.zeros((*mini_shape, mask.shape[2]), bool)
    for i, (y1, x1, y2, x2) in enumerate(np.asarray(bbox)[:, :4]):
        if y2 <= y1 or x2 <= x1:
            raise ValueError(f"Mask {i} has a box without area, {(y1, x1, y2, x2)}: drop empty masks first.")
        mini[:, :, i] = _resize(mask[y1:y2, x1:x2, i], mini_shape) >= 0.5
    return mini


def expand_mask(bbox, mini_mask, image_shape):
    """Mini-masks back in their image; the inverse of minimize_mask but for lost detail.

    bbox: [N, (y1, x1, y2, x2)]. mini_mask: [height, width, N]. Returns [H, W, N] bool.
    """
    mask = np.zeros((*image_shape[:2], mini_mask.shape[2]), bool)
    for i, (y1, x1, y2, x2) in enumerate(np.asarray(bbox)[:, :4]):
        mask[y1:y2, x1:x2, i] = _resize(mini_mask[:, :, i], (y2 - y1, x2 - x1)) >= 0.5
    return mask


def unmold_mask(mask, bbox, image_shape):
    """A detected mask in its image.

    mask: [height, width] probabilities of the box. bbox: (y1, x1, y2, x2) pixels within the image.
    Returns [H, W] bool, true where the probability is at least 0.5.
    """
    y1, x1, y2, x2 = bbox
    full = np.zeros(image_shape[:2], bool)
    full[y1:y2, x1:x2] = _resize(mask, (y2 - y1, x2 - x1)) >= 0.5
    return full


def _resize(mask, shape):
    """Bilinear resizing with zeros around the mask, as two small matrix products: [height, width] float32.

    Beyond its edge a mask fades to zero, as in matterport's code (scikit-image's mode="constant"); a
    product is ten times faster than a general resize for the hundred small masks of an image.
    """
    rows = _interpolation(mask.shape[0], shape[0])
    columns = _interpolation(mask.shape[1], shape[1])
    return rows @ mask.astype(np.float32) @ columns.T


def _interpolation(old, new):
    """[new, old] weights of linear interpolation between pixel centres, zero beyond the edges."""
    centers = (np.arange(new)[:, None] + 0.5) * (old / new) - 0.5
    return np.maximum(0, 1 - np.abs(centers - np.arange(old)[None, :])).astype(np.float32)
