"""Saving the complete state of a run, and resuming from it to the same bytes.

The rest of a run is a function of its variables (weights, statistics, states of random generators,
optimiser), of its position, of the sums behind the epoch's mean losses, and of the memory of its
callbacks. The data need no saving: batch k is a function of (seed, k).

A callback with memory takes part by two methods: ``state()`` returns a dict of arrays and of values that JSON
can hold, ``restore(state)`` takes it back before the first step. States are kept by the name of the class; a
second callback of one class, in the order in which they act, is ``Name:2``, a third ``Name:3``.
"""

import time

import keras
import numpy as np
from keras import ops

from mrcnn.training.errors import Interrupted, StateError
from mrcnn.training.order import Order
from mrcnn.training.state import State, write_state


class RestOfEpoch(keras.utils.PyDataset):
    """The batches of a Loader's epoch from ``first`` on; ``fit`` itself can only train whole epochs."""

    def __init__(self, loader, first):
        super().__init__(workers=loader.workers, use_multiprocessing=False)
        self.loader, self.first = loader, first

    def __len__(self):
        return len(self.loader) - self.first

    def __getitem__(self, index):
        return self.loader[self.first + index]


class Position(keras.callbacks.Callback):
    """Counts ``epoch``, the completed epochs, and ``step``, those of the next; sets the loader's epoch.

    first_epoch: epochs done before the run's first stage. stage: the number of the stage, from 0; the driver
    sets it.
    """

    order = Order.COUNT

    def __init__(self, loader, epoch, step=0, first_epoch=0):
        super().__init__()
        self.loader = loader
        self.epoch, self.step, self.stage = epoch, step, 0
        self.first_epoch = first_epoch

    @property
    def at_end_of_epoch(self):
        """Whether the last step of the epoch is done."""
        return self.step == len(self.loader)

    def on_epoch_begin(self, epoch, logs=None):
        self.loader.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epoch, self.step = epoch + 1, 0


class SaveState(keras.callbacks.Callback):
    """Writes the state after each epoch, every ``minutes`` within, and when the user asks the run to stop.

    folder: of the run; None saves nothing. position: a Position. members: all other callbacks, in order.
    signals: a StopSignals. start: the State that the run is resumed from. Raises Interrupted once the user's
    wish is fulfilled.
    """

    order = Order.SAVE

    def __init__(self, folder, position, members, minutes, signals, start=None):
        super().__init__()
        self.folder, self.position, self.minutes, self.signals = folder, position, minutes, signals
        self.members = with_memory(members)
        self.written = time.monotonic()
        self._sums = None
        if start is not None:
            self._sums = _copies(start.arrays, "sums")
            self._restore_members(start)

    def on_epoch_begin(self, epoch, logs=None):
        if self._sums and self.position.step:  # fit has just set them to zero
            _assign(_sums(self.model), self._sums)
        self._sums = None

    def on_train_batch_end(self, batch, logs=None):
        # After the last step the epoch still owes its validation; on_epoch_end follows soon.
        if self.position.at_end_of_epoch:
            return
        if self.signals.asked:
            self._save()
            raise Interrupted
        if time.monotonic() - self.written >= 60 * self.minutes:
            self._save()

    def on_epoch_end(self, epoch, logs=None):
        self._save()
        if self.signals.asked:
            raise Interrupted

    def _save(self):
        if self.folder is None:
            return
        facts = {
            "epoch": self.position.epoch,
            "step": self.position.step,
            "stage": self.position.stage,
            "first_epoch": self.position.first_epoch,
            "stopped": bool(self.model.stop_training),
            "callbacks": {},
        }
        arrays = capture(self.model)
        for name, member in self.members.items():
            remembered = member.state()
            facts["callbacks"][name] = {k: v for k, v in remembered.items() if not isinstance(v, np.ndarray)}
            for key, value in remembered.items():
                if isinstance(value, np.ndarray):
                    arrays[f"callbacks/{name}/{key}"] = value
        write_state(self.folder, State(facts, arrays))
        self.written = time.monotonic()

    def _restore_members(self, start):
        for name, member in self.members.items():
            if name in start.facts["callbacks"]:
                arrays = _copies(start.arrays, f"callbacks/{name}")
                member.restore({**start.facts["callbacks"][name], **arrays})


def with_memory(callbacks):
    """The callbacks that have ``state`` and ``restore``, by the names of their states."""
    found = {}
    for callback in callbacks:
        if all(callable(getattr(callback, method, None)) for method in ("state", "restore")):
            name = type(callback).__name__
            count = 1 + sum(type(other).__name__ == name for other in found.values())
            found[name if count == 1 else f"{name}:{count}"] = callback
    return found


def capture(keras_model):
    """All arrays that a compiled model's next step depends on: {"model/0": ..., "optimizer/0": ...}."""
    groups = {
        "model": dict(enumerate(keras_model.variables)),
        "optimizer": dict(enumerate(keras_model.optimizer.variables)),
        "sums": _sums(keras_model),
    }
    return {
        f"{group}/{key}": ops.convert_to_numpy(variable)
        for group, variables in groups.items()
        for key, variable in variables.items()
    }


def restore(keras_model, arrays, optimizer=True):
    """Give a compiled model what ``capture`` took from its like. optimizer: whether its built optimiser, too.

    Raises StateError, before anything is changed, if the arrays are of another network or optimiser.
    """
    groups = {"model": dict(enumerate(keras_model.variables))}
    if optimizer:
        groups["optimizer"] = dict(enumerate(keras_model.optimizer.variables))
    for group, variables in groups.items():
        _check(group, variables, _group(arrays, group))
    for group, variables in groups.items():
        _assign(variables, _group(arrays, group))


def _sums(keras_model):
    """The variables behind the epoch's mean losses, by name.

    Of metrics with one name the last is in use: each compile adds its own.
    """
    metrics = {metric.name: metric for metric in keras_model.metrics}
    return {
        f"{name}/{number}": variable
        for name, metric in metrics.items()
        for number, variable in enumerate(metric.variables)
    }


def _group(arrays, group):
    return {name.removeprefix(f"{group}/"): a for name, a in arrays.items() if name.startswith(f"{group}/")}


def _copies(arrays, group):
    """As ``_group``, copied: a view into a file's content would keep all of it in memory."""
    return {name: np.array(array) for name, array in _group(arrays, group).items()}


def _check(group, variables, arrays):
    if len(arrays) != len(variables):
        raise StateError(f"The state has {len(arrays)} variables of the {group}, here are {len(variables)}.")
    for key, variable in variables.items():
        array = arrays[str(key)]
        stored, own = (array.dtype.name, array.shape), (variable.dtype, tuple(variable.shape))
        if stored != own:
            raise StateError(f"The state has {stored} for {variable.path} of the {group}, here it is {own}.")


def _assign(variables, arrays):
    for key, variable in variables.items():
        variable.assign(arrays[str(key)])
