"""Learning rates against computed values, and optimisers."""

import keras
import numpy as np
import pytest

from mrcnn.config import Config, ConfigError
from mrcnn.training.schedule import WarmUpAndDecay, build_optimizer


def rates(schedule, steps):
    return [float(keras.ops.convert_to_numpy(schedule(step))) for step in steps]


def test_warm_up_rises_in_equal_steps_and_stays():
    schedule = WarmUpAndDecay(0.8, warmup_steps=4, total_steps=10)
    np.testing.assert_allclose(
        rates(schedule, [0, 1, 2, 3, 4, 9, 20]), [0.2, 0.4, 0.6] + [0.8] * 4, rtol=1e-6
    )


def test_cosine_falls_from_the_peak_to_zero():
    schedule = WarmUpAndDecay(2.0, warmup_steps=0, total_steps=6, decay="cosine")
    expected = [2.0, 1 + np.sqrt(3) / 2, 1.5, 1.0, 0.5, 1 - np.sqrt(3) / 2, 0.0, 0.0]
    np.testing.assert_allclose(rates(schedule, range(8)), expected, atol=1e-6)


def test_cosine_begins_after_the_warm_up():
    schedule = WarmUpAndDecay(1.0, warmup_steps=2, total_steps=6, decay="cosine")
    expected = [0.5, 1.0, 1.0, (1 + np.sqrt(0.5)) / 2, 0.5, (1 - np.sqrt(0.5)) / 2, 0.0]
    np.testing.assert_allclose(rates(schedule, range(7)), expected, atol=1e-6)


def test_a_warm_up_longer_than_the_run():
    schedule = WarmUpAndDecay(1.0, warmup_steps=10, total_steps=5, decay="cosine")
    np.testing.assert_allclose(rates(schedule, range(5)), [0.1, 0.2, 0.3, 0.4, 0.5], rtol=1e-6)


def test_a_schedule_survives_its_config():
    schedule = WarmUpAndDecay(0.3, 2, 9, "cosine")
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))
    assert rates(again, range(9)) == rates(schedule, range(9))


def config(**settings):
    made = Config()
    made.update(settings)
    return made


def test_sgd_as_configured():
    optimizer = build_optimizer(config(LEARNING_MOMENTUM=0.7, GRADIENT_CLIP_NORM=3.0), 0.25, 10)
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.clipnorm, optimizer.weight_decay) == (0.7, 3.0, None)
    assert float(keras.ops.convert_to_numpy(optimizer.learning_rate)) == 0.25


def test_adamw_decays_kernels_alone():
    model = keras.Sequential(
        [keras.layers.Input((2,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )
    optimizer = build_optimizer(config(OPTIMIZER="adamw", WEIGHT_DECAY=0.5), 0.1, 10)
    for variable in model.trainable_weights:
        variable.assign(np.ones(variable.shape))
    zeros = [keras.ops.zeros(variable.shape) for variable in model.trainable_weights]
    optimizer.apply(zeros, model.trainable_weights)
    values = {variable.path.split("/")[-1]: np.asarray(variable) for variable in model.trainable_weights}
    np.testing.assert_allclose(values["kernel"], 0.95, rtol=1e-6)  # 1 - rate * decay
    for name in ("bias", "gamma", "beta"):
        np.testing.assert_array_equal(values[name], 1.0)


def test_warm_up_is_of_the_first_stage():
    settings = config(WARMUP_STEPS=4)
    first, later = (build_optimizer(settings, 0.8, 10, warm_up) for warm_up in (True, False))
    assert float(keras.ops.convert_to_numpy(first.learning_rate)) == pytest.approx(0.2)
    assert float(keras.ops.convert_to_numpy(later.learning_rate)) == pytest.approx(0.8)


@pytest.mark.parametrize("name", ["OPTIMIZER", "LEARNING_RATE_SCHEDULE"])
def test_unknown_names_are_refused_with_the_known(name):
    with pytest.raises(ConfigError, match=rf"{name} must be one of .*, got 'linear'"):
        build_optimizer(config(**{name: "linear"}), 0.1, 10)
