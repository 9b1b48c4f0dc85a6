"""Gathers whose gradients are sums in a fixed order, compared with NumPy, one row at a time."""

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn import backend
from mrcnn.ops import gathering


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


def added(rows, index, count):
    total = np.zeros((count, rows.shape[1]))
    np.add.at(total, index, rows.astype("float64"))
    return total


@pytest.mark.parametrize("size, count", [(1, 1), (1, 5), (7, 3), (64, 1), (1000, 40), (1025, 5000)])
def test_sum_rows_adds_the_rows_of_each_index(size, count):
    rng = np.random.default_rng(size)
    rows, index = rng.normal(size=(size, 3)).astype("float32"), rng.integers(0, count, size).astype("int32")
    found = numpy_of(gathering.sum_rows(ops.convert_to_tensor(rows), ops.convert_to_tensor(index), count))
    np.testing.assert_allclose(found, added(rows, index, count), atol=2e-5)


def test_sum_rows_leaves_indices_that_do_not_occur_at_exactly_0():
    rows, index = ops.ones((2, 4)), ops.convert_to_tensor(np.array([3, 3], "int32"))
    found = numpy_of(gathering.sum_rows(rows, index, 6))
    np.testing.assert_array_equal(found[:, 0], [0, 0, 0, 2, 0, 0])


def test_sum_rows_keeps_sums_apart():
    """A sum over all rows with a subtraction, the usual short cut, would lose the small ones."""
    rows = np.array([[1e8], [1.0], [-1e8], [2.0], [3.0]], "float32")
    index = np.array([0, 1, 0, 2, 1], "int32")
    found = numpy_of(gathering.sum_rows(ops.convert_to_tensor(rows), ops.convert_to_tensor(index), 3))
    np.testing.assert_array_equal(found, [[0.0], [4.0], [2.0]])


def test_a_million_equal_indices_are_added_without_loss():
    """One row after another would stop growing at 2^24."""
    rows, index = ops.full((2**18, 1), 127.0), ops.zeros((2**18,), "int32")
    assert numpy_of(gathering.sum_rows(rows, index, 1))[0, 0] == 127.0 * 2**18


@pytest.mark.parametrize("axis", [1, 2])
def test_pick_is_take_along_axis(axis):
    rng = np.random.default_rng(axis)
    values = rng.normal(size=(4, 5, 6, 2)).astype("float32")
    shape = [1 if i == axis else side for i, side in enumerate(values.shape[:3])] + [1]
    index = rng.integers(0, values.shape[axis], shape).astype("int32")
    found = numpy_of(gathering.pick(ops.convert_to_tensor(values), ops.convert_to_tensor(index), axis))
    full = np.broadcast_to(index, [1 if i == axis else side for i, side in enumerate(values.shape)])
    np.testing.assert_array_equal(found, np.take_along_axis(values, full, axis).squeeze(axis))


def test_pick_ignores_what_is_infinite_elsewhere():
    values = ops.convert_to_tensor(np.array([[np.inf, 2.0, np.nan]], "float32"))
    assert numpy_of(gathering.pick(values, ops.convert_to_tensor(np.array([[1]], "int32")), 1)) == [2.0]


class Gathered(keras.layers.Layer):
    """A table of weights that is gathered: one step of SGD shows the gradient of the gather."""

    def __init__(self, table, gather):
        super().__init__()
        self.gather = gather
        self.table = self.add_weight(shape=table.shape, initializer="zeros")
        self.table.assign(table)

    def call(self, inputs):
        index, weight = ops.cast(inputs[..., 0], "int32"), inputs[..., 1]
        return self.gather(ops.convert_to_tensor(self.table), index, weight)


def gather_weighted(table, index, weight):
    return gathering.weighted_rows(table, [(index, weight), (7 - index, 1.0 - weight)])


def gather_plain(table, index, weight):
    return gathering.take_rows(table, index)


def step(gather, inputs, table, scale):
    """Return what is gathered, and its gradient times ``scale``."""
    layer = Gathered(table, gather)
    entry = keras.Input(batch_shape=inputs.shape)
    model = keras.Model(entry, layer(entry))
    found = model.predict_on_batch(inputs)
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=lambda y, rows: ops.sum(y * rows))
    model.train_on_batch(inputs, scale)
    return found, table - numpy_of(ops.convert_to_tensor(layer.table))


@pytest.mark.parametrize("sorting", [False, True])
@pytest.mark.parametrize("gather", [gather_weighted, gather_plain])
def test_both_gradients_are_the_sums_of_the_copies(gather, sorting, monkeypatch):
    if sorting and keras.backend.backend() == "torch":
        sorting = False  # PyTorch sorts by itself
    monkeypatch.setattr(backend, "scatters_by_sorting", lambda: sorting)
    rng = np.random.default_rng(3)
    table = rng.normal(size=(8, 5)).astype("float32")
    index, weight = rng.integers(0, 8, (2, 30)), rng.random((2, 30))
    inputs = np.stack([index, weight], axis=-1).astype("float32")
    scale = rng.normal(size=(2, 30, 5)).astype("float32")
    found, gradient = step(gather, inputs, table, scale)
    weight = inputs[..., 1:]
    if gather is gather_plain:
        rows, expected = table[index], added(scale.reshape(-1, 5), index.ravel(), 8)
    else:
        rows = weight * table[index] + (1 - weight) * table[7 - index]
        expected = added((weight * scale).reshape(-1, 5), index.ravel(), 8)
        expected += added(((1 - weight) * scale).reshape(-1, 5), 7 - index.ravel(), 8)
    np.testing.assert_allclose(found, rows, atol=1e-6)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
