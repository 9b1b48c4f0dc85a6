"""How long a step takes, from the times at which steps end."""

import itertools
from types import SimpleNamespace

import pytest

from mrcnn.config import ConfigError
from mrcnn.training import pace


@pytest.mark.parametrize(("seconds", "steps"), [(10, [2 + 1 + 5]), (10_000, [2 + 1 + 300]), (4, []), (0, [])])
def test_steps_are_timed_once_no_batch_has_waited(monkeypatch, seconds, steps):
    """The first step ends after 32 s. Then a step takes 2 s, or half a second if its batch was ready."""
    asked = []

    def fit(keras_model, loader, count, between):
        asked.append(count)
        ready = [0.5, 0.5] if count > 3 else []  # of two threads
        durations = [32.0] if count == 1 else [*ready, *[2.0] * (count - len(ready))]
        return list(itertools.accumulate(durations, initial=100.0))[1:]

    monkeypatch.setattr(pace, "_fit", fit)
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: 100.0))
    loader = SimpleNamespace(workers=2)
    assert pace._steps(None, loader, seconds, lambda: None) == (30.0, 2.0)
    assert asked == [1, 3, *steps]
    assert loader.max_queue_size == 2


def test_what_is_no_part_of_a_training_takes_no_time():
    assert pace._validation(None, None) == (0.0, 0.0)
    model = SimpleNamespace(config=SimpleNamespace(AP_EVERY=5))
    assert pace._mean_ap(model, SimpleNamespace(val=None)) == (0.0, 0.0)


def test_measuring_ends_with_the_step_that_uses_up_the_minutes():
    def used_up():
        raise ConfigError("used up")

    ends = pace._Ends(used_up)
    with pytest.raises(ConfigError, match="used up"):
        ends.on_train_batch_end(0, {"loss": 1.0})
    assert len(ends.times) == 1
