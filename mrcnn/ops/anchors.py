"""Anchors: boxes of fixed sizes and ratios centred on every cell of every pyramid level.

This module uses NumPy only. Anchors depend on the image's shape alone, so they are constants in a graph.
"""

import numpy as np


def generate_anchors(scales, ratios, shape, feature_stride, anchor_stride=1):
    """Generate the anchors of one pyramid level.

    scales: one side length in pixels, or several. ratios: width / height of the anchors; an anchor of
    scale s and ratio r is s / sqrt(r) high and s * sqrt(r) wide. shape: (height, width) of the level in
    cells. feature_stride: pixels per cell. anchor_stride: cells between neighbouring anchor centres.
    Returns [cells * ratios * scales, (y1, x1, y2, x2)] float32 pixels, in the order row, column,
    ratio, scale. A centre is the cell's index times the stride, with no half-pixel offset, as in
    matterport's network. Anchors may extend beyond the image.
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
    """Generate the anchors of all pyramid levels, level by level.

    scales: one side length in pixels per level. feature_shapes: [levels, (height, width)] in cells.
    feature_strides: pixels per cell of each level. ratios, anchor_stride: as in generate_anchors.
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
