"""Averages of weights against the formula, and where they are used."""

import keras
import numpy as np
import pytest

from mrcnn.training.averaging import AveragingAdamW, AveragingSGD, ValidateAverages, averaged, swap_averages

X = np.arange(1.0, 5.0, dtype="float32")[:, None]  # four batches of one


def model_with(optimizer):
    """y = w x from w = 2, trained towards y = 0."""
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False, name="w")])
    model.layers[0].kernel.assign([[2.0]])
    model.compile(optimizer=optimizer, loss="mse")
    return model


def weight(model):
    return float(np.asarray(model.layers[0].kernel)[0, 0])


def fit(model, epochs=1, **options):
    y = np.zeros_like(X)
    return model.fit(X, y, epochs=epochs, batch_size=1, shuffle=False, verbose=0, **options)


def by_hand(momentum, rate, epochs=1):
    """Weight and average after each step of SGD: the gradient of (w x)^2 is 2 w x^2."""
    w, average = 2.0, None
    for x in np.tile(X[:, 0], epochs):
        w -= rate * 2 * w * x * x
        average = w if average is None else momentum * average + (1 - momentum) * w
    return w, average


def test_the_average_is_that_of_the_formula_and_training_goes_on_without_it():
    model = model_with(AveragingSGD(0.01, use_ema=True, ema_momentum=0.8))
    fit(model, epochs=2)
    trained, average = by_hand(0.8, 0.01, epochs=2)
    assert weight(model) == pytest.approx(trained, rel=1e-5)
    with averaged(model):
        assert weight(model) == pytest.approx(average, rel=1e-5)
    assert weight(model) == pytest.approx(trained, rel=1e-5)


def test_swapping_twice_changes_no_bit():
    model = model_with(AveragingAdamW(0.1, use_ema=True, ema_momentum=0.9))
    fit(model)
    before = [np.array(variable) for variable in (*model.variables, *model.optimizer.variables)]
    swap_averages(model)
    assert weight(model) != before[0]
    swap_averages(model)
    for old, variable in zip(before, (*model.variables, *model.optimizer.variables)):
        np.testing.assert_array_equal(old, np.asarray(variable))


def test_validation_is_of_the_averages():
    model = model_with(AveragingSGD(0.01, use_ema=True, ema_momentum=0.8))
    seen = fit(model, validation_data=(X[:1], np.zeros((1, 1))), callbacks=[ValidateAverages()])
    trained, average = by_hand(0.8, 0.01)
    assert seen.history["val_loss"][0] == pytest.approx(average**2, rel=1e-4)
    assert weight(model) == pytest.approx(trained, rel=1e-5)


def test_the_averages_are_found_within_the_optimizer_that_scales_losses():
    inner = AveragingSGD(0.01, use_ema=True, ema_momentum=0.8)
    model = model_with(keras.optimizers.LossScaleOptimizer(inner))
    fit(model)
    with averaged(model):
        assert weight(model) == pytest.approx(by_hand(0.8, 0.01)[1], rel=1e-5)
    assert weight(model) == pytest.approx(by_hand(0.8, 0.01)[0], rel=1e-5)


def test_without_averages_nothing_is_swapped():
    model = model_with(keras.optimizers.SGD(0.01))
    fit(model)
    with averaged(model):
        assert weight(model) == pytest.approx(by_hand(0, 0.01)[0], rel=1e-5)
