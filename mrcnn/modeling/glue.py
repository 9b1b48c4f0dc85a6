"""Small layers that fit one stage of the network to the next.

B: images, C: classes, G: gt instances, M: length of image meta.
"""

import keras
from keras import layers, ops

from mrcnn import image_meta as meta_ops
from mrcnn.modeling.configs import attributes
from mrcnn.ops import boxes as box_ops


@keras.saving.register_keras_serializable("mrcnn")
class First(layers.Layer):
    """Takes the first ``count`` rows of each image: [B, N, ...] to [B, count, ...].

    This is a layer because Keras's HDF5 files cannot store a slice of a tensor.
    """

    def __init__(self, count, **kwargs):
        super().__init__(**{**kwargs, "autocast": False})
        self.count = count

    def call(self, rows):
        return rows[:, : self.count]

    def get_config(self):
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("mrcnn")
class ActiveClasses(layers.Layer):
    """Extracts active_class_ids [B, C] from image meta [B, M]."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, image_meta):
        return meta_ops.parse(image_meta)["active_class_ids"]


@keras.saving.register_keras_serializable("mrcnn")
class NormalizeBoxes(layers.Layer):
    """Converts boxes [B, G, 4] from pixels of the molded image to normalised ones; padding stays zero."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs):
        boxes, image_meta = inputs
        shape = meta_ops.parse(image_meta)["image_shape"][:, None, :2]
        is_box = ops.any(boxes != 0, axis=-1, keepdims=True)
        return ops.where(is_box, box_ops.normalize(boxes, shape), 0.0)


@keras.saving.register_keras_serializable("mrcnn")
class SubtractMean(layers.Layer):
    """Molds images [B, H, W, channels] of whole numbers: float32 values minus the mean pixel.

    On the device, because uint8 images are a quarter of what molded ones are to transfer. mean_pixel: a value
    per channel.
    """

    def __init__(self, mean_pixel, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.mean_pixel = [float(value) for value in mean_pixel]

    def call(self, images):
        return ops.cast(images, "float32") - ops.convert_to_tensor(self.mean_pixel, "float32")

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, images):
        return keras.KerasTensor(images.shape, dtype="float32")

    def get_config(self):
        return {**super().get_config(), **attributes(self, "mean_pixel")}
