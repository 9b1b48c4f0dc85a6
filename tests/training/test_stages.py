"""Stages of a run: their faults, how they share epochs, matterport's words for layers."""

import re

import numpy as np
import pytest

from mrcnn.backbones import layers_regex
from mrcnn.config import Config, ConfigError
from mrcnn.training.stages import (
    check_for_training,
    check_stages,
    extend_stages,
    scale_stages,
)


def stage(**changes):
    return {"layers": "all", "epochs": 1, "learning_rate": 0.1, **changes}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], r"STAGES must be a list of one or more \{layers, epochs, learning_rate\}, got \[\]"),
        ([stage(), {"layers": "all"}], "stage 2: expected {layers, epochs, learning_rate}, got"),
        ([stage(momentum=1)], "stage 1: expected"),
        (["all"], "stage 1: expected .* got 'all'"),
        ([stage(epochs=0)], "stage 1: epochs must be a whole number from 1 to 1,000,000, got 0"),
        ([stage(epochs=1.5)], "got 1.5"),
        ([stage(epochs=True)], "got True"),
        ([stage(learning_rate="1e-3")], "got '1e-3'; YAML wants a dot"),
        ([stage(learning_rate=-1)], "learning_rate must be a number above 0 and at most 1e.38, got -1"),
        ([stage(learning_rate=float("nan"))], "got nan"),
        ([stage(learning_rate=True)], "got True"),
        ([stage(layers="(heads")], r"all or a regular expression of layer names, got '\(heads'"),
        ([stage(layers=3)], r"layers must be heads, 3\+, .*got 3"),
    ],
)
def test_stages_that_cannot_be_trained_are_named(stages, message):
    with pytest.raises(ConfigError, match=message):
        check_stages(stages, "resnet50")


def test_stages_of_a_backbone_without_any_are_named():
    check_stages([stage(layers="4+")], "resnet101")
    with pytest.raises(ConfigError, match=r"stage 2: layers '4\+' names stages .* 'light' has none; use"):
        check_stages([stage(), stage(layers="4+")], "light")


def test_good_stages_pass():
    check_stages([stage(layers="heads", epochs=3), stage(layers=r"fpn_p[23]", learning_rate=1)], "light")


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
    wanted = f"0 epochs are too few: the config has {message} and each needs one"
    with pytest.raises(ConfigError, match=wanted):
        scale_stages([stage()] * stages, 0)


def test_matterports_words_for_layers():
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
        return [name for name in names if re.fullmatch(layers_regex(words, "resnet50"), name)]

    assert trained("heads") == ["fpn_p2", "rpn_model"]
    assert trained("5+") == ["res5c_out", "fpn_p2", "rpn_model"]
    assert trained("4+") == ["bn4b_branch2b", "res5c_out", "fpn_p2", "rpn_model"]
    assert trained("3+")[0] == "res3a_branch1"
    assert len(trained("all")) == 7
    assert trained("conv1|fpn_.*") == ["conv1", "fpn_p2"]


def test_more_epochs_go_to_the_last_stage():
    stages = [stage(layers="heads", epochs=2), stage(epochs=3)]
    assert extend_stages(stages, 5) == tuple(stages)
    assert extend_stages(stages, 9) == (stages[0], stage(epochs=7))
    with pytest.raises(ConfigError, match=r"4 epochs are fewer than the run has \(5\)"):
        extend_stages(stages, 4)


@pytest.mark.parametrize("minutes", [-1.0, float("nan")])
def test_minutes_between_checkpoints_are_not_negative(minutes):
    config = Config()
    config.CHECKPOINT_MINUTES = minutes
    with pytest.raises(ConfigError, match="CHECKPOINT_MINUTES must be a number from 0 to 1,000,000, got"):
        config.check()


def test_a_training_by_the_commands_needs_one_size_and_an_augmentation_that_can_be():
    config = Config()
    config.update({"IMAGE_RESIZE_MODE": "pad64", "IMAGE_MAX_DIM": 500, "AUGMENTATION": {"blur": -1}})
    with pytest.raises(ConfigError) as caught:
        check_for_training(config)
    augmentation, mode, side = str(caught.value).splitlines()
    assert augmentation == (
        "update: AUGMENTATION cannot be {'blur': -1}: blur must be a number from 0 to 100, got -1."
    )
    assert mode.startswith("update: IMAGE_RESIZE_MODE must be square or crop in training, ")
    assert mode.endswith("got 'pad64'.")
    assert side == (
        "update: IMAGE_MAX_DIM must be a multiple of 64, the stride of P6, got 500; "
        "the nearest are 448 and 512."
    )
    config.update({"IMAGE_RESIZE_MODE": "square", "IMAGE_MAX_DIM": 512, "AUGMENTATION": "strong"})
    check_for_training(config)
