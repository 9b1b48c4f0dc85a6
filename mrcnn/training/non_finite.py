"""Stop a run at a loss or weight that is not finite, before it spoils a checkpoint."""

import math
from collections import deque

import keras
import numpy as np

from mrcnn.modeling.network import LOSS_NAMES
from mrcnn.training.errors import NonFiniteLoss
from mrcnn.training.order import Order
from mrcnn.weights import named

# The number of recent losses to keep, which show whether the loss rose.
_RECENT = 20


class StopAtNonFinite(keras.callbacks.Callback):
    """Raises NonFiniteLoss at the first step whose loss is infinite or NaN.

    It also raises after an epoch with such a validation loss or such weights, before a checkpoint is written.
    ``start`` holds the initial weights until the first epoch is complete.
    """

    order = Order.GUARD

    def __init__(self):
        super().__init__()
        self.start = None
        self._recent = deque(maxlen=_RECENT)
        self._steps, self._means = 0, None  # of this epoch
        self._trained = False

    def state(self):
        """Return the values to save with the run's state."""
        return {"steps": self._steps, "means": self._means, "recent": list(self._recent)}

    def restore(self, state):
        """Restore what ``state`` returned."""
        self._steps, self._means = state["steps"], state["means"]
        self._recent.extend(state["recent"])

    def on_train_begin(self, logs=None):
        if not self._trained:
            self.start = {tensor.name: tensor.numpy() for tensor in named.tensors_of(self.model)}

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        losses = of_this_step(self._steps, logs, self._means)
        if not math.isfinite(float(logs["loss"])):
            parts = ", ".join(f"{name} {losses[name]:.4g}" for name in LOSS_NAMES if name in losses)
            raise self._failure("The loss is not finite", f" ({parts})", self._steps, losses)
        self._means = {name: float(value) for name, value in logs.items()}
        self._recent.append(losses["loss"])

    def on_epoch_end(self, epoch, logs=None):
        spoilt = non_finite_weights(self.model)
        if spoilt:
            raise self._failure(f"{_several(spoilt)} hold numbers that are not finite")
        if not math.isfinite((logs or {}).get("val_loss", 0.0)):
            losses = {name: logs[f"val_{name}"] for name in ("loss", *LOSS_NAMES)}
            what = "The validation loss is not finite"
            raise self._failure(what, ", though all weights are", losses=losses)
        self.start, self._trained = None, True
        self._steps, self._means = 0, None

    def _failure(self, what, more="", step=None, losses=None):
        where = f"epoch {self._epoch}" + (f", step {step}" if step else "")
        return NonFiniteLoss(f"{what} in {where}{more}.", self._epoch, step, losses, self._recent)


def of_this_step(steps, means, before):
    """Compute the losses of one step from Keras's means over an epoch's steps so far.

    steps: the number of steps in the means. before: the means of one step less. Without it, the result is the
    loss itself after one step, otherwise the mean. Keras weights the total by images, so it is approximate
    if batches differ in size.
    """
    if before is None:
        return {name: float(value) for name, value in means.items()}
    return {
        name: steps * float(value) - (steps - 1) * float(before[name])
        for name, value in means.items()
        if name in before
    }


def non_finite_weights(model):
    """Return the names of a model's tensors that hold numbers that are not finite."""
    return [tensor.name for tensor in named.tensors_of(model) if not np.isfinite(tensor.numpy()).all()]


def _several(names):
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} other tensors"
