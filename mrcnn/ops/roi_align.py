"""Bilinear crops of feature maps and masks.

B: images, N: boxes per image, C: channels, P: samples per side of a crop, L: pyramid levels.
All cells of all maps of all images are rows of one flat table; a sample is a weighted sum of rows
gathered by index. One pass serves every level and a box costs the same on each. The gradient is the
same on every run, unlike that of tf.image.crop_and_resize: see gathering.py. Coordinates and weights
are float32 whatever the features' dtype.
"""

import numpy as np
from keras import ops

from mrcnn.backend import full_like
from mrcnn.ops.gathering import weighted_rows

# A box of 224 px, the side of ImageNet's crops, is cropped from P4; P2 is the finest level.
_CANONICAL_SIDE, _CANONICAL_LEVEL, _FIRST_LEVEL = 224.0, 4, 2
# Rounding can put samples of a box that ends at the map's edge just outside: 1.0000001 * (size - 1).
_ROUNDING = 1e-5


def assign_levels(boxes, image_area, max_level=5):
    """Return the pyramid level that each box is cropped from.

    Lin et al., "Feature Pyramid Networks" (2017), equation 1, with rounding instead of the floor, as
    in matterport's network: 4 + round(log2(sqrt(h * w) / 224)), sides in pixels.

    boxes: [..., (y1, x1, y2, x2)] normalised. image_area: height * width of the image in pixels.
    Returns [...] int32 in [2, max_level]; a box without area gets level 2.
    """
    boxes = ops.cast(boxes, "float32")
    height, width = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    # At least a square of 1e-10 of the image's side: below every level, yet with a finite logarithm.
    side = ops.sqrt(ops.maximum(height * width, 1e-20))
    canonical_side = _CANONICAL_SIDE / ops.sqrt(ops.cast(image_area, "float32"))
    level = _CANONICAL_LEVEL + ops.cast(ops.round(ops.log2(side / canonical_side)), "int32")
    return ops.clip(level, _FIRST_LEVEL, max_level)


def pyramid_roi_align(features, boxes, image_shape, pool_size, method="corner"):
    """Crop each box from the pyramid level that fits its size.

    method "corner" is matterport's crop, which its weights were trained with: the first and last
    samples lie on the box's edges, at feature coordinate = normalised coordinate * (size - 1), and
    samples outside the map are 0. "aligned" is ROIAlign (He et al., "Mask R-CNN", 2017, section 3):
    the box is divided into bins, the four samples of a bin are averaged, and a feature cell
    represents the centre of its pixels: feature coordinate = pixel coordinate / stride - 0.5.

    features: list of [B, height, width, C], P2 first. boxes: [B, N, (y1, x1, y2, x2)] normalised.
    image_shape: (height, width) of the image in pixels, numbers or a tensor. pool_size: P.
    Returns [B, N, P, P, C] in the features' dtype. No gradient flows to the boxes.
    Raises ValueError for an unknown method.
    """
    if method not in _AXIS_SAMPLERS:
        raise ValueError(f"method must be one of {', '.join(_AXIS_SAMPLERS)}, received {method!r}.")
    boxes = ops.stop_gradient(ops.cast(boxes, "float32"))
    image_shape = ops.cast(image_shape, "float32")
    table, sizes, starts = _flatten_pyramid(features)
    area, last_level = image_shape[0] * image_shape[1], _FIRST_LEVEL + len(features) - 1
    level = assign_levels(boxes, area, last_level) - _FIRST_LEVEL
    size = ops.take(sizes, level, axis=0)  # (B, N, 2)
    start = ops.take(starts, level, axis=0) + _image_numbers(boxes) * starts[-1]
    sample_axis = _AXIS_SAMPLERS[method]
    rows, columns = (
        sample_axis(boxes[..., i], boxes[..., i + 2], size[..., i], image_shape[i], pool_size) for i in (0, 1)
    )
    crops = _weighted_rows(table, start, size[..., 1], rows, columns)
    return ops.cast(crops, features[0].dtype)


def crop_masks(masks, index, boxes, shape, method="corner"):
    """Crop boxes out of masks, as the mask targets of ROIs.

    method "corner": samples reach from corner to corner of the box, as in pyramid_roi_align. "aligned": the
    box is divided into bins, and the four samples of a bin are averaged, at the places of pyramid_roi_align;
    a mask fades to 0 beyond its edge pixels.

    masks: [B, G, h, w], bool or numbers. index: [B, N] int, the mask of each box, in [0, G).
    boxes: [B, N, (y1, x1, y2, x2)] in the mask's frame. With "corner" the centres of its first and last
    pixels are 0 and 1, with "aligned" its edges are. shape: (rows, columns) of the crops. Returns [B, N,
    rows, columns] float32, not rounded. No gradient flows through this function.
    """
    boxes = ops.stop_gradient(ops.cast(boxes, "float32"))
    _, count, height, width = ops.shape(masks)
    table = ops.stop_gradient(ops.reshape(masks, (-1, 1)))
    start = (ops.cast(index, "int32") + _image_numbers(boxes) * count) * (height * width)
    size = ops.cast(ops.stack([height, width]), "int32")
    sample_axis = {"corner": _sample_corners, "aligned": _sample_mask_bins}[method]
    rows, columns = (sample_axis(boxes[..., i], boxes[..., i + 2], size[i], None, shape[i]) for i in (0, 1))
    return _weighted_rows(table, start, size[1], rows, columns)[..., 0]


def _flatten_pyramid(features):
    """Lay out all cells of all images as rows of one table, with the sizes and starts of the levels.

    Returns the table [B * cells, C], sizes [L, (height, width)] int32 and starts [L + 1] int32: the number of
    one image's cells before each level; the last entry counts all levels.
    """
    sizes = ops.stack([ops.stack(ops.shape(feature)[1:3]) for feature in features])
    sizes = ops.cast(sizes, "int32")
    cells = sizes[:, 0] * sizes[:, 1]
    starts = ops.concatenate([ops.zeros((1,), "int32"), ops.cast(ops.cumsum(cells), "int32")])
    maps = [_flatten_map(feature) for feature in features]
    channels = features[0].shape[-1]
    return ops.reshape(ops.concatenate(maps, axis=1), (-1, channels)), sizes, starts


def _flatten_map(feature):
    _, height, width, channels = ops.shape(feature)
    return ops.reshape(feature, (-1, height * width, channels))  # (B, height * width, C)


def _image_numbers(boxes):
    """Return the image number of each box, [B, N] int32, for boxes [B, N, 4]; B may be unknown."""
    return ops.cumsum(ops.ones_like(boxes[..., 0], dtype="int32"), axis=0) - 1


def _sample_corners(start, end, size, _, count):
    """Place samples along one axis from edge to edge of the boxes; a single sample lies in the middle.

    start, end: [B, N], normalised edges. size: [B, N] or a number, cells of the map. count: P.
    Returns pairs of cells and weights, both [B, N, P]; a sample is the weighted sum over the pairs.
    """
    start, end, size = (ops.expand_dims(x, axis=-1) for x in (start, end, size))
    last = ops.cast(size - 1, "float32")
    # The same steps as matterport's arithmetic, with a true division: XLA replaces division by a constant
    # with multiplication by its reciprocal. The last bit of a position changes a sample of a noisy map by
    # 2e-5; a compiler that still rearranges the steps costs no more than that.
    step = (end - start) * last / full_like(start, max(count - 1, 1))
    number = ops.arange(count, dtype="float32") if count > 1 else 0.5
    position = start * last + step * number
    slack = _ROUNDING * (last + 1.0)
    inside = ops.logical_and(position >= -slack, position <= last + slack)
    return _neighbours(position, inside, size, 1.0)


def _sample_bins(start, end, size, pixels, count):
    """Place samples along one axis at a quarter and three quarters of every bin of the boxes.

    pixels: side of the image. Other arguments and the result are as in _sample_corners. Up to one cell
    outside the map, samples take the border's value; farther out they are 0, as is common in
    implementations of the paper.
    """
    start, end = start * (pixels - 1.0), end * (pixels - 1.0) + 1.0
    start, end, size = (ops.expand_dims(x, axis=-1) for x in (start, end, size))
    length = ops.cast(size, "float32")
    pairs = []
    for part in (0.25, 0.75):
        step = ops.convert_to_tensor((np.arange(count) + part) / count, "float32")
        position = (start + (end - start) * step) * (length / pixels) - 0.5
        inside = ops.logical_and(position >= -1.0, position <= length)
        pairs += _neighbours(position, inside, size, 0.5)
    return pairs


def _sample_mask_bins(start, end, size, _, count):
    """Place samples as _sample_bins does, in a mask with edges 0 and 1 that fades to 0 beyond its pixels."""
    start, end, size = (ops.expand_dims(x, axis=-1) for x in (start, end, size))
    length = ops.cast(size, "float32")
    pairs = []
    for part in (0.25, 0.75):
        step = ops.convert_to_tensor((np.arange(count) + part) / count, "float32")
        position = (start + (end - start) * step) * length - 0.5
        below = ops.floor(position)
        for cell, weight in ((below, 1.0 - (position - below)), (below + 1.0, position - below)):
            inside = ops.logical_and(cell >= 0.0, cell < length)
            index = ops.cast(ops.where(inside, cell, ops.zeros_like(cell)), "int32")
            pairs.append((index, ops.where(inside, 0.5 * weight, ops.zeros_like(weight))))
    return pairs


_AXIS_SAMPLERS = {"corner": _sample_corners, "aligned": _sample_bins}


def _neighbours(position, inside, size, weight):
    """Return the cells on both sides of each position with their shares of weight, 0 where not inside."""
    position = ops.minimum(ops.maximum(position, 0.0), ops.cast(size - 1, "float32"))
    below = ops.floor(position)
    share = position - below
    # Clip again as integers, so that a NaN cannot address a row that does not exist.
    below = ops.minimum(ops.maximum(ops.cast(below, "int32"), 0), size - 1)
    above = ops.minimum(below + 1, size - 1)
    nothing = ops.zeros_like(share)
    return [
        (below, ops.where(inside, weight * (1.0 - share), nothing)),
        (above, ops.where(inside, weight * share, nothing)),
    ]


def _weighted_rows(table, start, width, rows, columns):
    """Sum weight * cell over all pairs of a row and a column.

    table: [cells, C]. start: [B, N], number of the first cell of each box's map. width: [B, N] or a number,
    cells per row of that map. rows, columns: pairs of cells and weights, [B, N, P].
    Returns [B, N, P, P, C] float32.
    """
    parts = []
    for row, row_weight in rows:
        row_start = ops.expand_dims(start, axis=-1) + row * ops.expand_dims(width, axis=-1)
        for column, column_weight in columns:
            cell = ops.expand_dims(row_start, axis=-1) + ops.expand_dims(column, axis=-2)  # (B, N, P, P)
            weight = ops.expand_dims(row_weight, axis=-1) * ops.expand_dims(column_weight, axis=-2)
            parts.append((cell, weight))
    return weighted_rows(table, parts)
