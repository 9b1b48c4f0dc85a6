"""Small presets of keras-hub in a folder, with weights that are all different, made without a network."""

import json
import platform

import keras
import numpy as np
import pytest

if (platform.system(), platform.machine()) == ("Linux", "aarch64"):
    pytest.skip("keras-hub cannot be installed on Linux on ARM", allow_module_level=True)

SCALE = [0.017, 0.018, 0.019]
OFFSET = [-2.1, -2.0, -1.8]


def small_resnet(**options):
    """A ResNet of keras-hub with one block a stage and random numbers for all weights."""
    from mrcnn.modeling.hub import keras_hub

    sizes = {
        "input_conv_filters": [64], "input_conv_kernel_sizes": [7], "block_type": "basic_block",
        "stackwise_num_filters": [64, 16, 24, 32], "stackwise_num_blocks": [1, 1, 1, 1],
        "stackwise_num_strides": [1, 2, 2, 2],
    }  # fmt: skip
    return with_random_weights(keras_hub().models.ResNetBackbone(**{**sizes, **options}))


def with_random_weights(model):
    """Fill a model's weights, and the statistics of batch norm, with random numbers; return the model."""
    rng = np.random.default_rng(5)
    for weight in model.weights:
        spread = 0.05 if len(weight.shape) > 1 else 0.2
        values = rng.normal(0, spread, weight.shape).astype("float32")
        weight.assign(values + 1 if weight.path.endswith(("gamma", "variance")) else values)
    return model


def save_preset(folder, model=None, card=None):
    """Save a model with an image converter as keras-hub does; return BACKBONE's value for it."""
    from mrcnn.modeling.hub import keras_hub

    model = small_resnet() if model is None else model
    kinds = {kind.backbone_cls: kind for kind in keras_hub().layers.ImageConverter.__subclasses__()}
    model.save_to_preset(str(folder))
    converter = kinds[type(model)](image_size=(224, 224), scale=SCALE, offset=OFFSET)
    converter.save_to_preset(str(folder))
    if card is not None:
        (folder / "README.md").write_text(card)
    return f"keras_hub:{folder}"


def theirs(model, rgb):
    """The pyramid of a model of keras-hub for RGB in 0..255, scaled by its converter's numbers."""
    scaled = rgb * np.float32(SCALE) + np.float32(OFFSET)
    pyramid = keras.Model(model.input, list(model.pyramid_outputs.values()))(scaled, training=False)
    return [keras.ops.convert_to_numpy(output) for output in pyramid]


def known(model):
    """What mrcnn.weights.hub.read says of a model that save_preset wrote to a folder "small"."""
    config = {k: v for k, v in model.get_config().items() if k not in ("name", "trainable", "dtype")}
    return {
        "preset": "small", "source": "small", "description": None, "licence": None,
        "parameters": model.count_params(), "class_name": type(model).__name__, "scale": SCALE,
        "config": json.loads(json.dumps(config)), "offset": OFFSET,
    }  # fmt: skip
