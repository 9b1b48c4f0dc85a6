"""Weights in the layouts of others: matterport, Keras 2, Keras 3, keras.applications."""

import zlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from mrcnn import weights, weights_file
from mrcnn.config import Config
from mrcnn.modeling.network import build_network
from mrcnn.weights import CLASS_HEADS, WeightsError

# Keras reads its own variables in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def constant(name):
    """The value that the layout files give to a tensor, by its name."""
    return np.float32((zlib.crc32(f"{name}:0".encode()) % 100003) / 100003)


def nested(reverse=False):
    """Two heads of equal shapes on a nested model and a wrapped layer; ``reverse`` swaps their order."""
    image = keras.Input((4, 4, 3))
    inside = [keras.Input((4, 4, 3)), layers.Conv2D(4, 1, name="stem"), layers.DepthwiseConv2D(3, name="dw")]
    x = keras.Sequential(inside, name="extractor")(image)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    x = layers.TimeDistributed(layers.Dense(4), name="wrapped")(layers.Reshape((4, 4), name="rows")(x))
    heads = [layers.Dense(3, name=name)(x) for name in ("head_a", "head_b")]
    return keras.Model(image, heads[::-1] if reverse else heads)


NESTED_TENSORS = 14


def fill(model):
    for tensor in weights.tensors_of(model):
        tensor.variable.assign(np.full(tensor.shape, constant(tensor.name), "float32"))
    return model


def values(model):
    return {tensor.name: tensor.numpy() for tensor in weights.tensors_of(model)}


def assert_constants(model, names=None):
    """Each tensor (of ``names``) holds the constant of its name."""
    for name, value in values(model).items():
        if names is None or name in names:
            np.testing.assert_array_equal(value, np.full(value.shape, constant(name)), err_msg=name)


def keras2_file(path, groups):
    """A file as Keras 2 wrote them: groups {name: {dataset name: array}}."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in groups]
        for name, tensors in groups.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in tensors]
            for key, array in tensors.items():
                group[key] = array
    return path


# --- Keras ---------------------------------------------------------------------------------------


def test_keras_reads_our_files_by_name(tmp_path):
    """Keras's own reader of the old layout finds the groups; it takes weights by their order."""
    path = tmp_path / "model.h5"
    weights.save(fill(nested()), path)
    model = nested()
    model.load_weights(path, by_name=True)
    assert_constants(model)


def test_whole_models_saved_in_the_old_format(tmp_path):
    path = tmp_path / "model.h5"
    model = fill(nested())
    model.compile("adam", loss="mse")
    keras.src.legacy.saving.legacy_h5_format.save_model_to_hdf5(model, path)
    other = nested()
    report = weights.load(other, path)
    assert_constants(other)
    assert report.unused_in_file == []
    assert weights.read_metadata(path) == {}


def test_keras_3_files_are_read_by_name_not_by_order(tmp_path):
    """Keras itself addresses these by class and order, which swaps the heads of two graphs."""
    path = tmp_path / "model.weights.h5"
    model = fill(nested())
    model.compile("adam", loss="mse")
    model.save_weights(path)
    other = nested(reverse=True)
    report = weights.load(other, path)
    assert_constants(other)
    assert (len(report.loaded), report.unused_in_file) == (NESTED_TENSORS, [])


def test_keras_3_files_without_names_are_refused(tmp_path):
    path = tmp_path / "model.weights.h5"
    nested().save_weights(path)
    with h5py.File(path, "a") as file:
        file.visititems(lambda _, item: item.attrs.pop("name", None) and None)
    with pytest.raises(WeightsError, match=r"model\.weights\.h5: holds no layer names"):
        weights.load(nested(), path)


def test_names_that_tensorflow_1_numbered(tmp_path):
    """A second model in one process gave conv1_1/kernel:0 in group conv1."""
    shapes = {tensor.name: tensor.shape for tensor in weights.tensors_of(nested())}

    def tensors(layer, scope):
        own = [name for name in shapes if name.startswith(f"{layer}/")]
        return {f"{scope}/{name.split('/')[1]}:0": np.full(shapes[name], constant(name)) for name in own}

    groups = {
        "head_a": tensors("head_a", "head_a_1"),
        "extractor": tensors("stem", "stem_2") | tensors("dw", "dw_2"),
        "wrapped": tensors("wrapped", "wrapped_1/dense_7"),
    }
    model = nested()
    report = weights.load(model, keras2_file(tmp_path / "model.h5", groups))
    assert {name.split("/")[0] for name in report.loaded} == {"head_a", "stem", "dw", "wrapped"}
    assert report.unused_in_file == []
    assert_constants(model, report.loaded)


def test_a_numbered_layer_is_not_taken_for_another(tmp_path):
    one, two = np.ones((3, 3), "float32"), np.full((3, 3), 2, "float32")
    groups = {"dense": {"dense/kernel:0": one}, "dense_1": {"dense_1/kernel:0": two}}
    path = keras2_file(tmp_path / "model.h5", groups)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, use_bias=False, name="dense")])
    report = weights.load(model, path)
    np.testing.assert_array_equal(values(model)["dense/kernel"], one)
    assert report.unused_in_file == ["dense_1/kernel"]


def test_names_of_weights_that_keras_changed(tmp_path):
    kernel, bias = np.full((3, 3, 4, 1), 2, "float32"), np.full(4, 3, "float32")
    old = {"dw": {"dw/depthwise_kernel:0": kernel, "dw/bias:0": bias}}
    model = nested()
    report = weights.load(model, keras2_file(tmp_path / "model.h5", old))
    assert report.loaded == ["dw/kernel", "dw/bias"]
    np.testing.assert_array_equal(values(model)["dw/kernel"], kernel)


# --- Backbones -----------------------------------------------------------------------------------


@pytest.fixture
def mobilenet_file():
    path = Path(__file__).resolve().parents[2] / "shared/weights/mobilenetv2_imagenet_notop.weights.h5"
    if not path.exists():
        pytest.skip("needs shared/weights beside the repository")
    return path


@pytest.fixture(scope="module")
def mobilenet():
    return keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(64, 64, 3))


def assert_as_in_keras_3_file(model, path):
    """The weights are those that the file holds under the layers' names, in Keras's order."""
    with h5py.File(path) as file:
        stored = {group["vars"].attrs["name"]: group["vars"] for group in file["layers"].values()}
        for layer in [layer for layer in model.layers if layer.weights]:
            own = stored[layer.name]
            assert len(own) == len(layer.weights)
            for number, variable in enumerate(layer.weights):
                np.testing.assert_array_equal(np.asarray(variable), own[str(number)][()])


def test_real_backbone_weights(mobilenet, mobilenet_file):
    report = weights.load_backbone(mobilenet, mobilenet_file)
    assert (len(report.loaded), report.unused_in_file) == (260, [])
    assert_as_in_keras_3_file(mobilenet, mobilenet_file)


def test_a_cut_backbone_takes_its_part(mobilenet, mobilenet_file):
    taps = [mobilenet.get_layer(f"block_{number}_expand_relu").output for number in (6, 13)]
    model = keras.Model(mobilenet.input, taps)
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    report = weights.load_backbone(model, mobilenet_file)
    assert len(report.loaded) == report.total == len(model.weights)
    assert "Conv_1/0" in report.unused_in_file
    assert_as_in_keras_3_file(model, mobilenet_file)


def test_an_old_backbone_file_with_other_names_is_taken_in_order(tmp_path):
    """Early files of keras.applications name layers otherwise; this one goes on where the model ends."""
    groups, rank = {}, {}
    for tensor in weights.tensors_of(nested()):
        name = f"old_{rank.setdefault(tensor.layer, len(rank))}"
        groups.setdefault(name, {})[f"{name}/{tensor.weight}:0"] = np.full(
            tensor.shape, constant(tensor.name)
        )
    groups["old_top"] = {"old_top/kernel:0": np.zeros((2, 2))}
    model = nested()
    report = weights.load_backbone(model, keras2_file(tmp_path / "old.h5", groups))
    assert_constants(model)
    assert "in their order" in report.summary()


def test_layers_that_keras_numbered_correspond_in_their_order(tmp_path):
    def build(numbers):
        image = keras.Input((4, 4, 3))
        x = layers.Conv2D(4, 1, name="stem")(image)
        for number in numbers:
            x = layers.Dense(4, name=f"dense{number}")(x)
        return keras.Model(image, x)

    source = fill(build(("_2", "_10", "_11")))
    source.save_weights(tmp_path / "model.weights.h5")
    weights.save(source, tmp_path / "model.h5")
    for path in ("model.weights.h5", "model.h5"):
        model = build(("", "_1"))
        report = weights.load_backbone(model, tmp_path / path)
        assert not report.by_order
        assert_constants(model, ["stem/kernel", "stem/bias"])
        assert (values(model)["dense/kernel"] == constant("dense_2/kernel")).all()
        assert (values(model)["dense_1/bias"] == constant("dense_10/bias")).all()
        assert len(report.unused_in_file) == 2


def test_a_backbone_file_of_another_kind_is_refused(tmp_path, mobilenet):
    weights.save(nested(), tmp_path / "other.h5")
    with pytest.raises(WeightsError, match="holds too little of the model: loaded 0 of 260"):
        weights.load_backbone(mobilenet, tmp_path / "other.h5")


# --- matterport's own files ----------------------------------------------------------------------


LAYOUTS = {"layout_resnet50_2.h5": ("resnet50", 2), "layout_resnet101_coco81.h5": ("resnet101", 81)}


def network(mode, backbone, classes):
    config = Config()
    config.update({"BACKBONE": backbone, "NUM_CLASSES": classes, "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64})
    return build_network(mode, config)


def structure(path):
    """{group: [(weight name, shape, type)]} of the groups with weights, and the root's attributes."""
    with h5py.File(path) as file:
        groups = {}
        for name in weights_file._read_list(file, "layer_names"):
            own = weights_file._read_list(file[name], "weight_names")
            if own:
                groups[name] = [(key, file[name][key].shape, file[name][key].dtype) for key in own]
        return groups, set(file.attrs)


@pytest.mark.parametrize("name", LAYOUTS)
def test_matterport_files_load_by_name_and_are_written_alike(parity, tmp_path, name):
    model = network("inference", *LAYOUTS[name])
    report = weights.load(model, parity(name), by_name=False)
    assert report.unused_in_file == []
    assert_constants(model)
    weights.save(model, tmp_path / "ours.h5", {"class_names": ["BG"]})
    groups, attributes = structure(parity(name))
    assert structure(tmp_path / "ours.h5") == (groups, attributes | {"mrcnn_metadata"})


def test_the_training_model_s_weights_serve_the_inference_model(tmp_path):
    training = fill(network("training", "resnet50", 2))
    weights.save(training, tmp_path / "trained.h5")
    inference = network("inference", "resnet50", 2)
    report = weights.load(inference, tmp_path / "trained.h5", by_name=False)
    assert report.unused_in_file == []
    assert_constants(inference)


def test_coco_weights_for_another_class_count(parity):
    model = network("training", "resnet101", 2)
    before = values(model)
    report = weights.load(model, parity("layout_resnet101_coco81.h5"))
    assert sorted(report.restarted) == sorted(CLASS_HEADS)
    assert report.summary().startswith("loaded 684 of 690 tensors; shape differs: mrcnn_")
    assert "mrcnn_class_logits (file: 81 classes, model: 2)" in report.summary()
    assert_constants(model, report.loaded)
    after = values(model)
    assert all((after[name] == before[name]).all() for name in report.shape_differs)
