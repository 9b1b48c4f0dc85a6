"""ImageNet weights of keras.applications in our ResNets: the same features."""

import functools

import keras
import numpy as np
import pytest
from keras import layers, ops

from mrcnn.model import MaskRCNN
from mrcnn.modeling.resnet import build_resnet
from mrcnn.weights import hdf5, imagenet, named
from mrcnn.weights.named import WeightsError
from tests.stored import assert_equal, fill_at_random, values
from tests.tiny import Tiny

DEPTHS = [50, 101]
TAPS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


@functools.cache
def theirs(depth, size):
    """keras.applications' ResNet with random weights, whose batch norm statistics are no trivial ones."""
    build = {50: keras.applications.ResNet50, 101: keras.applications.ResNet101}[depth]
    model = build(include_top=False, weights=None, input_shape=(size, size, 3))
    rng = np.random.default_rng(depth)
    values = {}
    for tensor in named.tensors_of(model):
        random = rng.standard_normal(tensor.shape)
        fan_in = np.prod(tensor.shape[:-1])
        values[tensor.name] = random * (np.sqrt(2 / fan_in) if tensor.weight == "kernel" else 0.05)
    for name in [name for name in values if name.endswith("/gamma")]:
        variance = np.exp(rng.uniform(np.log(1e-6), np.log(2), values[name].shape))  # the epsilons count
        gain = 0.2 if "_3_bn" in name else 1.0  # else the sums of the blocks grow without bound
        values[name] = gain * np.sqrt(variance + 1e-5) * rng.uniform(0.5, 1.2, variance.shape)
        values[name.replace("gamma", "moving_variance")] = variance
    for tensor in named.tensors_of(model):
        tensor.variable.assign(values[tensor.name].astype("float32"))
    return model


def with_our_pooling(model):
    """The same network with max-pooling as in our stem, which begins at the first pixel."""

    def clone(layer):
        if layer.name == "pool1_pad":
            return layers.Identity(name="pool1_pad")
        if layer.name == "pool1_pool":
            return layers.MaxPooling2D(3, strides=2, padding="same", name="pool1_pool")
        return type(layer).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=clone)
    for tensor, other in zip(named.tensors_of(model), named.tensors_of(copy), strict=True):
        other.variable.assign(tensor.numpy())
    return copy


def features(model, image):
    return [ops.convert_to_numpy(feature) for feature in model(image, training=False)]


def their_features(model, depth, image):
    last = [f"conv{stage}_block{number}_out" for stage, number in enumerate(TAPS[depth], start=2)]
    tapped = keras.Model(model.input, [model.get_layer(name).output for name in last])
    return features(tapped, image[..., ::-1])  # they take BGR


def ours(depth, size):
    image = keras.Input((size, size, 3))
    return keras.Model(image, build_resnet(image, f"resnet{depth}")[1:])


def assert_close(found, expected):
    """Within 1e-4 of each map's largest value."""
    for mine, other in zip(found, expected, strict=True):
        assert np.abs(other).max() > 1e-3
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-4 * np.abs(other).max())


def random_image(size):
    """RGB minus the mean."""
    return np.random.default_rng(5).uniform(-120, 130, (1, size, size, 3)).astype("float32")


@pytest.mark.parametrize("depth", DEPTHS)
def test_features_are_those_of_keras_applications(depth, tmp_path):
    """62 pixels give the stem an odd side, where both pool alike; 64 an even one, where theirs is changed."""
    source = theirs(depth, 62)
    path = tmp_path / "resnet.h5"
    named.save(source, path)  # the layout that keras.applications' files have
    model = ours(depth, 62)
    report = imagenet.load_imagenet(model, path, depth)
    assert len(report.loaded) == report.total == len(source.weights)
    assert report.unused_in_file == []
    image = random_image(62)
    assert_close(features(model, image), their_features(source, depth, image))


def test_features_of_an_even_side_but_for_the_pooling():
    source = theirs(50, 64)
    model = ours(50, 64)
    named.assign(model, imagenet.convert_resnet(source, 50), "a model")
    image = random_image(64)
    assert_close(features(model, image), their_features(with_our_pooling(source), 50, image))


def test_names_and_numbers():
    source = theirs(101, 62)
    converted = imagenet.convert_resnet(source, 101)
    assert len(converted) == len(source.weights) == 624
    stored = {tensor.name: tensor.numpy() for tensor in named.tensors_of(source)}
    same = {
        "conv1/bias": "conv1_conv/bias",
        "res2a_branch1/kernel": "conv2_block1_0_conv/kernel",
        "res3d_branch2b/bias": "conv3_block4_2_conv/bias",
        "res4w_branch2c/kernel": "conv4_block23_3_conv/kernel",
        "bn5c_branch2a/moving_variance": "conv5_block3_1_bn/moving_variance",
        "bn4b_branch2c/beta": "conv4_block2_3_bn/beta",
    }
    for name, other in same.items():
        np.testing.assert_array_equal(converted[name], stored[other])
    np.testing.assert_array_equal(converted["conv1/kernel"][:, :, 0], stored["conv1_conv/kernel"][:, :, 2])
    scale = converted["bn_conv1/gamma"] / np.sqrt(
        converted["bn_conv1/moving_variance"].astype("float64") + 1e-3
    )
    variance = stored["conv1_bn/moving_variance"].astype("float64")
    np.testing.assert_allclose(scale, stored["conv1_bn/gamma"] / np.sqrt(variance + 1.001e-5), rtol=1e-6)


def small_file(path, blocks, skip=""):
    """A file with small tensors under the names of a keras.applications ResNet."""
    names = ["conv1"] + [
        f"conv{stage}_block{block}_{branch}"
        for stage, count in enumerate(blocks, start=2)
        for block in range(1, count + 1)
        for branch in ("0123" if block == 1 else "123")
    ]
    shapes = {
        "conv": {"kernel": (1, 1, 3, 2), "bias": (2,)},
        "bn": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (2,)),
    }
    groups = []
    for layer, own in [(f"{name}_{kind}", own) for name in names for kind, own in shapes.items()]:
        if layer != skip:
            groups.append((layer, [(f"{layer}/{weight}", np.ones(own[weight], "f4")) for weight in own]))
    hdf5.write_groups(path, groups)
    return path


def test_files_of_other_networks_are_told(tmp_path):
    deep = small_file(tmp_path / "deep.h5", TAPS[101])
    shallow = small_file(tmp_path / "shallow.h5", TAPS[50])
    broken = small_file(tmp_path / "broken.h5", TAPS[50], skip="conv3_block2_2_bn")
    with pytest.raises(
        WeightsError, match=r"deep\.h5: is a deeper network than ResNet-50: it has conv4_block7"
    ):
        imagenet.convert_resnet(deep, 50)
    wanted = r"shallow\.h5: is not a ResNet-101 .* it lacks conv4_block7_1_conv"
    with pytest.raises(WeightsError, match=wanted):
        imagenet.convert_resnet(shallow, 101)
    with pytest.raises(WeightsError, match="it lacks conv3_block2_2_bn/gamma"):
        imagenet.convert_resnet(broken, 50)
    with pytest.raises(WeightsError, match="not for 152"):
        imagenet.convert_resnet(deep, 152)


def test_a_network_of_another_depth_is_told(tmp_path):
    path = small_file(tmp_path / "deep.h5", TAPS[101])
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(64, 7, name="conv1")])
    with pytest.raises(
        WeightsError, match=r"holds a ResNet-101, .* another backbone \(no layer 'bn_conv1'\)"
    ):
        imagenet.load_imagenet(model, path, 101)


# --- Through the door ----------------------------------------------------------------------------


def network(backbone, size=64):
    """A MaskRCNN, whatever its other layers."""
    config = Tiny()
    config.update({"BACKBONE": backbone, "IMAGE_MIN_DIM": size, "IMAGE_MAX_DIM": size})
    return MaskRCNN("inference", config, "runs")


@pytest.fixture(scope="module")
def resnet50_network():
    return network("resnet50")


@pytest.mark.parametrize("writer", ["keras 2", "keras 3"])
def test_load_weights_converts_a_resnet(resnet50_network, tmp_path, writer):
    source, model = theirs(50, 64), resnet50_network
    path = tmp_path / ("resnet50_notop.h5" if writer == "keras 2" else "resnet50_notop.weights.h5")
    if writer == "keras 2":
        named.save(source, path)
    else:
        source.save_weights(path)
    fill_at_random(model.keras_model)
    before = values(model.keras_model)
    report = model.load_weights(str(path), by_name=True, exclude=["mrcnn_mask", "mrcnn_masks"])
    assert report.summary() == (
        f"loaded 318 of {len(before)} tensors; not in file: fpn_c5p5, fpn_c4p4, fpn_c3p3, fpn_c2p2, fpn_p5, "
        "fpn_p2 and 20 more layers; excluded: mrcnn_mask; excluded but no layer of the model: mrcnn_masks"
    )
    assert_equal(model.keras_model, {**before, **imagenet.convert_resnet(path, 50)})
    last = [model.keras_model.get_layer(f"res{stage}_out").output for stage in ("2c", "3d", "4f", "5c")]
    tapped = keras.Model(model.keras_model.get_layer("input_image").output, last)
    image = random_image(64)
    assert_close(features(tapped, image), their_features(with_our_pooling(source), 50, image))


def test_exclude_holds_for_imagenet_too(resnet50_network, tmp_path):
    graph = resnet50_network.keras_model
    path = tmp_path / "resnet50.h5"
    named.save(theirs(50, 64), path)
    fill_at_random(graph)
    before = {name: value for name, value in values(graph).items() if name.startswith("conv1/")}
    report = resnet50_network.load_weights(path, by_name=True, exclude=["conv1"])
    assert sorted(report.excluded) == sorted(before) == ["conv1/bias", "conv1/kernel"]
    assert_equal(graph, {**values(graph), **before})


def test_files_that_are_not_converted(resnet50_network, tmp_path):
    """Files of another depth or kind are reported, and our own files are loaded unchanged."""
    deep, second = small_file(tmp_path / "deep.h5", TAPS[101]), small_file(tmp_path / "v1.h5", TAPS[50])
    with pytest.raises(
        WeightsError, match=r"deep\.h5: holds a ResNet-101, but the model has another backbone"
    ):
        resnet50_network.load_weights(deep, by_name=True)
    with pytest.raises(WeightsError, match=r"v1\.h5: holds too little of the model: loaded 0 of"):
        resnet50_network.load_weights(second, by_name=False)
    light = network("light")
    with pytest.raises(WeightsError, match=r"v1\.h5: holds too little of the model: loaded 0 of"):
        light.load_weights(second, by_name=True)
    light.save_weights(tmp_path / "light.h5")
    assert imagenet.load_classifier(light.keras_model, tmp_path / "light.h5") is None
    resnet50_network.save_weights(tmp_path / "own.h5")
    assert imagenet.load_classifier(resnet50_network.keras_model, tmp_path / "own.h5") is None


def test_a_shallow_file_fills_the_layers_that_both_have(tmp_path):
    """As the old code did, which had ImageNet weights for ResNet-50 alone."""
    named.save(theirs(50, 62), tmp_path / "resnet50.h5")
    model = ours(101, 62)
    report = imagenet.load_classifier(model, tmp_path / "resnet50.h5")
    assert len(report.loaded) == 318
    assert {"res4g_branch2a/kernel", "bn4w_branch2c/beta"} <= set(report.not_in_file)
    expected = imagenet.convert_resnet(tmp_path / "resnet50.h5", 50)
    assert_equal(model, {**values(model), **expected})


@pytest.mark.parametrize("name", ["backbone.h5", "backbone.weights.h5"])
def test_load_weights_takes_a_file_for_a_backbone_of_keras(tmp_path, name):
    """Its weights go where the layers' names tell, whatever else the network holds."""
    model = network("MobileNetV2", 128)
    source = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(128, 128, 3))
    fill_at_random(source)
    if name == "backbone.h5":
        named.save(source, tmp_path / name)
    else:
        source.save_weights(tmp_path / name)
    before = values(model.keras_model)
    report = model.load_weights(tmp_path / name, by_name=True, exclude=["rpn_model", "Conv1"])
    stored = {key: value for key, value in values(source).items() if key.split("/")[0] != "Conv1"}
    assert_equal(model.keras_model, {**before, **{key: stored[key] for key in before if key in stored}})
    extractor = named.tensors_of(model.keras_model.get_layer("backbone").extractor)
    assert len(report.loaded) == len(extractor) - 1
    assert "Conv1/kernel" in report.excluded and "fpn_p2/kernel" in report.not_in_file
    fill_at_random(
        part := keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 1, name="Conv1")])
    )
    named.save(part, tmp_path / "part.h5")
    with pytest.raises(WeightsError, match=r"part\.h5: does not fit the model: .*shape differs: Conv1"):
        model.load_weights(tmp_path / "part.h5", by_name=True)
