"""The anchors: boxes of fixed sizes and ratios around every cell of the pyramid's levels.

NumPy only: anchors depend on nothing but the image's shape, so they are constants of a graph.
"""

import numpy as np


def generate_anchors(scales, ratios, shape, feature_stride, anchor_stride=1):
    """The anchors of one level of the pyramid.

    scales: a side in pixels, or several. ratios: width / height of each anchor; an anchor of scale s
    and ratio r is s / sqrt(r) high and s * sqrt(r) wide. shape: (height, width) of the level in cells.
    feature_stride: pixels a cell. anchor_stride: cells from an anchor's centre to the next.
    Returns [cells * ratios * scales, (y1, x1, y2, x2)] float32 pixels, in the order row, column,
    ratio, scale. Centres lie at the cell's index times the stride, without half a pixel, as in
    matterport's network; anchors may reach out of the image.
    """
    scales = np.asarray(scales, dtype=np.float64).reshape(1, -1)
    roots = np.sqrt(np.asarray(ratios, dtype=np.float64)).reshape(-1, 1)
    sizes = np.stack([scales / roots, scales * roots], axis=-1).reshape(-1, 2)
    rows = np.arange(0, shape[0], anchor_stride) * feature_stride
    columns = np.arange(0, shape[1], anchor_stride) * feature_stride
    centers = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 1, 2)
    anchors = np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=-1)
    return anchors.reshape(-1, 4).astype(np.float32)


def pyramid_anchors(scales, ratios, feature_shapes, feature_strides, anchor_stride=1):
    """The anchors of all levels, one level after another.

    scales: for each level a side in pixels. feature_shapes: [levels, (height, width)] in cells.
    feature_strides: for each level its pixels a cell. ratios, anchor_stride: as in generate_anchors.
    Returns [A, (y1, x1, y2, x2)] float32 pixels.
    Raises ValueError if the numbers of scales, shapes and strides differ.
    """
    if not len(scales) == len(feature_shapes) == len(feature_strides):
        raise ValueError(
            "Every level of the pyramid needs a scale, a shape and a stride: received "
            f"{len(scales)} scales, {len(feature_shapes)} shapes and {len(feature_strides)} strides."
        )
    levels = zip(scales, feature_shapes, feature_strides)
    return np.concatenate(
        [generate_anchors(scale, ratios, shape, stride, anchor_stride) for scale, shape, stride in levels]
    )
