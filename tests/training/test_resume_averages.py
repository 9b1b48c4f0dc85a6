"""Averages, gradients that are being added up, and the scale of float16's losses survive an interruption."""

import keras
import numpy as np
import pytest

from mrcnn import backend
from mrcnn.training import driver
from mrcnn.training.data import TrainingData
from mrcnn.training.run import Run, checkpoints
from mrcnn.training.state import newest_state
from mrcnn.weights import named
from tests.scenes import Rectangles
from tests.training.test_resume import STAGES, Machine, SmallModel, assert_equal

SETTINGS = {
    "EMA_MOMENTUM": 0.9, "GRADIENT_ACCUMULATION": 2, "GRADIENT_CLIP_BY": "global", "OPTIMIZER": "adamw",
    "LEARNING_RATE_SCHEDULE": "steps", "LEARNING_RATE_MILESTONES": (0.4,), "WARMUP_STEPS": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def machine(tmp_path_factory, without_curves):
    backend.make_deterministic()
    made = Machine(tmp_path_factory.mktemp("runs"))
    made.config.update(SETTINGS)
    return made


@pytest.fixture(scope="module")
def whole(machine):
    return machine.run()


# Three batches an epoch, two an update: within an update of the first stage, at its end, and in the second.
@pytest.mark.parametrize("after", [4, *(pytest.param(step, marks=pytest.mark.slow) for step in (2, 6, 8))])
def test_a_killed_run_goes_on_to_the_same_averages(machine, whole, after):
    run = machine.run(after)
    assert_equal(machine.run(run=run), whole)


def test_the_checkpoint_has_the_averages_and_the_state_what_is_trained(machine, whole):
    model = SmallModel(machine.config).keras_model
    named.load(model, list(checkpoints(whole.folder).values())[-1], minimum_share=1)
    averages = {tensor.name: tensor.numpy() for tensor in named.tensors_of(model)}
    state = newest_state(whole.folder)
    for number, variable in enumerate(model.variables):
        variable.assign(state.arrays[f"model/{number}"])
    trained = {tensor.name: tensor.numpy() for tensor in named.tensors_of(model)}
    kept = [array for name, array in state.arrays.items() if name.startswith("optimizer/")]
    for name, average in averages.items():
        if "moving" in name:
            np.testing.assert_array_equal(average, trained[name])
        else:
            assert (average != trained[name]).any(), name
            assert any(array.shape == average.shape and (array == average).all() for array in kept), name


def test_a_run_in_memory_ends_with_the_averages(machine, tmp_path):
    model = SmallModel(machine.config)
    run = Run(tmp_path, machine.config)
    driver.train(
        model, TrainingData(Rectangles()), run, stages=STAGES, report=lambda line: None
    )  # fmt: skip
    other = SmallModel(machine.config).keras_model
    named.load(other, list(checkpoints(run.folder).values())[-1], minimum_share=1)
    for ours, theirs in zip(named.tensors_of(model.keras_model), named.tensors_of(other)):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_a_killed_run_in_float16_goes_on_to_the_same_bytes(machine, monkeypatch):
    """float16's optimiser wraps the other one, and has its own scale and counter."""
    compile_plainly = keras.Model.compile

    def compile_scaled(model, optimizer):
        scaled = keras.optimizers.LossScaleOptimizer(optimizer, dynamic_growth_steps=2)
        compile_plainly(model, optimizer=scaled)

    monkeypatch.setattr(keras.Model, "compile", compile_scaled)
    whole = machine.run()
    assert_equal(machine.run(run=machine.run(6)), whole)
