"""Presets of keras-hub as backbones: their features, the stages of their layers, and models that are none."""

import re
import sys

import keras
import numpy as np
import pytest

from mrcnn.backbones import OF_PRESET, BackboneError, find, layers_regex
from mrcnn.modeling import hub
from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.modeling.seeding import seed_weights
from tests import presets

VD = {"input_conv_filters": [16, 16, 64], "input_conv_kernel_sizes": [3, 3, 3]}


def densenet():
    return hub.keras_hub().models.DenseNetBackbone(stackwise_num_repeats=[1, 1, 1, 1], growth_rate=8)


def cspnet():
    return hub.keras_hub().models.CSPNetBackbone(
        stem_filters=8, stem_kernel_size=3, stem_strides=1, stackwise_depth=[1] * 5,
        stackwise_strides=[2] * 5, stackwise_num_filters=[16] * 5, block_type="dark_block",
        stage_type="csp", down_growth=True,
        bottle_ratio=[0.5, 1, 1, 1, 1], block_ratio=[1, 0.5, 0.5, 0.5, 0.5], expand_ratio=[2, 1, 1, 1, 1],
    )  # fmt: skip


def efficientnet():
    return hub.keras_hub().models.EfficientNetBackbone(
        stackwise_width_coefficients=[0.5] * 7, stackwise_depth_coefficients=[0.5] * 7,
        stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3], stackwise_num_repeats=[1] * 7,
        stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192], stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
        stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320], stackwise_block_types=["v1"] * 7,
        stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6], stackwise_squeeze_and_excite_ratios=[0.25] * 7,
    )  # fmt: skip


# Each with the places of C2 to C5 in its own pyramid, which may go on to P1 or P6.
FAMILIES = {
    "resnet": (presets.small_resnet, slice(0, 4)),
    "resnet_v2": (lambda: presets.small_resnet(use_pre_activation=True), slice(0, 4)),
    "resnet_vd": (lambda: presets.small_resnet(block_type="basic_block_vd", **VD), slice(0, 4)),
    "densenet": (densenet, slice(0, 4)),
    "cspnet": (cspnet, slice(1, 5)),
    "efficientnet": (efficientnet, slice(1, 5)),
}


@pytest.fixture(scope="module")
def small():
    """What is known of a small ResNet."""
    return presets.known(presets.small_resnet())


def copied(preset, model):
    """A PresetBackbone with the weights of a model of keras-hub."""
    layer = hub.PresetBackbone(preset, mean_pixel=[1, 2, 3], name="backbone")
    names = hub.extractor_of(model)[1]
    for theirs, ours in names.items():
        layer.extractor.get_layer(ours).set_weights(model.get_layer(theirs).get_weights())
    return layer


@pytest.mark.parametrize("family", FAMILIES)
def test_features_are_those_of_keras_hub_on_the_same_scaled_image(family):
    build, places = FAMILIES[family]
    model = presets.with_random_weights(build())
    rgb = np.random.default_rng(0).uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    layer = copied(presets.known(model), model)
    maps = [keras.ops.convert_to_numpy(output) for output in layer(rgb - np.float32([1, 2, 3]))]
    expected = presets.theirs(model, rgb)[places]
    assert [one.shape[1:3] for one in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    for ours, theirs in zip(maps, expected):
        assert np.abs(theirs).max() > 0
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def test_batch_norm_follows_train_bn(small):
    image = np.random.default_rng(1).normal(0, 60, (2, 64, 64, 3)).astype("float32")
    for train_bn, changes in ((False, False), (None, True)):
        layer = hub.PresetBackbone(small, train_bn=train_bn)
        before = [np.array(weight) for weight in layer.non_trainable_weights]
        layer(image, training=True)
        after = [np.array(weight) for weight in layer.non_trainable_weights]
        assert len(before) == 24 and any((a != b).any() for a, b in zip(after, before)) == changes


def test_16_bit_networks_keep_weights_of_32_bits(small):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = hub.PresetBackbone(small)
    finally:
        keras.config.set_dtype_policy("float32")
    maps = layer(np.zeros((1, 64, 64, 3), "float32"))
    assert {keras.backend.standardize_dtype(output.dtype) for output in maps} == {"bfloat16"}
    assert {weight.dtype for weight in layer.weights} == {"float32"}


def test_a_layer_is_made_again_from_its_config(small):
    layer = hub.PresetBackbone(small, mean_pixel=[1, 2, 3], name="backbone")
    again = hub.PresetBackbone.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert layer.get_config()["preset"] == small


def test_stages_are_known_by_name(small):
    layer = hub.PresetBackbone(small, name="backbone")
    image = keras.Input((64, 64, 3))
    names = [name for name, one in leaf_layers(keras.Model(image, layer(image))).items() if one.weights]

    def chosen(words):
        pattern = layers_regex(words, "keras_hub:small")
        return [name for name in names if re.fullmatch(pattern, name)]

    assert len(names) == 24
    assert names[:2] == ["stage2_conv1_conv", "stage2_conv1_bn"]
    assert chosen("3+") == [name for name in names if not name.startswith("stage2_")]
    assert chosen("5+") == [
        "stage5_stack3_block0_1_conv", "stage5_stack3_block0_1_bn", "stage5_stack3_block0_0_conv",
        "stage5_stack3_block0_2_conv", "stage5_stack3_block0_0_bn", "stage5_stack3_block0_2_bn",
    ]  # fmt: skip
    assert chosen("heads") == []


def test_initial_weights_are_a_function_of_the_seed(small):
    def drawn(seed):
        layer = hub.PresetBackbone(small, name="backbone")
        image = keras.Input((64, 64, 3))
        seed_weights(model := keras.Model(image, layer(image)), seed)
        return [np.array(weight) for weight in model.weights if weight.path.endswith("kernel")]

    first, again, other = drawn(3), drawn(3), drawn(4)
    assert all((a == b).all() for a, b in zip(first, again))
    assert all((a != b).any() for a, b in zip(first, other))


def test_a_record_of_a_preset():
    record = find("keras_hub:resnet_50_imagenet")
    assert (record.preset, record.extractor, record.matterport) == ("resnet_50_imagenet", True, False)
    assert find("resnet50").preset is None
    with pytest.raises(BackboneError, match="Unknown backbone 'keras_hub:'"):
        find("keras_hub:")


@pytest.mark.parametrize(
    ("class_name", "config", "sentence"),
    [
        (
            "VGGBackbone",
            {},
            "The preset small cannot be a backbone, which has feature maps of the strides 4, 8, 16 and 32: "
            "keras-hub's VGGBackbone has no pyramid; presets of ResNet, CSPNet, DenseNet and EfficientNet "
            "have them.",
        ),
        ("os.system", {}, "keras-hub's os.system has no pyramid"),
        (
            "MiTBackbone",
            {
                "layerwise_depths": [1, 1], "num_layers": 2, "layerwise_num_heads": [1, 2],
                "hidden_dims": [8, 16], "layerwise_sr_ratios": [8, 4], "max_drop_path_rate": 0.1,
                "layerwise_patch_sizes": [7, 3],
                "layerwise_strides": [4, 2], "image_shape": [None, None, 3],
            },
            "The preset small cannot be a backbone: keras-hub's MiTBackbone cannot be built for images of "
            "any size (unsupported operand",
        ),
    ],
)  # fmt: skip
def test_models_that_are_no_backbones(small, class_name, config, sentence):
    with pytest.raises(BackboneError) as error:
        hub.model_of({**small, "preset": "small", "class_name": class_name, "config": config})
    assert sentence in str(error.value)


def test_a_pyramid_without_a_stride():
    model = presets.small_resnet(stackwise_num_strides=[1, 2, 1, 2])
    with pytest.raises(BackboneError, match=r"ResNetBackbone .* its pyramid has none of stride 32; presets"):
        hub.extractor_of(model)


def test_keras_hub_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(BackboneError) as error:
        hub.keras_hub()
    assert str(error.value).endswith('; install it: pip install "keras-hub>=0.32,<0.33".')


def test_all_that_is_known_of_a_preset_is_listed(small):
    assert sorted(small) == sorted(OF_PRESET)
