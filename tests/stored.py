"""Models whose every tensor tells its name, and files as other programs write them."""

import zlib

import h5py
import keras
import numpy as np
from keras import layers

from mrcnn.weights import named


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


def constant(name):
    """The value that the layout files give to a tensor, by its name: "conv1/kernel"."""
    return np.float32((zlib.crc32(f"{name}:0".encode()) % 100003) / 100003)


def fill(model, value=constant):
    """Give each tensor of a model a constant by its name; returns the model."""
    for tensor in named.tensors_of(model):
        tensor.variable.assign(np.full(tensor.shape, value(tensor.name), "float32"))
    return model


def fill_at_random(model, seed=3):
    """Give each tensor of a model random values; returns the model."""
    rng = np.random.default_rng(seed)
    for tensor in named.tensors_of(model):
        tensor.variable.assign(rng.standard_normal(tensor.shape).astype("float32"))
    return model


def values(model):
    """{"layer/weight": array} of all tensors of a model."""
    return {tensor.name: tensor.numpy() for tensor in named.tensors_of(model)}


def assert_constants(model, names=None):
    """Each tensor (of ``names``) holds the constant of its name."""
    for name, value in values(model).items():
        if names is None or name in names:
            np.testing.assert_array_equal(value, np.full(value.shape, constant(name)), err_msg=name)


def assert_equal(model, expected):
    """The tensors of a model are those of ``expected``, {"layer/weight": array}, to the last bit."""
    found = values(model)
    assert set(found) <= set(expected)
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def keras2_file(path, groups):
    """A file as Keras 2 wrote them: groups {name: {dataset name: array}}; returns the path."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in groups]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.2.4"
        for name, tensors in groups.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in tensors]
            for key, array in tensors.items():
                group[key] = array
    return path
