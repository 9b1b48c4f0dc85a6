"""Files of keras.applications for a backbone alone, matched by name, by kind and number, or in order."""

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from mrcnn.weights import named
from mrcnn.weights.named import WeightsError
from tests.stored import assert_constants, constant, fill, keras2_file, nested, values

# Keras reads its own variables in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def mobilenet_file():
    path = Path(__file__).resolve().parents[3] / "shared/weights/mobilenetv2_imagenet_notop.weights.h5"
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
    report = named.load_backbone(mobilenet, mobilenet_file)
    assert (len(report.loaded), report.unused_in_file) == (260, [])
    assert_as_in_keras_3_file(mobilenet, mobilenet_file)


def test_a_cut_backbone_takes_its_part(mobilenet, mobilenet_file):
    taps = [mobilenet.get_layer(f"block_{number}_expand_relu").output for number in (6, 13)]
    model = keras.Model(mobilenet.input, taps)
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    report = named.load_backbone(model, mobilenet_file)
    assert len(report.loaded) == report.total == len(model.weights)
    assert "Conv_1/0" in report.unused_in_file
    assert_as_in_keras_3_file(model, mobilenet_file)


def test_an_old_backbone_file_with_other_names_is_taken_in_order(tmp_path):
    """Early files of keras.applications name layers differently; this one has more layers than the model."""
    groups, rank = {}, {}
    for tensor in named.tensors_of(nested()):
        name = f"old_{rank.setdefault(tensor.layer, len(rank))}"
        groups.setdefault(name, {})[f"{name}/{tensor.weight}:0"] = np.full(
            tensor.shape, constant(tensor.name)
        )
    groups["old_top"] = {"old_top/kernel:0": np.zeros((2, 2))}
    model = nested()
    report = named.load_backbone(model, keras2_file(tmp_path / "old.h5", groups))
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
    named.save(source, tmp_path / "model.h5")
    for path in ("model.weights.h5", "model.h5"):
        model = build(("", "_1"))
        report = named.load_backbone(model, tmp_path / path)
        assert not report.by_order
        assert_constants(model, ["stem/kernel", "stem/bias"])
        assert (values(model)["dense/kernel"] == constant("dense_2/kernel")).all()
        assert (values(model)["dense_1/bias"] == constant("dense_10/bias")).all()
        assert len(report.unused_in_file) == 2


def test_a_backbone_file_of_another_kind_is_refused(tmp_path, mobilenet):
    named.save(nested(), tmp_path / "other.h5")
    with pytest.raises(WeightsError, match="holds too little of the model: loaded 0 of 260"):
        named.load_backbone(mobilenet, tmp_path / "other.h5")
