"""Ways to run the same code with less work around it, for tests that are about something else."""

import contextlib

import keras
import pytest


@contextlib.contextmanager
def eagerly():
    """Keras runs each step operation by operation: sooner done than traced, where it takes only a few.

    Not for tests of bytes or golden numbers: compiled code may sum in another order.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(keras.Model, "run_eagerly", property(lambda self: True, lambda self, value: None))
        yield


@contextlib.contextmanager
def without_report():
    """Trainings end without report.html, for which a network is built and traced."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("pumpkin.run_report.write", lambda folder, *_: folder / "report.html")
        yield


@contextlib.contextmanager
def without_curves():
    """Epochs end without curves.png, whose drawing takes longer than a step of a small network."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("mrcnn.training.curves.draw", lambda metrics, path: None)
        yield
