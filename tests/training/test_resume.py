"""An interrupted and resumed run ends with the same bytes as an uninterrupted one."""

import contextlib
import os
import random
import signal
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from mrcnn import backend
from mrcnn.modeling.network import LOSS_NAMES
from mrcnn.modeling.seeding import seed_weights
from mrcnn.modeling.training_model import TrainingModel
from mrcnn.training import driver, resume
from mrcnn.training.data import TrainingData
from mrcnn.training.errors import Interrupted, StateError
from mrcnn.training.metrics import read_metrics
from mrcnn.training.run import Run, checkpoints
from mrcnn.training.state import newest_state, state_files
from mrcnn.weights import named
from tests.scenes import Rectangles
from tests.training.test_driver import stage, tiny

SETTINGS = {
    "CHECKPOINT_MINUTES": 0.0, "OPTIMIZER": "adamw", "LEARNING_RATE_SCHEDULE": "cosine", "WARMUP_STEPS": 3,
    "AUGMENTATION": "light",
}  # fmt: skip
STAGES = [stage("heads", 1), stage("all", 2, 5e-4)]  # of three steps an epoch


class Killed(Exception):
    """Stands for the end of the process."""


class Interruption(keras.callbacks.Callback):
    """Calls ``how`` after so many steps; counts them in its state, each as ``by``."""

    def __init__(self, after=None, how=None, by=1):
        super().__init__()
        self.after, self.how, self.by = after, how, by
        self.steps, self.sums = 0, np.zeros(2, "float32")

    def on_train_batch_end(self, batch, logs=None):
        self.steps += self.by
        self.sums = self.sums + np.float32(self.by * float(logs["loss"]))
        if self.steps == self.after:
            self.how()

    def state(self):
        return {"steps": self.steps, "sums": self.sums}

    def restore(self, state):
        self.steps, self.sums = state["steps"], state["sums"]


def kill():
    raise Killed


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


class SmallModel:
    """In place of MaskRCNN: a few layers of all kinds of state, fed by the real Loader with real batches."""

    def __init__(self, config):
        self.config, self.epoch = config, 0
        inputs = [
            layers.Input((64, 64, 3), name="input_image"),
            layers.Input((config.IMAGE_META_SIZE,), name="input_image_meta"),
            layers.Input((config.MAX_GT_INSTANCES,), name="input_gt_class_ids", dtype="int32"),
            layers.Input((config.MAX_GT_INSTANCES, 4), name="input_gt_boxes"),
            layers.Input((28, 28, config.MAX_GT_INSTANCES), name="input_gt_masks", dtype="bool"),
        ]
        x = layers.AveragePooling2D(8)(inputs[0])
        x = layers.BatchNormalization(name="bn2a")(layers.Conv2D(4, 3, name="res2a")(x))
        x = layers.Dropout(0.5, seed=3, name="dropout")(layers.Flatten()(x))
        x = keras.ops.mean(layers.Dense(len(LOSS_NAMES), name="fpn_out")(x) ** 2, axis=0)
        outputs = {name: x[number] for number, name in enumerate(LOSS_NAMES)}
        self.keras_model = TrainingModel(inputs, outputs)
        self.keras_model.loss_weights = dict.fromkeys(LOSS_NAMES, 1.0)
        seed_weights(self.keras_model, config.SEED)

    def save_weights(self, filepath, epoch):
        named.save(self.keras_model, filepath, {"epoch": epoch})

    def begin_run(self, folder, class_names):
        self.noted = (folder, class_names)

    def end_run(self, epoch):
        self.epoch = epoch

    def for_inference(self, **overrides):
        raise NotImplementedError

    def scope(self):
        return contextlib.nullcontext()  # one device


class Machine:
    """Trains one course again and again, each time with a network that is as new."""

    def __init__(self, root):
        self.root = root
        self.config = tiny(**SETTINGS)
        self.interrupted = None

    def run(self, after=None, how=kill, run=None, stages=STAGES):
        """Train to the end or an interruption, from the state that ``run`` has; returns the Run."""
        model = SmallModel(self.config)
        state = None if run is None else newest_state(run.folder)
        run = Run(self.root, self.config, None if run is None else run.folder)
        self.interrupted = run
        self.config.update({"WORKERS": 1 if state is None else 3})
        with contextlib.suppress(Killed):
            driver.train(
                model, TrainingData(Rectangles(), Rectangles((1, 2)), "light"), run, stages=stages,
                callbacks=[Interruption(after, how), Interruption(by=2)], report=lambda line: None,
                state=state, keep_state=True,
            )  # fmt: skip
            assert model.epoch == sum(stage["epochs"] for stage in stages)
        return run


@pytest.fixture(scope="module")
def machine(tmp_path_factory, without_curves):
    backend.make_deterministic()
    return Machine(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def whole(machine):
    """The run that nothing interrupts."""
    return machine.run()


def content(run):
    """Everything that must be equal: bytes of weights and states, and metrics without times."""
    rows = read_metrics(run.folder / "metrics.csv")
    state = newest_state(run.folder)
    return {
        "checkpoints": {epoch: path.read_bytes() for epoch, path in checkpoints(run.folder).items()},
        "metrics": [
            {k: v for k, v in row.items() if "loss" in k or k in ("epoch", "learning_rate")} for row in rows
        ],
        "arrays": {name: array.tobytes() for name, array in state.arrays.items()},
        "steps": [state.facts["callbacks"][name] for name in ("Interruption", "Interruption:2")],
        "position": (state.epoch, state.step, state.facts["stage"]),
    }


def assert_equal(run, whole):
    found, expected = content(run), content(whole)
    for part in expected:
        assert found[part] == expected[part], part


def test_a_whole_run(whole):
    assert [float(row["epoch"]) for row in content(whole)["metrics"]] == [1, 2, 3]
    assert content(whole)["position"] == (3, 0, 1)
    assert content(whole)["steps"] == [{"steps": 9}, {"steps": 18}]
    first, second = (
        newest_state(whole.folder).arrays[f"callbacks/{n}/sums"] for n in ("Interruption", "Interruption:2")
    )
    np.testing.assert_allclose(second, 2 * first)
    assert len(state_files(whole.folder)) == 1  # the other is of no use any more


# After 2 of the first epoch's 3 steps; before the end of the first stage; within and at the end of epoch 2.
@pytest.mark.parametrize("after", [2, 3, 5, 7])
def test_a_killed_run_goes_on_to_the_same_bytes(machine, whole, after):
    run = machine.run(after)
    state = newest_state(run.folder)
    assert 3 * state.epoch + state.step == after - 1  # the step in which it was killed is lost
    assert_equal(machine.run(run=run), whole)


def test_in_whatever_order_callbacks_are_listed_a_run_ends_with_the_same_bytes(machine, whole, monkeypatch):
    shuffled = random.Random(1)
    sort = driver.in_order
    monkeypatch.setattr(driver, "in_order", lambda listed: sort(shuffled.sample(listed, len(listed))))
    run = machine.run(5)
    monkeypatch.setattr(driver, "in_order", lambda listed: sort(listed[:1:-1] + listed[:2]))
    found = content(machine.run(run=run))
    expected = content(whole)
    assert {name: found[name] for name in ("checkpoints", "metrics")} == {
        name: expected[name] for name in ("checkpoints", "metrics")
    }


def test_killed_twice_and_of_a_torn_state_the_one_before(machine, whole):
    run = machine.run(6)
    machine.run(after=8, run=run)
    newest = state_files(run.folder)[0]
    newest.write_bytes(newest.read_bytes()[:-100])
    state = newest_state(run.folder, report=lambda line: None)
    assert (state.epoch, state.step) == (2, 0)
    newest.unlink()
    assert_equal(machine.run(run=run), whole)


@pytest.mark.parametrize(
    ("name", "late"),
    [("metrics.csv", False), ("mask_rcnn_tiny_0002.h5", True), ("state_0002_000000.bin", False)],
)
def test_killed_between_the_files_of_an_epochs_end(machine, whole, monkeypatch, name, late):
    """Each file is new or old then, never between, and those written before it are a step ahead."""
    rename, seen = os.replace, []

    def replace(source, target):
        if Path(target).name != name or (name == "metrics.csv" and len(read_metrics(Path(target))) != 1):
            return rename(source, target)
        if late:
            rename(source, target)
        seen.append(name)
        raise Killed

    monkeypatch.setattr(os, "replace", replace)
    run = machine.run()
    monkeypatch.undo()
    assert seen == [name]
    state = newest_state(run.folder)
    assert (state.epoch, state.step) == (1, 2)
    assert_equal(machine.run(run=run), whole)


@pytest.mark.parametrize(("after", "position"), [(4, (1, 1)), (6, (2, 0))])
def test_ctrl_c_ends_the_step_or_the_epoch_and_loses_nothing(machine, whole, after, position, monkeypatch):
    monkeypatch.setattr(machine.config, "CHECKPOINT_MINUTES", 1e6)
    with pytest.raises(Interrupted):
        machine.run(after, press_ctrl_c)
    run = Run(
        machine.root, machine.config, max(machine.root.iterdir(), key=lambda path: path.stat().st_ctime)
    )
    state = newest_state(run.folder)
    assert (state.epoch, state.step) == position
    assert_equal(machine.run(run=run), whole)


def test_a_longer_last_stage_goes_on_as_if_it_had_always_been_so_long(machine):
    constant = {"LEARNING_RATE_SCHEDULE": "constant", "WARMUP_STEPS": 2, "OPTIMIZER": "sgd"}
    before = machine.config.to_plain()
    machine.config.update(constant)
    longer = machine.run(stages=[stage(epochs=2)])
    short = machine.run(stages=[stage(epochs=1)])
    assert_equal(machine.run(run=short, stages=[stage(epochs=2)]), longer)
    machine.config.update({name: before[name] for name in constant})


def test_minutes_decide_within_an_epoch(machine, monkeypatch):
    monkeypatch.setattr(machine.config, "CHECKPOINT_MINUTES", 1e6)
    run = machine.run(5)
    assert newest_state(run.folder).epoch == 1 and newest_state(run.folder).step == 0


# --- The parts ---------------------------------------------------------------------------------------


def small(units=2, dtype="float32"):
    model = keras.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(units, dtype=dtype),
            layers.Dropout(0.5, seed=1),
            layers.BatchNormalization(),
        ]
    )
    inner = keras.optimizers.AdamW(0.1, use_ema=True, gradient_accumulation_steps=2)
    model.compile(optimizer=keras.optimizers.LossScaleOptimizer(inner), loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def test_capture_takes_weights_statistics_generators_and_optimiser():
    """And of the optimiser also averages, half-accumulated gradients and the scale of losses."""
    first, second = small(), small()
    x, y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
    for _ in range(3):
        first.train_on_batch(x, y)
    taken = {name: np.array(array) for name, array in resume.capture(first).items()}
    resume.restore(second, taken)
    resume.restore(second, taken)
    for model in (first, second):
        for _ in range(2):
            model.train_on_batch(x, y)
    after = resume.capture(first), resume.capture(second)
    for name in taken:
        if not name.startswith("sums"):
            np.testing.assert_array_equal(after[0][name], after[1][name], err_msg=name)
    changed = {name.split("/")[0] for name in taken if (after[0][name] != taken[name]).any()}
    assert changed == {"model", "optimizer", "sums"}


@pytest.mark.parametrize("other", [{"units": 3}, {"dtype": "bfloat16"}])
def test_a_state_of_another_network_is_refused_and_changes_nothing(other):
    stored, model = resume.capture(small(**other)), small()
    before = resume.capture(model)
    wanted = r"The state has \('(float32|bfloat16)', .*but this network has \('float32'"
    with pytest.raises(StateError, match=wanted):
        resume.restore(model, stored)
    for name, array in resume.capture(model).items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(StateError, match="has 2 variables of the model, but this network has"):
        resume.restore(model, {"model/0": np.zeros(1), "model/1": np.zeros(1)})
