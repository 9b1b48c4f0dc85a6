"""Average the weights over the steps of a run: they generalise better than the last ones (Polyak 1992).

After each update ``average = momentum * average + (1 - momentum) * weight`` (Tarvainen and Valpola 2017,
equation 3). The optimiser keeps the averages among its variables. Training continues with the weights
themselves; validation, AP and checkpoints use the averages. The moving statistics of batch norm are already
averages and stay unchanged.
"""

import contextlib

import keras
import numpy as np

from mrcnn.keras_internals import averages_of
from mrcnn.training.order import Order


class _Averages:
    """A mixin for optimisers that exchanges weights and averages only when ``swap`` is called."""

    def finalize_variable_values(self, var_list):
        """Do nothing: Keras would overwrite the weights with the averages at the end of every ``fit``."""

    def swap(self):
        """Exchange the weights and their averages; a second call restores both."""
        for weight, average in averages_of(self):
            value = np.array(weight)
            weight.assign(average)
            average.assign(value)


class AveragingSGD(_Averages, keras.optimizers.SGD):
    """SGD that averages the weights."""


class AveragingAdamW(_Averages, keras.optimizers.AdamW):
    """AdamW that averages the weights."""


def swap_averages(keras_model):
    """Exchange a model's weights with their averages, if it has an optimiser that keeps any."""
    optimizer = getattr(keras_model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # a LossScaleOptimizer wraps it
    if isinstance(optimizer, _Averages):
        optimizer.swap()


@contextlib.contextmanager
def averaged(keras_model):
    """Return a context in which a model has its averaged weights, if its optimiser keeps any."""
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
