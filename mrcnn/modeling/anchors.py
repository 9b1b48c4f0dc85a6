"""The anchors of an image for a Config, as an array and as a layer.

A: anchors, B: images.
"""

import keras
import numpy as np
from keras import layers, ops

from mrcnn.backend import Constant
from mrcnn.modeling.configs import attributes
from mrcnn.ops import anchors as anchor_ops
from mrcnn.ops import boxes as box_ops


def image_anchors(config, image_shape, normalized=True):
    """Return the anchors of an image of the given shape: [A, (y1, x1, y2, x2)] float32.

    normalized: False returns pixels instead of normalised coordinates.
    """
    anchors = anchor_ops.pyramid_anchors(**anchor_grid(config, image_shape))
    return _normalized(anchors, image_shape) if normalized else anchors


def anchor_grid(config, image_shape):
    """Return the arguments of ops.anchors.pyramid_anchors for an image of the given shape."""
    return {
        "scales": np.asarray(config.RPN_ANCHOR_SCALES).tolist(),
        "ratios": np.asarray(config.RPN_ANCHOR_RATIOS).tolist(),
        "feature_shapes": np.asarray(backbone_shapes(config, image_shape)).tolist(),
        "feature_strides": np.asarray(config.BACKBONE_STRIDES).tolist(),
        "anchor_stride": config.RPN_ANCHOR_STRIDE,
    }


def _normalized(anchors, image_shape):
    """Convert anchors [A, 4] from pixels to normalised coordinates, float32."""
    return ops.convert_to_numpy(box_ops.normalize(anchors, np.asarray(image_shape[:2], "float32")))


def backbone_shapes(config, image_shape):
    """Return (height, width) of each pyramid level for an image of the given shape: [levels, 2] int."""
    if callable(config.BACKBONE) and config.COMPUTE_BACKBONE_SHAPE is not None:
        return config.COMPUTE_BACKBONE_SHAPE(image_shape)
    strides = np.asarray(config.BACKBONE_STRIDES)[:, None]
    return np.ceil(np.asarray(image_shape[:2])[None] / strides).astype(int)


@keras.saving.register_keras_serializable("mrcnn")
class Anchors(layers.Layer):
    """Repeats the normalised anchors [A, 4] of a fixed image shape for each image of a batch: [B, A, 4].

    grid: the arguments of ops.anchors.pyramid_anchors. image_shape: (height, width, ...) in pixels.
    """

    def __init__(self, grid, image_shape, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.grid = grid
        self.image_shape = [int(side) for side in image_shape[:2]]
        self.anchors = Constant(_normalized(anchor_ops.pyramid_anchors(**grid), self.image_shape))

    def call(self, image):
        return ops.broadcast_to(self.anchors.tensor(), (ops.shape(image)[0], *self.anchors.values.shape))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.anchors.values.shape)

    def get_config(self):
        return {**super().get_config(), **attributes(self, "grid", "image_shape")}
