"""Measure how long the parts of a training take on this machine, in a model that is thrown away.

A training that is fitted to a number of minutes is the function of its settings that any other training is:
nothing of what is measured here reaches it but these times, by way of the number of its steps.
"""

import copy
import gc
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import keras

from mrcnn.training import driver
from mrcnn.training.order import Order
from mrcnn.training.resume import capture
from mrcnn.training.state import State, write_state
from mrcnn.training.validation import MeanAP

_ENDLESS = 10**6  # steps of an epoch, so that the batches of a trial are those of a run from its first on
_FEW_STEPS, _MOST_STEPS = 2, 300  # that are timed
_BATCHES = 2  # of validation
_IMAGES = 4  # on which AP is measured


@dataclass(frozen=True)
class Pace:
    """Seconds that the parts of a training take.

    steps: of one step, by the layers of a stage. compiling: of a stage's first step, by the same, beyond
    those of a usual step. building: of the network. validation_step: of a batch. validation_start: of the
    first one beyond. ap_image: of one image of a measurement of AP. ap_start: of the first measurement beyond
    its images. saving: of a checkpoint and of the state, after an epoch. Zero: is not part of the training.
    """

    steps: dict
    compiling: dict
    building: float = 0.0
    validation_step: float = 0.0
    validation_start: float = 0.0
    ap_image: float = 0.0
    ap_start: float = 0.0
    saving: float = 0.0


def measure(make, data, seconds, between=lambda: None):
    """Return the Pace of a training.

    make: builds its Trainable anew, with the initial weights. data: its TrainingData. seconds: to time the
    steps of each stage for, and two steps or more. between: called after each step and each part; it may
    raise. Raises the errors of driver.train.
    """
    begun = time.monotonic()
    model = make()
    building = time.monotonic() - begun
    try:
        return _measured(model, data, seconds, building, between)
    finally:
        del model
        gc.collect()  # the memory is needed for the training


def _measured(model, data, seconds, building, between):
    config = copy.copy(model.config)
    config.update({"STEPS_PER_EPOCH": _ENDLESS})
    loaders = data.loaders(config, 0)
    with model.scope(), driver.causes_named(config, loaders):
        compiling, steps = {}, {}
        for number, stage in enumerate(config.STAGES):
            if stage["layers"] not in steps:
                driver.compile_stage(model.keras_model, config, stage, _ENDLESS, warm_up=number == 0)
                compiling[stage["layers"]], steps[stage["layers"]] = _steps(
                    model.keras_model, loaders[0], seconds, between
                )
        start, batch = _validation(model.keras_model, loaders[1])
        between()
        ap_start, image = _mean_ap(model, data)
        return Pace(steps, compiling, building, batch, start, image, ap_start, _saving(model))


class _Ends(keras.callbacks.Callback):
    """Keeps when each step ended. between: called after each."""

    order = Order.MEASURE

    def __init__(self, between):
        super().__init__()
        self.times, self._between = [], between

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits for the device
        self.times.append(time.monotonic())
        self._between()


def _steps(keras_model, loader, seconds, between):
    """Return the seconds that the first step takes beyond a usual one, and those of a usual one."""
    loader.max_queue_size = loader.workers  # few batches wait at the start, so they count as in a long run
    begun, first = time.monotonic(), _fit(keras_model, loader, 1, between)[0]
    ends, ready = _fit(keras_model, loader, 1 + _FEW_STEPS, between), 0
    step = (ends[-1] - ends[0]) / _FEW_STEPS
    wanted = min(math.ceil(seconds / max(step, 1e-9)), _MOST_STEPS)
    if wanted > _FEW_STEPS:  # otherwise steps are long, and do not wait for batches
        ready = loader.workers  # steps whose batches may be ready from the start
        ends = _fit(keras_model, loader, ready + 1 + wanted, between)
        step = (ends[-1] - ends[ready]) / wanted
    return max(0.0, first - begun - step), step


def _fit(keras_model, loader, steps, between):
    """Train for some steps, and return the time at which each ended."""
    ends = _Ends(between)
    loader.steps, loader.epoch = steps, 0
    keras_model.fit(loader, epochs=1, shuffle=False, callbacks=[ends], verbose=0)
    return ends.times


def _validation(keras_model, loader):
    """Return the seconds of the first batch beyond a usual one, and those of a usual one."""
    if loader is None:
        return 0.0, 0.0
    loader.steps = min(loader.steps, _BATCHES)
    begun = time.monotonic()
    keras_model.evaluate(loader, verbose=0)
    between = time.monotonic()
    keras_model.evaluate(loader, verbose=0)
    again = time.monotonic() - between
    return max(0.0, between - begun - again), again / loader.steps


def _mean_ap(model, data):
    """Return the seconds of the first measurement of AP beyond its images, and those of an image."""
    config = model.config
    if data.val is None:
        return 0.0, 0.0
    mean_ap = MeanAP(model, data.val, config.AP_EVERY, 1, data.skip_bad, min(_IMAGES, data.val.num_images))
    if mean_ap.fault():
        return 0.0, 0.0
    begun = time.monotonic()
    mean_ap.measure()
    between = time.monotonic()
    mean_ap.measure()
    again = time.monotonic() - between
    return max(0.0, between - begun - again), again / mean_ap.count


def _saving(model):
    """Return the seconds in which a checkpoint and a state are written, to a folder of temporary files."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        model.save_weights(str(Path(folder) / "weights.h5"), epoch=0)
        facts = {"epoch": 0, "step": 0}
        write_state(folder, State(facts, capture(model.keras_model)))
        return time.monotonic() - begun
