"""What happens beside the steps of a run: checkpoints, metrics, progress, and stopping in time."""

import csv
import math
import sys
import time

import keras
from tqdm import tqdm

from mrcnn.modeling.losses import NAMES
from mrcnn.training.run import checkpoints

_SHORT = dict(zip(NAMES, ("rpn class", "rpn box", "class", "box", "mask")))


class NonFiniteLoss(RuntimeError):
    """A loss is infinite or no number; going on would spoil the weights."""


class SetEpoch(keras.callbacks.Callback):
    """Tells a loader which epoch begins: Keras may begin one of its own to see the shape of a batch."""

    def __init__(self, loader):
        super().__init__()
        self.loader = loader

    def on_epoch_begin(self, epoch, logs=None):
        self.loader.epoch = epoch


class Checkpoint(keras.callbacks.Callback):
    """Writes the weights after each epoch; keeps the last ones and the best by validation loss.

    save: writes the weights to (path, epoch). keep: how many of the last to keep.
    """

    def __init__(self, run, save, keep=1):
        super().__init__()
        self.run, self.save, self.keep = run, save, keep
        self.last = None

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        path = self.run.checkpoint(done)
        self.save(path, done)
        self.last = path
        loss = (logs or {}).get("val_loss", math.inf)
        if loss < self.run.best_loss:
            self.run.best_loss, self.run.best_epoch = loss, done
        found = checkpoints(self.run.folder)
        for old in list(found)[: -self.keep]:
            if old != self.run.best_epoch:
                found[old].unlink()


class MetricsCsv(keras.callbacks.Callback):
    """Adds a row an epoch to metrics.csv: losses, validation losses, learning rate, seconds."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        names = ["loss", *NAMES]
        self.columns = ["epoch", *names, *(f"val_{name}" for name in names), "learning_rate", "seconds"]

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        row = {name: (logs or {}).get(name, "") for name in self.columns}
        row["epoch"] = epoch + 1
        row["learning_rate"] = current_rate(self.model)
        row["seconds"] = round(time.monotonic() - self.started, 3)
        new = not self.path.exists()
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns)
            if new:
                writer.writeheader()
            writer.writerow(row)


class EventFiles(keras.callbacks.Callback):
    """Writes the same numbers for TensorBoard, without TensorFlow."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.writer = None

    def on_train_begin(self, logs=None):
        if self.writer is None:
            from tensorboardX import SummaryWriter

            self.writer = SummaryWriter(str(self.folder))

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            kind, short = ("validation", name[4:]) if name.startswith("val_") else ("training", name)
            self.writer.add_scalar(f"{kind}/{short}", float(value), epoch + 1)
        self.writer.add_scalar("learning_rate", current_rate(self.model), epoch + 1)
        self.writer.flush()

    def close(self):
        """Write what is left; the run is over."""
        if self.writer is not None:
            self.writer.close()


class Progress(keras.callbacks.Callback):
    """A line an epoch, and on a terminal a bar within it. epochs: of the whole run."""

    def __init__(self, epochs, report=print):
        super().__init__()
        self.epochs, self.report = epochs, report
        self.bar = None
        self.started, self.first = None, None

    def on_epoch_begin(self, epoch, logs=None):
        if self.started is None:
            self.started, self.first = time.monotonic(), epoch
        self.epoch_started = time.monotonic()
        label = f"epoch {epoch + 1}/{self.epochs}"
        self.bar = tqdm(
            total=self.params["steps"], desc=label, unit="step", leave=False, disable=not sys.stderr.isatty()
        )

    def on_train_batch_end(self, batch, logs=None):
        if not self.bar.disable:
            self.bar.set_postfix_str(f"loss {float(logs['loss']):.3f}", refresh=False)
        self.bar.update(1)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.close()
        parts = ", ".join(f"{_SHORT[name]} {logs[name]:.3f}" for name in NAMES)
        validation = f"  validation {logs['val_loss']:.3f}" if "val_loss" in logs else ""
        seconds = time.monotonic() - self.epoch_started
        done = epoch + 1 - self.first
        left = (time.monotonic() - self.started) / done * (self.epochs - epoch - 1)
        self.report(
            f"epoch {epoch + 1:3}/{self.epochs}  loss {logs['loss']:.3f} ({parts}){validation}  "
            f"{seconds:.0f} s, {_duration(left)} left"
        )


class StopAtNonFinite(keras.callbacks.Callback):
    """Raises NonFiniteLoss at the first step whose loss is infinite or no number."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(float(logs["loss"])):
            parts = ", ".join(f"{name} {float(logs[name]):.4g}" for name in NAMES if name in logs)
            raise NonFiniteLoss(
                f"The loss is no finite number in epoch {self.epoch}, step {batch + 1} "
                f"(means of the epoch: {parts}). A lower learning rate, or a longer warm-up "
                "(WARMUP_STEPS), usually helps."
            )


def current_rate(model):
    """The learning rate of the next step."""
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def _duration(seconds):
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"
