"""TensorFlow's own functions give the bits of keras.ops; they run where KERAS_BACKEND is tensorflow."""

import keras
import numpy as np
import pytest

from mrcnn import backend
from mrcnn.training.averaging import AveragingSGD

if keras.backend.backend() != "tensorflow":
    pytest.skip("needs KERAS_BACKEND=tensorflow", allow_module_level=True)

import tensorflow as tf

SHAPES = ((3, 3, 40, 50), (7,), (1001,))


def values(seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32") for shape in SHAPES]


def after_three_steps(shorten, kind=keras.optimizers.SGD, **options):
    """The weights and the optimiser's state after three steps in a graph, as training takes them."""
    weights = [keras.Variable(value) for value in values(0)]
    optimizer = kind(0.0123, momentum=0.9, clipnorm=5.0, **options)
    optimizer.build(weights)
    if shorten:
        backend.shorten_updates(optimizer)
        assert "update_step" in vars(optimizer)

    @tf.function
    def step(*gradients):
        optimizer.apply(list(gradients), weights)

    for number in range(3):
        step(*map(tf.constant, values(1 + number)))
    return [np.asarray(variable) for variable in (*weights, *optimizer.variables)]


@pytest.mark.parametrize(
    "options",
    [{}, {"weight_decay": 0.01}, {"kind": AveragingSGD, "use_ema": True}, {"gradient_accumulation_steps": 2}],
    ids=["plain", "decay", "averages", "accumulation"],
)
def test_one_pass_over_the_weights_gives_the_same_bits(options):
    for found, expected in zip(after_three_steps(True, **options), after_three_steps(False, **options)):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (keras.optimizers.SGD, {}),
        (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
        (keras.optimizers.AdamW, {}),
    ],
)
def test_other_optimisers_keep_their_steps(kind, options):
    optimizer = kind(0.1, **options)
    backend.shorten_updates(optimizer)
    assert "update_step" not in vars(optimizer)


def test_replicas_keep_the_step_that_knows_them(monkeypatch):
    monkeypatch.setattr(backend, "replicas", lambda: 2)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    backend.shorten_updates(optimizer)
    assert "update_step" not in vars(optimizer)
