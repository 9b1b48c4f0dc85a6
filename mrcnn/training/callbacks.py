"""What happens beside the steps of a run: checkpoints, metrics, progress, and stopping in time."""

import csv
import io
import math
import os
import sys
import time
from datetime import datetime

import keras
from tqdm import tqdm

from mrcnn.files import sync, write_text
from mrcnn.modeling.losses import NAMES
from mrcnn.training.averaging import averaged
from mrcnn.training.run import checkpoints
from mrcnn.training.validation import is_due

_SHORT = dict(zip(NAMES, ("rpn class", "rpn box", "class", "box", "mask")))


class Checkpoint(keras.callbacks.Callback):
    """Writes the weights after each epoch; keeps the last ones and the best in validation.

    The weights are the averaged ones where the optimiser keeps averages. save: writes the weights to
    (path, epoch). keep: how many of the last to keep. by: "loss" or "mask_ap", see BEST_BY.
    """

    def __init__(self, run, save, keep=1, by="loss"):
        super().__init__()
        self.run, self.save, self.keep, self.by = run, save, keep, by
        self.last = None

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        path = self.run.checkpoint(done)
        with averaged(self.model):
            self.save(path, done)
        sync(path)
        self.last = path
        loss = self._loss(logs or {})
        if loss < self.run.best_loss:
            self.run.best_loss, self.run.best_epoch = float(loss), done
        found = checkpoints(self.run.folder)
        own = [epoch for epoch in found if epoch not in self.run.spared]
        for old in own[: -self.keep]:
            if old != self.run.best_epoch:
                found[old].unlink()

    def _loss(self, logs):
        """What is to be low: the validation loss, or what is missing from a mask AP of 1."""
        if self.by == "loss":
            return logs.get("val_loss", math.inf)
        return 1.0 - logs["val_mask_ap"] if "val_mask_ap" in logs else math.inf

    def state(self):
        best = self.run.best_loss
        return {"loss": None if best == math.inf else best, "epoch": self.run.best_epoch}

    def restore(self, state):
        loss = state["loss"]
        self.run.best_loss, self.run.best_epoch = math.inf if loss is None else loss, state["epoch"]


class MetricsCsv(keras.callbacks.Callback):
    """Keeps metrics.csv: a row an epoch of losses, validation losses, learning rate and seconds.

    What other callbacks before it add to the logs gets columns of its own. The file is always whole.
    done: epochs whose rows in an existing file stay; later ones are of what is done again.
    """

    def __init__(self, path, done=0):
        super().__init__()
        self.path = path
        names = ["loss", *NAMES]
        self.columns = ["epoch", *names, *(f"val_{n}" for n in names), "learning_rate", "seconds", "finished"]
        self.rows = [row for row in read_metrics(path) if int(row["epoch"]) <= done]
        self._before, self._started = 0.0, None
        if path.exists():
            self._write()

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({
            "epoch": epoch + 1,
            **{name: float(value) for name, value in (logs or {}).items()},
            "learning_rate": current_rate(self.model),
            "seconds": round(self._seconds(), 3),
            "finished": datetime.now().isoformat(timespec="seconds"),
        })  # fmt: skip
        self._before, self._started = 0.0, None
        self._write()

    def state(self):
        return {"seconds": self._seconds()}

    def restore(self, state):
        self._before = state["seconds"]

    def _seconds(self):
        """Of the epoch so far, with those before an interruption."""
        return self._before + (0.0 if self._started is None else time.monotonic() - self._started)

    def _write(self):
        found = dict.fromkeys([*self.columns, *(name for row in self.rows for name in row)])
        text = io.StringIO()
        writer = csv.DictWriter(text, found, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())


def read_metrics(path):
    """The rows of a metrics.csv as dicts of texts; [] where there is none."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class EventFiles(keras.callbacks.Callback):
    """Writes the same numbers for TensorBoard, without TensorFlow.

    rows: of metrics.csv, what an earlier process wrote. Its event files give way to a new one with these
    rows, for an event file cannot be cut where a run goes on.
    """

    def __init__(self, folder, rows=()):
        super().__init__()
        self.folder, self.rows = folder, list(rows)
        self.writer = None

    def on_train_begin(self, logs=None):
        if self.writer is not None:
            return
        from tensorboardX import SummaryWriter

        old = list(self.folder.glob("events.out.tfevents.*"))
        self.writer = SummaryWriter(str(self.folder), filename_suffix=f".{os.getpid()}.{time.time_ns()}")
        for row in self.rows:
            numbers = {k: v for k, v in row.items() if k not in ("epoch", "seconds", "finished") and v != ""}
            self._add(int(row["epoch"]), numbers, datetime.fromisoformat(row["finished"]).timestamp())
        self.writer.flush()
        for path in old:
            path.unlink()

    def on_epoch_end(self, epoch, logs=None):
        self._add(epoch + 1, {**(logs or {}), "learning_rate": current_rate(self.model)}, time.time())
        self.writer.flush()

    def _add(self, epoch, numbers, moment):
        for name, value in numbers.items():
            kind, short = ("validation/", name[4:]) if name.startswith("val_") else ("training/", name)
            tag = name if name == "learning_rate" else kind + short
            self.writer.add_scalar(tag, float(value), epoch, walltime=moment)

    def close(self):
        """Write what is left; the run is over."""
        if self.writer is not None:
            self.writer.close()


class Progress(keras.callbacks.Callback):
    """A line an epoch, and on a terminal a bar within it.

    epochs: of the whole run. ap_every: epochs from one measurement of AP to the next, 0 for none.
    """

    def __init__(self, epochs, report=print, ap_every=0):
        super().__init__()
        self.epochs, self.report, self.ap_every = epochs, report, ap_every
        self.ap_seconds = []
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
        self.report(
            f"epoch {epoch + 1:3}/{self.epochs}  loss {logs['loss']:.3f} ({parts}){validation}{_ap(logs)}  "
            f"{_speed(logs)}{seconds:.0f} s, {_duration(self._left(epoch + 1, logs))} left"
        )

    def _left(self, done, logs):
        """Seconds to the end: so many epochs as before, and so many measurements of AP as are due."""
        if "ap_seconds" in logs:
            self.ap_seconds.append(logs["ap_seconds"])
        measured, mean_ap = sum(self.ap_seconds), sum(self.ap_seconds) / max(len(self.ap_seconds), 1)
        due = sum(is_due(epoch, self.ap_every, self.epochs) for epoch in range(done + 1, self.epochs + 1))
        spent = time.monotonic() - self.started - measured
        return spent / (done - self.first) * (self.epochs - done) + mean_ap * due


def current_rate(model):
    """The learning rate of the next step."""
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


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
    state = f"{logs['peak_memory_gb']:.1f} GB{device}, rate {logs['learning_rate']:.2g}, "
    return f"{logs['images_per_second']:.2f} images/s{waiting}, {state}"


def _duration(seconds):
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"
