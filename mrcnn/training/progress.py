"""Print the numbers of each epoch."""

import time

import keras

from mrcnn.modeling.network import LOSSES
from mrcnn.progress_bar import duration, progress_bar
from mrcnn.screen import show
from mrcnn.training.order import Order
from mrcnn.training.stages import is_due

_STEPS_PER_LOOK = 10


class Progress(keras.callbacks.Callback):
    """Prints a line per epoch and shows progress within it, see progress_bar.

    epochs: their number in the whole run. ap_every: AP is measured every so many epochs; 0 for never.
    batch_size: images per step.
    """

    order = Order.RECORD

    def __init__(self, epochs, report=show, ap_every=0, batch_size=1):
        super().__init__()
        self.epochs, self.report, self.ap_every = epochs, report, ap_every
        self.ap_seconds = []
        self.bar, self.batch_size = None, batch_size
        self.first_step, self.steps = None, 0  # when the first step ended; how many followed it
        self.started, self.first = None, None

    def on_epoch_begin(self, epoch, logs=None):
        if self.started is None:
            self.started, self.first = time.monotonic(), epoch
        self.epoch_started = time.monotonic()
        label = f"epoch {epoch + 1}/{self.epochs}"
        self.bar = progress_bar(self.params["steps"], label, "step")
        if self.first_step is None:
            self.bar.set_postfix_str("compiling the step")

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.first_step is None:
            self.first_step, self.steps = time.monotonic(), 0
        if self.steps % _STEPS_PER_LOOK == 0:  # to read the loss is to wait for the device
            seconds = max(time.monotonic() - self.first_step, 1e-9)
            speed = f", {self.steps * self.batch_size / seconds:.3g} images/s" if self.steps else ""
            self.bar.set_postfix_str(f"loss {float(logs['loss']):.3f}{speed}", refresh=False)
        self.bar.update(1)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.close()
        parts = ", ".join(f"{loss.label} {logs[loss.name]:.3f}" for loss in LOSSES)
        validation = f"  validation {logs['val_loss']:.3f}" if "val_loss" in logs else ""
        seconds = time.monotonic() - self.epoch_started
        self.report(
            f"epoch {epoch + 1:3}/{self.epochs}  loss {logs['loss']:.3f} ({parts}){validation}{_ap(logs)}  "
            f"{_speed(logs)}{seconds:.0f} s, {duration(self._left(epoch + 1, logs))} left"
        )

    def _left(self, done, logs):
        """Estimate the seconds to the end from the remaining epochs and measurements of AP."""
        if "ap_seconds" in logs:
            self.ap_seconds.append(logs["ap_seconds"])
        measured, mean_ap = sum(self.ap_seconds), sum(self.ap_seconds) / max(len(self.ap_seconds), 1)
        due = sum(is_due(epoch, self.ap_every, self.epochs) for epoch in range(done + 1, self.epochs + 1))
        spent = time.monotonic() - self.started - measured
        return spent / (done - self.first) * (self.epochs - done) + mean_ap * due


def _ap(logs):
    if "val_mask_ap" not in logs:
        return ""
    return f"  AP masks {logs['val_mask_ap']:.3f}, boxes {logs['val_box_ap']:.3f}"


def _speed(logs):
    if "images_per_second" not in logs:
        return ""
    waiting = f", {logs['waiting_seconds']:.0f} s waiting for data" if "waiting_seconds" in logs else ""
    device = (
        f" and {logs['accelerator_memory_gb']:.1f} on the device" if "accelerator_memory_gb" in logs else ""
    )
    memory = f"{logs['peak_memory_gb']:.1f} GB" if "peak_memory_gb" in logs else "memory unknown"
    state = f"{memory}{device}, rate {logs['learning_rate']:.2g}, "
    return f"{logs['images_per_second']:.2f} images/s{waiting}, {state}"
