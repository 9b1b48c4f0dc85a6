"""Backbones of keras-hub: its presets that have feature maps of the strides 4, 8, 16 and 32.

This is the one module that imports keras-hub. mrcnn.weights.hub reads presets.
"""

import keras
from keras import ops

from mrcnn import startup
from mrcnn.backbones import BackboneError
from mrcnn.modeling.configs import attributes
from mrcnn.modeling.extractor import ExtractorBackbone, renamed

STRIDES = {2: 4, 3: 8, 4: 16, 5: 32}  # by stage
FAMILIES = ("ResNet", "CSPNet", "DenseNet", "EfficientNet")  # whose pyramids have these strides


def keras_hub():
    """Import and return keras-hub. Raises BackboneError, which says how to install it."""
    try:
        with startup.quiet_import("keras_hub"):  # it imports TensorFlow, whatever the backend is
            import keras_hub
    except ImportError as error:
        raise BackboneError(
            f"Backbones of keras_hub need the package keras-hub, which cannot be imported ({error}); install "
            f'it: pip install "keras-hub>=0.32,<0.33".'
        ) from error
    return keras_hub


def build_preset(image, preset, train_bn=False, mean_pixel=(0.0, 0.0, 0.0)):
    """The feature maps [C2, C3, C4, C5] of a molded image: see PresetBackbone."""
    return PresetBackbone(preset, train_bn, mean_pixel, name="backbone")(image)


@keras.saving.register_keras_serializable("mrcnn")
class PresetBackbone(ExtractorBackbone):
    """A preset of keras-hub. preset: a dict with the keys of mrcnn.backbones.OF_PRESET. Others: as above."""

    def __init__(self, preset, train_bn=False, mean_pixel=(0.0, 0.0, 0.0), **kwargs):
        super().__init__(extractor_of(model_of(preset))[0], train_bn, mean_pixel, **kwargs)
        self.preset = preset

    def scale(self, rgb):
        """Scale RGB in 0..255 as the preset's own image converter does."""
        for of_channels, apply in (("scale", ops.multiply), ("offset", ops.add)):
            if self.preset[of_channels] is not None:
                rgb = apply(rgb, ops.cast(self.preset[of_channels], rgb.dtype))
        return rgb

    def get_config(self):
        return {**super().get_config(), **attributes(self, "preset")}


def model_of(preset):
    """Build the model of a preset for images of any size, with random weights; it reads no file.

    Raises BackboneError if keras-hub has no such model with a pyramid, or it cannot be built so.
    """
    models, name = keras_hub().models, preset["class_name"]
    kind = getattr(models, name, None)
    if not (isinstance(kind, type) and issubclass(kind, models.FeaturePyramidBackbone)):
        raise BackboneError(without_pyramid(preset["preset"], f"keras-hub's {name} has no pyramid"))
    try:
        return kind(**preset["config"])
    except (TypeError, ValueError) as error:
        raise BackboneError(
            f"The preset {preset['preset']} cannot be a backbone: keras-hub's {name} cannot be built for "
            f"images of any size ({error})."
        ) from error


def without_pyramid(preset, why):
    """Return a sentence that refuses a preset."""
    return (
        f"The preset {preset} cannot be a backbone, which has feature maps of the strides 4, 8, 16 and 32: "
        f"{why}; presets of {', '.join(FAMILIES[:-1])} and {FAMILIES[-1]} have them."
    )


def extractor_of(model):
    """Copy a model of keras-hub as far as its maps of STRIDES go, under names that begin with the stage.

    ``stage3_...`` are the layers that C3 needs and C2 does not. Returns the copy, with weights of its own,
    and {the model's name: the copy's name} of the layers. Raises BackboneError without such maps.
    """
    maps = _maps_of(model)
    stages = {}
    for stage, tensor in zip(STRIDES, maps):
        for layer in keras.Model(model.input, tensor).layers:
            stages.setdefault(layer.name, stage)
    return renamed(keras.Model(model.input, maps), lambda layer: f"stage{stages[layer.name]}_")


def _maps_of(model):
    """Return the outputs [C2, C3, C4, C5] of a model's pyramid, by their strides: names differ by family."""
    tensors = [tensor for tensor in model.pyramid_outputs.values() if len(tensor.shape) == 4]
    side = 64 * STRIDES[5]  # large enough that padding does not look like a stride
    by_stride = {}
    if tensors:
        shapes = keras.Model(model.input, tensors).compute_output_spec(keras.KerasTensor((1, side, side, 3)))
        by_stride = {side / shape.shape[1]: tensor for shape, tensor in zip(shapes, tensors)}
    missing = [stride for stride in STRIDES.values() if stride not in by_stride]
    if missing:
        why = f"its pyramid has none of stride {missing[0]}"
        raise BackboneError(without_pyramid(f"of {type(model).__name__}", why))
    return [by_stride[stride] for stride in STRIDES.values()]
