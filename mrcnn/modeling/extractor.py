"""What backbones of other libraries have in common: a Keras model within one layer, under stable names."""

import re
from collections import Counter

import keras
from keras import layers, ops

from mrcnn.modeling.configs import attributes


class ExtractorBackbone(layers.Layer):
    """A model of another library that computes the feature maps [C2, C3, C4, C5] of a molded image.

    extractor: the model, from scaled RGB to the maps. train_bn: as in BatchNorm; it also governs the model's
    dropout. mean_pixel: RGB, added back to the molded image.
    """

    def __init__(self, extractor, train_bn=False, mean_pixel=(0.0, 0.0, 0.0), **kwargs):
        super().__init__(**kwargs)
        self.train_bn = train_bn
        self.mean_pixel = [float(value) for value in mean_pixel]
        self.extractor = extractor

    def scale(self, rgb):
        """Scale RGB in 0..255, [B, H, W, 3], as the weights of the model want it."""
        raise NotImplementedError

    def call(self, image, training=None):
        image = self.scale(image + ops.cast(self.mean_pixel, image.dtype))
        return self.extractor(image, training=training if self.train_bn is None else self.train_bn)

    def get_config(self):
        return {**super().get_config(), **attributes(self, "train_bn", "mean_pixel")}


def renamed(model, prefix=lambda layer: ""):
    """Copy a model without names that depend on what the process built before ("add_17").

    Weights are found by name, so a name must be the same in every process. prefix: returns what to put
    before the name of a layer. Returns the copy, with weights of its own, and {old name: new name}.
    """
    counts, names = Counter(), {}

    def clone(layer):
        if not isinstance(layer, layers.Layer):
            return layer  # an operation, which has no weights
        config = layer.get_config()
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(layer).__name__).lower()
        name = layer.name
        if re.fullmatch(rf"{kind}(_\d+)?", name):
            counts[kind] += 1
            name = f"{kind}_{counts[kind]}"
        names[layer.name] = config["name"] = prefix(layer) + name
        return type(layer).from_config(config)

    return keras.models.clone_model(model, clone_function=clone), names
