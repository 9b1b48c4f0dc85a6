"""Weights in every layout: matterport's, Keras 2's and Keras 3's; whole networks from one to the other."""

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from mrcnn.config import Config
from mrcnn.modeling.network import build_network
from mrcnn.weights import attributes, named
from mrcnn.weights.named import CLASS_HEADS, WeightsError
from tests import tiny
from tests.stored import (
    assert_constants,
    assert_equal,
    constant,
    fill,
    fill_at_random,
    keras2_file,
    nested,
    values,
)

# Keras reads its own variables in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


# --- Keras ---------------------------------------------------------------------------------------


def test_keras_reads_our_files_by_name(tmp_path):
    """Keras's own reader of the old layout finds the groups; it takes weights by their order."""
    path = tmp_path / "model.h5"
    named.save(fill(nested()), path)
    model = nested()
    model.load_weights(path, by_name=True)
    assert_constants(model)


def test_whole_models_saved_in_the_old_format(tmp_path):
    path = tmp_path / "model.h5"
    model = fill(nested())
    model.compile("adam", loss="mse")
    keras.src.legacy.saving.legacy_h5_format.save_model_to_hdf5(model, path)
    other = nested()
    report = named.load(other, path)
    assert_constants(other)
    assert report.unused_in_file == []
    assert named.read_metadata(path) == {}


def test_keras_3_files_are_read_by_name_not_by_order(tmp_path):
    """Keras itself addresses these by class and order, which swaps the heads of two graphs."""
    path = tmp_path / "model.weights.h5"
    model = fill(nested())
    model.compile("adam", loss="mse")
    model.save_weights(path)
    other = nested(reverse=True)
    report = named.load(other, path)
    assert_constants(other)
    assert (len(report.loaded), report.unused_in_file) == (14, [])


def test_archives_of_keras_3(tmp_path):
    path = tmp_path / "model.keras"
    fill(nested()).save(path)
    other = nested(reverse=True)
    report = named.load(other, path)
    assert_constants(other)
    assert (len(report.loaded), report.unused_in_file) == (14, [])
    assert named.read_metadata(path) == {}
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(WeightsError, match=r"model\.keras: is a zip archive .* or cut short"):
        named.load(other, path)


def test_keras_3_files_without_names_are_refused(tmp_path):
    path = tmp_path / "model.weights.h5"
    nested().save_weights(path)
    with h5py.File(path, "a") as file:
        file.visititems(lambda _, item: item.attrs.pop("name", None) and None)
    with pytest.raises(WeightsError, match=r"model\.weights\.h5: holds no layer names"):
        named.load(nested(), path)


def test_names_that_tensorflow_1_numbered(tmp_path):
    """A second model in one process gave conv1_1/kernel:0 in group conv1."""
    shapes = {tensor.name: tensor.shape for tensor in named.tensors_of(nested())}

    def tensors(layer, scope):
        own = [name for name in shapes if name.startswith(f"{layer}/")]
        return {f"{scope}/{name.split('/')[1]}:0": np.full(shapes[name], constant(name)) for name in own}

    groups = {
        "head_a": tensors("head_a", "head_a_1"),
        "extractor": tensors("stem", "stem_2") | tensors("dw", "dw_2"),
        "wrapped": tensors("wrapped", "wrapped_1/dense_7"),
    }
    model = nested()
    report = named.load(model, keras2_file(tmp_path / "model.h5", groups))
    assert {name.split("/")[0] for name in report.loaded} == {"head_a", "stem", "dw", "wrapped"}
    assert report.unused_in_file == []
    assert_constants(model, report.loaded)


def test_a_numbered_layer_is_not_taken_for_another(tmp_path):
    one, two = np.ones((3, 3), "float32"), np.full((3, 3), 2, "float32")
    groups = {"dense": {"dense/kernel:0": one}, "dense_1": {"dense_1/kernel:0": two}}
    path = keras2_file(tmp_path / "model.h5", groups)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, use_bias=False, name="dense")])
    report = named.load(model, path)
    np.testing.assert_array_equal(values(model)["dense/kernel"], one)
    assert report.unused_in_file == ["dense_1/kernel"]


def test_names_of_weights_that_keras_changed(tmp_path):
    kernel, bias = np.full((3, 3, 4, 1), 2, "float32"), np.full(4, 3, "float32")
    old = {"dw": {"dw/depthwise_kernel:0": kernel, "dw/bias:0": bias}}
    model = nested()
    report = named.load(model, keras2_file(tmp_path / "model.h5", old))
    assert report.loaded == ["dw/kernel", "dw/bias"]
    np.testing.assert_array_equal(values(model)["dw/kernel"], kernel)


# --- matterport's own files ----------------------------------------------------------------------


LAYOUTS = {"layout_resnet50_2.h5": ("resnet50", 2), "layout_resnet101_coco81.h5": ("resnet101", 81)}


def network(mode, backbone, classes):
    config = Config()
    config.update({"BACKBONE": backbone, "NUM_CLASSES": classes, "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64})
    return build_network(mode, config)


def structure(path):
    """[(group, [(weight name, shape, type)])] of the groups with weights, and the root's attributes."""
    with h5py.File(path) as file:
        groups = []
        for name in attributes.read_list(file, "layer_names"):
            own = attributes.read_list(file[name], "weight_names")
            if own:
                groups.append((name, [(key, file[name][key].shape, file[name][key].dtype) for key in own]))
        return groups, set(file.attrs)


@pytest.mark.parametrize("name", LAYOUTS)
def test_matterport_files_load_by_name_and_are_written_alike(parity, tmp_path, name):
    model = network("inference", *LAYOUTS[name])
    report = named.load(model, parity(name), by_name=False)
    assert report.unused_in_file == []
    assert_constants(model)
    named.save(model, tmp_path / "ours.h5", {"class_names": ["BG"]})
    groups, attributes = structure(parity(name))
    assert structure(tmp_path / "ours.h5") == (groups, attributes | {"mrcnn_metadata"})


class OldNetwork:
    """matterport's network as far as weights go, with Keras 2's two ways to load them.

    It is taken from a file that the old code's model has written: its layers in their order, and the shapes
    of each layer's weights.
    """

    def __init__(self, path):
        groups, _ = structure(path)
        self.shapes = {name: [shape for _, shape, _ in own] for name, own in groups}
        self.names = {name: [key for key, _, _ in own] for name, own in groups}
        self.arrays = {}

    def load_weights(self, path, by_name):
        """By name: groups that no layer is named like are passed over. Otherwise: one after the other."""
        with h5py.File(path, "r") as file:
            assert file.attrs["keras_version"].decode("utf8") >= "2"  # version 1 has other kernels
            assert file.attrs["backend"].decode("utf8") == "tensorflow"  # Theano's are turned round
            groups = [name.decode("utf8") for name in file.attrs["layer_names"]]
            stored = {}
            for name in groups:
                keys = [key.decode("utf8") for key in file[name].attrs["weight_names"]]
                stored[name] = [np.asarray(file[name][key]) for key in keys]
        if by_name:
            pairs = [(name, name) for name in groups if name in self.shapes]
        else:
            filled = [name for name in groups if stored[name]]
            assert len(filled) == len(self.shapes)
            pairs = list(zip(self.shapes, filled, strict=True))
        for layer, group in pairs:
            assert [array.shape for array in stored[group]] == self.shapes[layer], (layer, group)
            self.arrays[layer] = stored[group]

    def assert_constants(self):
        assert list(self.arrays) == list(self.shapes)
        for layer, arrays in self.arrays.items():
            for key, array in zip(self.names[layer], arrays, strict=True):
                expected = constant("/".join(key.removesuffix(":0").split("/")[-2:]))
                np.testing.assert_array_equal(array, np.full(array.shape, expected), err_msg=key)


@pytest.mark.parametrize("by_name", [True, False])
def test_the_old_code_reads_what_either_graph_writes(parity, saved_by_both, by_name):
    for path in saved_by_both.values():
        old = OldNetwork(parity("layout_resnet50_2.h5"))
        old.load_weights(path, by_name)
        old.assert_constants()


def test_both_graphs_write_the_same_bytes(saved_by_both):
    assert saved_by_both["training"].read_bytes() == saved_by_both["inference"].read_bytes()


@pytest.fixture(scope="module")
def saved_by_both(tmp_path_factory):
    """A file from each graph of a ResNet-50 network of two classes: {mode: path}."""
    folder, paths = tmp_path_factory.mktemp("saved"), {}
    for mode in ("training", "inference"):
        paths[mode] = folder / f"{mode}.h5"
        model = fill(network(mode, "resnet50", 2))
        if mode == "training":
            model.compile(optimizer="adam")
            model.optimizer.build(model.trainable_variables)
        named.save(model, paths[mode], {"class_names": ["BG", "pumpkin"]})
    return paths


def test_the_training_model_s_weights_serve_the_inference_model(saved_by_both):
    inference = network("inference", "resnet50", 2)
    report = named.load(inference, saved_by_both["training"], by_name=False)
    assert report.unused_in_file == []
    assert_constants(inference)


def test_coco_weights_for_another_class_count(parity):
    model = network("training", "resnet101", 2)
    before = values(model)
    report = named.load(model, parity("layout_resnet101_coco81.h5"))
    assert sorted(report.restarted) == sorted(CLASS_HEADS)
    assert report.summary().startswith("loaded 684 of 690 tensors; shape differs: mrcnn_")
    assert "mrcnn_class_logits (file: 81 classes, model: 2)" in report.summary()
    assert_constants(model, report.loaded)
    after = values(model)
    assert all((after[name] == before[name]).all() for name in report.shape_differs)


# --- The layouts that we write -------------------------------------------------------------------


def settings(**values):
    config = Config()
    config.update(values)
    return config


@pytest.mark.parametrize("layout", named.LAYOUTS)
@pytest.mark.parametrize("backbone", ["resnet50", "resnet101", lambda image: [image] * 4])
def test_networks_of_the_old_code_fit_both_layouts(layout, backbone):
    config = settings(NUM_CLASSES=7, TOP_DOWN_PYRAMID_SIZE=128, FPN_CLASSIF_FC_LAYERS_SIZE=512)
    config.BACKBONE = backbone
    named.check_layout(layout, config)


@pytest.mark.parametrize(
    ("name", "value"),
    [("BACKBONE", "light"), ("RPN_CHANNELS", 256), ("MASK_HEAD_CHANNELS", 64), ("ROI_ALIGN", "aligned")],
)
def test_a_network_that_the_old_code_cannot_build_is_refused_in_its_layout(name, value):
    config = settings(**{name: value})
    named.check_layout("mrcnn", config)
    with pytest.raises(WeightsError, match=f"matterport's code knows no {name} {value!r}, so"):
        named.check_layout("matterport", config)


def test_an_unknown_layout_is_told_with_the_known_ones():
    with pytest.raises(
        WeightsError, match="There is no layout 'keras' of weights files, only mrcnn and matterport"
    ):
        named.check_layout("keras", Config())


# --- Round trips of whole networks ---------------------------------------------------------------


def by_us(model, path):
    named.save(model, path / "model.h5", {"class_names": ["BG", "round", "square"]})
    return path / "model.h5"


def by_keras_2(model, path):
    """By Keras's own writer of the old layout."""
    with h5py.File(path / "model.h5", "w") as file:
        keras.src.legacy.saving.legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path / "model.h5"


def by_keras_3(model, path):
    model.save_weights(path / "model.weights.h5")
    return path / "model.weights.h5"


NETWORKS = [("light", "float32"), ("light", "mixed_bfloat16"), ("MobileNetV2", "mixed_float16")]


@pytest.fixture(scope="module", params=NETWORKS, ids="-".join)
def both_graphs(request):
    """The training graph with random weights, and the inference graph, of a small network."""
    config = tiny.Tiny()
    config.update(dict(zip(("BACKBONE", "PRECISION"), request.param)))
    return fill_at_random(build_network("training", config)), build_network("inference", config)


@pytest.mark.parametrize("write", [by_us, by_keras_2, by_keras_3])
def test_every_tensor_returns_from_training_to_inference(both_graphs, tmp_path, write):
    training, inference = both_graphs
    for tensor in named.tensors_of(inference):
        tensor.variable.assign(np.zeros(tensor.shape))
    report = named.load(inference, write(training, tmp_path), by_name=False)
    assert_equal(inference, values(training))
    assert set(report.loaded) == set(values(training))
    assert report.unused_in_file == []
