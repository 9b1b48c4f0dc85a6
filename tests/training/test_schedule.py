"""Learning rates by hand, stages and what is wrong with them, optimisers."""

import keras
import numpy as np
import pytest

from mrcnn.config import Config, ConfigError
from mrcnn.training.schedule import (
    WarmUpAndDecay,
    build_optimizer,
    check_stages,
    layers_regex,
    scale_stages,
)


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


# --- Stages ------------------------------------------------------------------------------------------


def stage(**changes):
    return {"layers": "all", "epochs": 1, "learning_rate": 0.1, **changes}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "STAGES is empty"),
        ([stage(), {"layers": "all"}], "stage 2: expected {layers, epochs, learning_rate}, got"),
        ([stage(momentum=1)], "stage 1: expected"),
        (["all"], "stage 1: expected .* got 'all'"),
        ([stage(epochs=0)], "epochs must be a whole number from 1, got 0"),
        ([stage(epochs=1.5)], "got 1.5"),
        ([stage(epochs=True)], "got True"),
        ([stage(learning_rate="1e-3")], "got '1e-3'; YAML wants a dot"),
        ([stage(learning_rate=-1)], "learning_rate must be a number above 0, got -1"),
        ([stage(learning_rate=float("nan"))], "got nan"),
        ([stage(learning_rate=True)], "got True"),
        ([stage(layers="(heads")], "layers is no regular expression: missing"),
        ([stage(layers=3)], r"layers must be text \(heads, 3\+, .*got 3"),
    ],
)
def test_stages_that_cannot_be_trained_are_named(stages, message):
    with pytest.raises(ConfigError, match=message):
        check_stages(stages)


def test_good_stages_pass():
    check_stages([stage(layers="heads", epochs=3), stage(layers=r"fpn_p[23]", learning_rate=1)])


def test_scaled_stages_by_hand():
    def scaled(epochs, total):
        return [s["epochs"] for s in scale_stages([stage(epochs=e) for e in epochs], total)]

    assert scaled([20, 60], 8) == [2, 6]
    assert scaled([20, 60], 80) == [20, 60]
    assert scaled([1, 98, 1], 4) == [1, 2, 1]
    assert scaled([98, 1, 1], 3) == [1, 1, 1]
    assert scaled([1, 2, 1], 8) == [2, 4, 2]
    assert scale_stages([stage(layers="heads", learning_rate=0.5)], 7) == (
        {"layers": "heads", "epochs": 7, "learning_rate": 0.5},
    )


def test_scaled_stages_keep_their_sum_order_and_proportion():
    rng = np.random.default_rng(0)
    for _ in range(500):
        epochs = rng.integers(1, 60, rng.integers(1, 7)).tolist()
        total = int(rng.integers(len(epochs), 200))
        found = [s["epochs"] for s in scale_stages([stage(epochs=e) for e in epochs], total)]
        assert sum(found) == total
        assert min(found) >= 1
        exact = [e * total / sum(epochs) for e in epochs]
        if min(exact) >= 1.5:  # no stage needs an epoch of its neighbours
            assert all(abs(a - b) <= 1 for a, b in zip(found, exact))


@pytest.mark.parametrize(("stages", "message"), [(1, "1 stage,"), (3, "3 stages,")])
def test_too_few_epochs(stages, message):
    with pytest.raises(ConfigError, match=rf"0 epochs are too few: the config has {message} each needs one"):
        scale_stages([stage()] * stages, 0)


def test_matterports_words_for_layers():
    import re

    def trained(words):
        names = [
            "conv1",
            "res2a_branch2a",
            "res3a_branch1",
            "bn4b_branch2b",
            "res5c_out",
            "fpn_p2",
            "rpn_model",
        ]
        return [name for name in names if re.fullmatch(layers_regex(words), name)]

    assert trained("heads") == ["fpn_p2", "rpn_model"]
    assert trained("5+") == ["res5c_out", "fpn_p2", "rpn_model"]
    assert trained("4+") == ["bn4b_branch2b", "res5c_out", "fpn_p2", "rpn_model"]
    assert trained("3+")[0] == "res3a_branch1"
    assert len(trained("all")) == 7
    assert trained("conv1|fpn_.*") == ["conv1", "fpn_p2"]
