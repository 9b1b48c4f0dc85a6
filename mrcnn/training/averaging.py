"""Averages of weights over the steps of a run, which generalise better than the last step's (Polyak 1992).

After each update ``average = momentum * average + (1 - momentum) * weight`` (Tarvainen and Valpola 2017,
equation 3); the optimiser keeps the averages among its variables. Training continues with the weights
themselves; validation, AP and checkpoints use the averages. Moving statistics of batch norm are averages
already and stay as they are.
"""

import contextlib

import keras
import numpy as np

from mrcnn.keras_internals import averages_of
from mrcnn.training.order import Order


class _Averages:
    """An optimiser that leaves the choice between weights and averages to ``swap``."""

    def finalize_variable_values(self, var_list):
        """Do nothing: Keras would overwrite the weights with the averages at the end of every ``fit``."""

    def swap(self):
        """Exchange the trained weights with their averages; twice changes nothing."""
        for weight, average in averages_of(self):
            value = np.array(weight)
            weight.assign(average)
            average.assign(value)


class AveragingSGD(_Averages, keras.optimizers.SGD):
    """SGD with averages of the weights."""


class AveragingAdamW(_Averages, keras.optimizers.AdamW):
    """AdamW with averages of the weights."""


def swap_averages(keras_model):
    """Exchange a model's weights with their averages, if it has an optimiser that keeps any."""
    optimizer = getattr(keras_model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # within the one that scales losses
    if isinstance(optimizer, _Averages):
        optimizer.swap()


@contextlib.contextmanager
def averaged(keras_model):
    """A context in which a model has its averaged weights, if its optimiser keeps any."""
    swap_averages(keras_model)
    try:
        yield
    finally:
        swap_averages(keras_model)


class ValidateAverages(keras.callbacks.Callback):
    """Computes validation losses with the averaged weights."""

    order = Order.SWAP

    def on_test_begin(self, logs=None):
        swap_averages(self.model)

    def on_test_end(self, logs=None):
        swap_averages(self.model)
