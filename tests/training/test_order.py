"""The place of a callback is declared: in whatever order they are listed, they act in the same one."""

import importlib
import pkgutil
import random

import keras
import numpy as np
import pytest

from mrcnn import training
from mrcnn.training.order import Order, in_order
from mrcnn.training.resume import Position, SaveState, with_memory
from mrcnn.training.state import State, newest_state, write_state


class Plain(keras.callbacks.Callback):
    """A user's callback, which declares no place."""


class Early(Plain):
    order = Order.MEASURE


class Between(Plain):
    order = Order.KEEP + 1


class Counter(Plain):
    """Remembers its own number and array."""

    def __init__(self, start=0):
        super().__init__()
        self.count, self.seen = start, np.full(2, start, "float32")

    def state(self):
        return {"count": self.count, "seen": self.seen}

    def restore(self, state):
        self.count, self.seen = state["count"], state["seen"]


class Stateful(Plain):
    """Has a ``state`` that is not a method, like callbacks of other libraries."""

    state = "idle"


def classes():
    """The callbacks of mrcnn/training."""
    modules = [
        importlib.import_module(f"mrcnn.training.{found.name}")
        for found in pkgutil.iter_modules(training.__path__)
    ]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return [c for c in found if issubclass(c, keras.callbacks.Callback) and c.__module__.startswith("mrcnn.")]


def test_every_callback_of_ours_declares_its_place():
    places = {callback.__name__: vars(callback).get("order") for callback in classes()}
    assert len(places) >= 12
    assert all(isinstance(place, Order) for place in places.values()), places
    assert Order.ADDED not in places.values()
    assert [name for name, place in places.items() if place == Order.SAVE] == ["SaveState"]


def test_callbacks_act_by_their_places_and_those_of_one_place_as_listed():
    first, second, early, between = Plain(), Plain(), Early(), Between()
    ours = [callback.__new__(callback) for callback in classes()]
    expected = [c for c in in_order(ours) if c.order < Order.ADDED]
    random.Random(3).shuffle(ours)
    found = in_order([first, *ours, second, between, early])
    assert [c.order for c in found if c in expected] == [c.order for c in expected]
    assert [c for c in found if c in (first, second, early, between)] == [early, between, first, second]
    names = [type(c).__name__ for c in found]
    assert names.index("StopAtNonFinite") < names.index("MeanAP") < names.index("MetricsCsv")
    assert names.index("MetricsCsv") < names.index("Curves") < names.index("Checkpoint")
    assert names.index("Checkpoint") < names.index("Between") < names.index("StopEarly")
    assert names[-3:] == ["Plain", "Plain", "SaveState"]


@pytest.mark.parametrize("place", ["first", 1.5, True, None])
def test_a_place_that_is_no_number_is_named(place):
    callback = Plain()
    callback.order = place
    with pytest.raises(TypeError, match=f"The callback Plain has order {place!r}; expected a member of"):
        in_order([callback])


class _Signals:
    asked = False


class _Steps(list):
    """A loader of three steps."""

    epoch = 0


def saving(folder, members, start=None):
    """A SaveState in a tiny model."""
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    model.optimizer.build(model.trainable_variables)
    callback = SaveState(folder, Position(_Steps("abc"), 2, 1), members, 0.0, _Signals(), start)
    callback.set_model(model)
    return callback


def test_two_callbacks_of_one_class_keep_two_states(tmp_path):
    members = [Counter(3), Stateful(), Plain(), Counter(5)]
    assert list(with_memory(members)) == ["Counter", "Counter:2"]
    saving(tmp_path, members).on_train_batch_end(0)
    state = newest_state(tmp_path)
    assert state.facts["callbacks"] == {"Counter": {"count": 3}, "Counter:2": {"count": 5}}
    again = [Counter(), Counter(), Counter(9)]
    saving(tmp_path, again, state)
    assert [(c.count, c.seen.tolist()) for c in again] == [(3, [3, 3]), (5, [5, 5]), (9, [9, 9])]


def test_a_state_by_the_names_of_classes_alone_is_restored(tmp_path):
    """Such files were written before two of one class had a state each."""
    facts = {"epoch": 2, "step": 1, "stage": 0, "first_epoch": 0, "stopped": False}
    facts["callbacks"] = {"Counter": {"count": 4}, "Gone": {"a": 1}}
    write_state(tmp_path, State(facts, {"callbacks/Counter/seen": np.array([1, 2], "float32")}))
    counter = Counter()
    saving(None, [Plain(), counter], newest_state(tmp_path))
    assert (counter.count, counter.seen.tolist()) == (4, [1, 2])
