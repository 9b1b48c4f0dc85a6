"""The heads that process ROIs: the box head (class and box) and the mask head.

B: images, N: ROIs per image, C: classes.
"""

from dataclasses import dataclass, field

import keras
from keras import layers, ops

from mrcnn import image_meta as meta_ops
from mrcnn.modeling.configs import attributes
from mrcnn.modeling.normalization import BatchNorm, Conv2D, conv_norm
from mrcnn.ops.roi_align import pyramid_roi_align


@dataclass(frozen=True)
class Head:
    """What weights files need to know of a head.

    prefix: the names of its layers begin with it, and with "mrcnn_", so that stages of training find them.
    class_layers: the layers whose shapes depend on the number of classes, with their channels per class.
    """

    prefix: str
    class_layers: dict = field(default_factory=dict)


CLASS_HEAD = Head("mrcnn_class_", {"mrcnn_class_logits": 1})
BOX_HEAD = Head("mrcnn_bbox_", {"mrcnn_bbox_fc": 4})
MASK_HEAD = Head("mrcnn_mask", {"mrcnn_mask": 1})


@keras.saving.register_keras_serializable("mrcnn")
class PyramidROIAlign(layers.Layer):
    """Crops each ROI from the pyramid level that fits its size and resizes the crop to a fixed shape.

    Inputs: boxes [B, N, (y1, x1, y2, x2)] normalised, image_meta [B, M], P2, P3, P4, P5.
    Output: [B, N, pool_shape, pool_shape, channels].
    """

    def __init__(self, pool_shape, method="corner", **kwargs):
        # Without autocast the boxes stay float32 when the features are in lower precision.
        super().__init__(**{**kwargs, "autocast": False})
        self.pool_shape = tuple(pool_shape)
        self.method = method

    def call(self, inputs):
        boxes, image_meta, *pyramid = inputs
        image_shape = meta_ops.parse(image_meta)["image_shape"][0, :2]
        return pyramid_roi_align(pyramid, boxes, image_shape, self.pool_shape[0], method=self.method)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:2], *self.pool_shape, input_shape[2][-1])

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([x.shape for x in inputs])
        return keras.KerasTensor(shape, dtype=inputs[2].dtype)

    def get_config(self):
        return {**super().get_config(), **attributes(self, "pool_shape", "method")}


class _OverRois:
    """Makes an image layer accept [B, N, H, W, channels]: all ROIs share the layer and its weights."""

    def build(self, input_shape):
        super().build(self._folded(input_shape))
        self.input_spec = None  # it requires the folded shape, which only call() passes on

    def call(self, inputs):
        rois = inputs.shape[1]
        outputs = super().call(ops.reshape(inputs, (-1, *inputs.shape[2:])))
        return ops.reshape(outputs, (-1, rois, *outputs.shape[1:]))

    def compute_output_shape(self, input_shape):
        if len(input_shape) == 4:  # the folded shape: Keras calls this while it builds the layer
            return super().compute_output_shape(input_shape)
        batch, rois = input_shape[:2]
        return (batch, rois, *super().compute_output_shape(self._folded(input_shape))[1:])

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    @staticmethod
    def _folded(shape):
        return (None, *shape[2:])


@keras.saving.register_keras_serializable("mrcnn")
class RoiConv2D(_OverRois, Conv2D):
    """A convolution over each ROI.

    A kernel that covers the whole ROI has one output position, so it is computed as a matrix product.
    Without oneDNN, TensorFlow computes the gradient of such a convolution as one matrix-vector product for
    each ROI.
    """

    def call(self, inputs):
        if not self._covers(inputs.shape):
            return super().call(inputs)
        kernel, bias = self.effective_weights()
        kernel = ops.reshape(kernel, (-1, self.filters))
        outputs = ops.matmul(ops.reshape(inputs, (-1, kernel.shape[0])), kernel)
        if bias is not None:
            outputs = ops.add(outputs, bias)
        outputs = self.activation(outputs)
        return ops.reshape(outputs, (-1, inputs.shape[1], 1, 1, self.filters))

    def _covers(self, shape):
        """Return whether the kernel covers the whole ROI. shape: [B, N, H, W, channels]."""
        plain = self.groups == 1 and self.padding == "valid" and self.lora_rank is None
        return plain and tuple(shape[2:4]) == self.kernel_size


@keras.saving.register_keras_serializable("mrcnn")
class RoiConv2DTranspose(_OverRois, layers.Conv2DTranspose):
    """A transposed convolution over each ROI."""


@keras.saving.register_keras_serializable("mrcnn")
class RoiBatchNorm(_OverRois, BatchNorm):
    """Batch norm over all ROIs of a batch."""

    def call(self, inputs, training=None):
        rois = inputs.shape[1]
        outputs = BatchNorm.call(self, ops.reshape(inputs, (-1, *inputs.shape[2:])), training=training)
        return ops.reshape(outputs, (-1, rois, *outputs.shape[1:]))


def build_box_head(pooled, num_classes, fc_channels=1024, train_bn=False):
    """Build the head that predicts class and box of each ROI (He et al. 2017, figure 4 right).

    pooled: [B, N, pool, pool, channels]. num_classes: C, background included. train_bn: as in BatchNorm.
    Returns logits [B, N, C], probabilities [B, N, C] and deltas [B, N, C, (dy, dx, log dh, log dw)], all
    float32.
    """
    x = pooled
    for number, kernel_size in ((1, pooled.shape[2]), (2, 1)):
        conv = RoiConv2D(fc_channels, kernel_size, name=f"mrcnn_class_conv{number}")
        x = conv_norm(conv, RoiBatchNorm(train_bn, name=f"mrcnn_class_bn{number}"), x)
        x = layers.ReLU(name=f"mrcnn_class_relu{number}")(x)
    shared = layers.Reshape((-1, fc_channels), name="pool_squeeze")(x)

    logits = layers.Dense(num_classes, dtype="float32", name="mrcnn_class_logits")(shared)
    probabilities = layers.Softmax(dtype="float32", name="mrcnn_class")(logits)
    deltas = layers.Dense(4 * num_classes, dtype="float32", name="mrcnn_bbox_fc")(shared)
    deltas = layers.Reshape((-1, num_classes, 4), dtype="float32", name="mrcnn_bbox")(deltas)
    return logits, probabilities, deltas


def build_mask_head(pooled, num_classes, channels=256, train_bn=False):
    """Build the head that predicts a mask for each ROI and class (He et al. 2017, figure 4 right).

    pooled: [B, N, pool, pool, channels]. num_classes: C, background included. train_bn: as in BatchNorm.
    Returns probabilities [B, N, 2 * pool, 2 * pool, C] float32.
    """
    x = pooled
    for number in range(1, 5):
        conv = RoiConv2D(channels, 3, padding="same", name=f"mrcnn_mask_conv{number}")
        x = conv_norm(conv, RoiBatchNorm(train_bn, name=f"mrcnn_mask_bn{number}"), x)
        x = layers.ReLU(name=f"mrcnn_mask_relu{number}")(x)
    x = RoiConv2DTranspose(channels, 2, strides=2, activation="relu", name="mrcnn_mask_deconv")(x)
    return RoiConv2D(num_classes, 1, activation="sigmoid", dtype="float32", name="mrcnn_mask")(x)
