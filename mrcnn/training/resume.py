"""Save the complete state of a run, and resume from it to the same bytes.

The rest of a run is a function of its variables (weights, statistics, states of random generators,
optimiser), of its position, of the sums behind the epoch's mean losses, and of the state of its
callbacks. The data need no state: batch k is a function of (seed, k).

A callback with a state has two methods: ``state()`` returns a dict of arrays and JSON values, and
``restore(state)`` restores it before the first step. The key of a state is the name of the class; further
callbacks of one class, in the order in which they act, have the keys ``Name:2``, ``Name:3``.
"""

import time

import keras
import numpy as np
from keras import ops

from mrcnn.training.errors import Interrupted, StateError
from mrcnn.training.order import Order
from mrcnn.training.state import State, write_state


class RestOfEpoch(keras.utils.PyDataset):
    """Yields a Loader's batches of an epoch from ``first`` on, as ``fit`` only trains whole epochs."""

    def __init__(self, loader, first):
        super().__init__(workers=loader.workers, use_multiprocessing=False)
        self.loader, self.first = loader, first

    def __len__(self):
        return len(self.loader) - self.first

    def __getitem__(self, index):
        return self.loader[self.first + index]


class Position(keras.callbacks.Callback):
    """Counts completed epochs in ``epoch`` and steps of the next in ``step``; sets the loader's epoch.

    first_epoch: epochs completed before the run's first stage. stage: the index of the stage, from 0; the
    driver sets it.
    """

    order = Order.COUNT

    def __init__(self, loader, epoch, step=0, first_epoch=0):
        super().__init__()
        self.loader = loader
        self.epoch, self.step, self.stage = epoch, step, 0
        self.first_epoch = first_epoch

    @property
    def at_end_of_epoch(self):
        """Return whether the epoch's last step is complete."""
        return self.step == len(self.loader)

    def on_epoch_begin(self, epoch, logs=None):
        self.loader.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epoch, self.step = epoch + 1, 0


class SaveState(keras.callbacks.Callback):
    """Writes the state after each epoch, every ``minutes`` within it, and when the user stops the run.

    folder: the run's; None saves nothing. position: a Position. members: all other callbacks, in order.
    signals: a StopSignals. start: the State to resume from. Raises Interrupted after saving the state for a
    user who stops the run.
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
        if self._sums and self.position.step:  # fit has just reset them to zero
            _assign(_sums(self.model), self._sums)
        self._sums = None

    def on_train_batch_end(self, batch, logs=None):
        # After the last step, validation is still due; on_epoch_end then saves the state.
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
    """Return the callbacks that have ``state`` and ``restore``, by their keys."""
    found = {}
    for callback in callbacks:
        if all(callable(getattr(callback, method, None)) for method in ("state", "restore")):
            name = type(callback).__name__
            count = 1 + sum(type(other).__name__ == name for other in found.values())
            found[name if count == 1 else f"{name}:{count}"] = callback
    return found


def capture(keras_model):
    """Return all arrays that determine a compiled model's next step: {"model/0": ..., "optimizer/0": ...}."""
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
    """Assign the arrays of ``capture`` to a compiled model. optimizer: whether to include its optimiser.

    Raises StateError, before changing anything, if the arrays belong to another network or optimiser.
    """
    groups = {"model": dict(enumerate(keras_model.variables))}
    if optimizer:
        groups["optimizer"] = dict(enumerate(keras_model.optimizer.variables))
    for group, variables in groups.items():
        _check(group, variables, _group(arrays, group))
    for group, variables in groups.items():
        _assign(variables, _group(arrays, group))


def _sums(keras_model):
    """Return the variables behind the epoch's mean losses, by name.

    Each compile adds metrics; of those with the same name, the last is in use.
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
    """Like ``_group``, but copied: a view would keep the whole file's content in memory."""
    return {name: np.array(array) for name, array in _group(arrays, group).items()}


def _check(group, variables, arrays):
    if len(arrays) != len(variables):
        raise StateError(
            f"The state has {len(arrays)} variables of the {group}, but this network has {len(variables)}."
        )
    for key, variable in variables.items():
        array = arrays[str(key)]
        stored, own = (array.dtype.name, array.shape), (variable.dtype, tuple(variable.shape))
        if stored != own:
            raise StateError(
                f"The state has {stored} for {variable.path} of the {group}, but this network has {own}."
            )


def _assign(variables, arrays):
    for key, variable in variables.items():
        variable.assign(arrays[str(key)])
