"""Backbones by name: the maps of each stride, their names, scaling and batch norm."""

import functools

import keras
import numpy as np
import pytest

from mrcnn.modeling import applications, backbones
from mrcnn.modeling.layer_names import leaf_layers
from tests.sooner import eagerly

TAPS = {
    "MobileNetV2": (144, 192, 576, 1280),
    "EfficientNetV2B0": (32, 192, 672, 1280),
    "ResNet50V2": (256, 512, 1024, 2048),
    "ConvNeXtTiny": (96, 192, 384, 768),
    "DenseNet121": (128, 256, 512, 1024),
}


@functools.cache
def built(name):
    """A backbone that no test changes."""
    return build(name)


def build(name, **options):
    image = keras.Input((None, None, 3))
    return keras.Model(image, backbones.build_backbone(image, name, **options))


@pytest.mark.parametrize("name", ["resnet50", "light", "MobileNetV2", "ResNet50V2"])
def test_maps_halve_from_stride_4_to_32(name):
    maps = built(name)(np.zeros((1, 64, 128, 3), "float32"))
    assert [tuple(x.shape[1:3]) for x in maps] == [(16, 32), (8, 16), (4, 8), (2, 4)]


@pytest.mark.parametrize("name", TAPS)
def test_taps_of_applications(name):
    model = built(name)
    assert tuple(output.shape[-1] for output in model.outputs) == TAPS[name]


def test_taps_are_where_the_next_stage_begins():
    image = keras.Input((None, None, 3))
    backbones.build_backbone(image, "MobileNetV2")
    cut = applications.cut_at_strides(keras.applications.MobileNetV2(include_top=False, weights=None))
    names = [tensor._keras_history.operation.name for tensor in cut.outputs]
    assert names == ["block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu", "out_relu"]


def test_names_do_not_depend_on_what_was_built_before():
    first = sorted(leaf_layers(built("ConvNeXtTiny")))
    keras.layers.LayerNormalization(), keras.layers.Add(), keras.layers.LayerNormalization()
    second = sorted(leaf_layers(build("ConvNeXtTiny")))
    assert [name for name in first if "normalization" in name] == [n for n in second if "normalization" in n]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MobileNetV2", [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]),
        ("ResNet50V2", [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]),
        ("EfficientNetV2B0", [[0.0, 0.0, 0.0], [255.0, 255.0, 255.0]]),
        ("ConvNeXtTiny", [[0.0, 0.0, 0.0], [255.0, 255.0, 255.0]]),
        ("VGG16", [[-103.939, -116.779, -123.68], [151.061, 138.221, 131.32]]),
        ("DenseNet121", [[-2.1179, -2.0357, -1.8044], [2.2489, 2.4286, 2.64]]),
    ],
)
def test_black_and_white_arrive_in_the_family_s_own_scale(name, expected):
    rgb = keras.ops.convert_to_tensor(np.float32([[0, 0, 0], [255, 255, 255]]))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(applications.scale_rgb(rgb, name)), expected, atol=1e-3
    )


def test_the_mean_pixel_is_given_back_before_scaling():
    mean = np.float32([123.7, 116.8, 103.9])
    white = np.full((1, 32, 32, 3), 255, "float32")
    layer = applications.ApplicationBackbone("MobileNetV2", mean_pixel=mean)
    for ours, theirs in zip(layer(white - mean), layer.extractor(white / 127.5 - 1, training=False)):
        ours, theirs = keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs)
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def test_frozen_batch_norm_keeps_its_statistics_and_trained_does_not():
    image = np.random.default_rng(0).normal(0, 60, (2, 64, 64, 3)).astype("float32")
    for name in ("light", "MobileNetV2"):
        for train_bn, changes in ((False, False), (None, True)):
            model = build(name, train_bn=train_bn)
            before = [v.numpy().copy() for v in model.non_trainable_variables if "moving" in v.path]
            model.compile(optimizer=keras.optimizers.SGD(0.0), loss=["mse"] * 4)
            with eagerly():
                model.train_on_batch(image, [np.zeros(t.shape) for t in model(image)])
            after = [v.numpy() for v in model.non_trainable_variables if "moving" in v.path]
            assert any((a != b).any() for a, b in zip(after, before)) == changes, (name, train_bn)


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(
        ValueError, match="Unknown backbone 'MobilNetV2'; the nearest known one is 'MobileNetV2'"
    ):
        build("MobilNetV2")


def test_a_callable_may_give_c1_too():
    def pyramid(image):
        return [keras.layers.AveragePooling2D(stride)(image) for stride in (2, 4, 8, 16, 32)]

    assert len(build(pyramid).outputs) == 4


def test_a_callable_may_take_matterports_arguments():
    given = {}

    def maps_of(input_image, stage5, train_bn):
        given.update(stage5=stage5, train_bn=train_bn)
        return [input_image] * 5

    assert len(backbones.build_backbone(keras.Input((64, 64, 3)), maps_of, train_bn=None)) == 4
    assert given == {"stage5": True, "train_bn": None}
