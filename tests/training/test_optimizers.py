"""Configured optimisers against computed updates: y = w x trained towards zero, one number x per batch."""

import keras
import numpy as np
import pytest

from mrcnn.config import Config, ConfigError
from mrcnn.modeling.network import decays_through_loss
from mrcnn.training.averaging import averaged
from mrcnn.training.schedule import WarmUpAndDecay, build_optimizer


def config(**settings):
    made = Config()
    made.update({"LEARNING_MOMENTUM": 0.0, "WEIGHT_DECAY": 0.0, "GRADIENT_CLIP_NORM": None, **settings})
    return made


def rates(schedule, steps):
    return [float(keras.ops.convert_to_numpy(schedule(step))) for step in steps]


def trained(xs, rate=0.01, start=(2.0,), **settings):
    """The model after a batch for each of xs, [batch, features]; its loss is the mean of (w . x)^2."""
    xs = np.asarray(xs, "float32")
    model = keras.Sequential(
        [keras.layers.Input((len(start),)), keras.layers.Dense(1, use_bias=False, name="w")]
    )
    model.layers[0].kernel.assign(np.asarray(start)[:, None])
    model.compile(optimizer=build_optimizer(config(**settings), rate, len(xs)), loss="mse")
    model.fit(xs, np.zeros((len(xs), 1)), batch_size=1, shuffle=False, verbose=0)
    return model


def kernel(model):
    return np.asarray(model.layers[0].kernel)[:, 0]


# --- Learning rates -------------------------------------------------------------------------------


def test_steps_fall_at_their_shares():
    schedule = WarmUpAndDecay(0.8, 0, 10, "steps", milestones=(0.5, 0.85), factor=0.25)
    expected = [0.8] * 5 + [0.2] * 4 + [0.05] * 3
    np.testing.assert_allclose(rates(schedule, range(12)), expected, rtol=1e-6)


def test_steps_after_a_warm_up():
    schedule = WarmUpAndDecay(0.8, 2, 4, "steps", milestones=(0.5,), factor=0.1)
    np.testing.assert_allclose(rates(schedule, range(4)), [0.4, 0.8, 0.08, 0.08], rtol=1e-6)


def test_schedules_count_updates():
    plain = WarmUpAndDecay(1.0, 2, 5, "cosine")
    slow = WarmUpAndDecay(1.0, 2, 5, "cosine", accumulation=3)
    expected = [rate for rate in rates(plain, range(5)) for _ in range(3)]
    assert rates(slow, range(15)) == expected
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(slow))
    assert rates(again, range(15)) == expected


def test_a_stage_of_accumulated_batches_ends_its_cosine():
    schedule = build_optimizer(config(LEARNING_RATE_SCHEDULE="cosine", GRADIENT_ACCUMULATION=4), 0.5, 22)
    assert rates(schedule._learning_rate, [0, 3, 20]) == pytest.approx([0.5, 0.5, 0.0])  # five updates


def test_whole_numbers_are_learning_rates():
    assert float(keras.ops.convert_to_numpy(build_optimizer(config(), 1, 10).learning_rate)) == 1.0


# --- Updates --------------------------------------------------------------------------------------


def test_accumulated_batches_are_one_larger_batch():
    model = trained([[1.0], [2.0], [3.0], [4.0], [9.0]], GRADIENT_ACCUMULATION=2)
    w = 2.0
    for pair in ((1.0, 2.0), (3.0, 4.0)):  # the fifth is left over
        w -= 0.01 * np.mean([2 * w * x * x for x in pair])
    np.testing.assert_allclose(kernel(model), [w], rtol=1e-5)


def test_warm_up_and_averages_count_updates():
    model = trained(
        [[1.0], [1.0], [2.0], [2.0], [1.0], [1.0]], GRADIENT_ACCUMULATION=2, WARMUP_STEPS=2,
        EMA_MOMENTUM=0.64,
    )  # fmt: skip
    weights, w = [], 2.0
    for rate, x in ((0.005, 1.0), (0.01, 2.0), (0.01, 1.0)):
        w -= rate * 2 * w * x * x
        weights.append(w)
    np.testing.assert_allclose(kernel(model), w, rtol=1e-5)
    # Keras averages after each batch, with the root of the momentum: at the update and once more before
    # the next; the first update's batches start again.
    average = weights[0]
    for value, times in ((weights[0], 1), (weights[1], 2), (weights[2], 1)):
        for _ in range(times):
            average = 0.8 * average + 0.2 * value
    with averaged(model):
        np.testing.assert_allclose(kernel(model), average, rtol=1e-5)


def test_clipping_cuts_each_variable_or_all_together():
    def steps(by):
        optimizer = build_optimizer(config(GRADIENT_CLIP_NORM=1.0, GRADIENT_CLIP_BY=by), 1.0, 1)
        variables = [keras.Variable(np.zeros(2)), keras.Variable(np.zeros(1))]
        optimizer.apply([keras.ops.array([3.0, 4.0]), keras.ops.array([12.0])], variables)
        return [np.asarray(variable) for variable in variables]

    for found, expected in zip(steps("variable"), ([-0.6, -0.8], [-1.0])):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    for found, expected in zip(steps("global"), ([-3 / 13, -4 / 13], [-12 / 13])):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_sgd_can_decay_by_itself():
    model = trained([[1.0]], rate=0.1, start=(2.0,), WEIGHT_DECAY=0.5, WEIGHT_DECAY_KIND="decoupled")
    w = 2.0 * (1 - 0.1 * 0.5)
    np.testing.assert_allclose(kernel(model), w - 0.1 * 2 * 2.0, rtol=1e-5)  # the gradient is of before


@pytest.mark.parametrize(
    ("optimizer", "kind", "through_loss", "by_optimizer"),
    [
        ("sgd", "auto", True, None),
        ("sgd", "layerwise", True, None),
        ("sgd", "decoupled", False, 0.5),
        ("adamw", "auto", False, 0.5),
        ("adamw", "decoupled", False, 0.5),
        ("adamw", "layerwise", True, 0.0),
    ],
)
def test_weights_decay_in_one_place(optimizer, kind, through_loss, by_optimizer):
    settings = config(OPTIMIZER=optimizer, WEIGHT_DECAY_KIND=kind, WEIGHT_DECAY=0.5)
    assert decays_through_loss(settings) is through_loss
    assert build_optimizer(settings, 0.1, 1).weight_decay == by_optimizer


# --- What cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"WEIGHT_DECAY_KIND": "l2"},
            "WEIGHT_DECAY_KIND must be one of auto, .*, got 'l2'",
        ),
        ({"GRADIENT_CLIP_BY": "value"}, "GRADIENT_CLIP_BY must be one of variable, global"),
        ({"BEST_BY": "box_ap"}, "BEST_BY must be one of loss, mask_ap"),
        ({"BEST_BY": "mask_ap"}, "BEST_BY mask_ap needs AP_EVERY"),
        ({"GRADIENT_ACCUMULATION": 0}, "GRADIENT_ACCUMULATION must be a whole number from 1 to .*, got 0"),
        ({"PATIENCE": -1}, "PATIENCE must be a whole number from 0 to .*, got -1"),
        ({"EMA_MOMENTUM": 1.0}, "EMA_MOMENTUM must be a number of at least 0 and below 1, got 1.0"),
        (
            {"LEARNING_RATE_MILESTONES": [0.5, 8]},
            r"each a number above 0 and below 1, got \[0.5, 8\]",
        ),
    ],
)
def test_settings_that_cannot_be_are_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        config(**settings).check()


def test_the_defaults_and_all_together_can_be():
    Config().check()
    config(
        WEIGHT_DECAY_KIND="decoupled", GRADIENT_CLIP_BY="global", BEST_BY="mask_ap", AP_EVERY=2, PATIENCE=4,
        GRADIENT_ACCUMULATION=8, EMA_MOMENTUM=0.999, LEARNING_RATE_SCHEDULE="steps",
    ).check()  # fmt: skip
