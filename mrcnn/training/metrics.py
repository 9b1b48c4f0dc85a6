"""Write the numbers of each epoch to metrics.csv, and to event files for TensorBoard."""

import csv
import io
import os
import time
from datetime import datetime

import keras

from mrcnn.files import FileError, read_text, write_text
from mrcnn.modeling.network import LOSS_NAMES
from mrcnn.training.errors import RunError
from mrcnn.training.order import Order
from mrcnn.training.schedule import current_rate


class MetricsCsv(keras.callbacks.Callback):
    """Writes metrics.csv: one row per epoch with losses, validation losses, learning rate and seconds.

    Each number that an earlier callback adds to the logs gets its own column. The file is always complete.
    done: rows of an existing file after this epoch are dropped; those epochs are trained again.
    """

    order = Order.RECORD

    def __init__(self, path, done=0):
        super().__init__()
        self.path = path
        names = ["loss", *LOSS_NAMES]
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
        """Return the values to save with the run's state."""
        return {"seconds": self._seconds()}

    def restore(self, state):
        """Restore what ``state`` returned."""
        self._before = state["seconds"]

    def _seconds(self):
        """Return the seconds of the epoch so far, including those before an interruption."""
        return self._before + (0.0 if self._started is None else time.monotonic() - self._started)

    def _write(self):
        found = dict.fromkeys([*self.columns, *(name for row in self.rows for name in row)])
        text = io.StringIO()
        writer = csv.DictWriter(text, found, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())


def read_metrics(path):
    """Return the rows of a metrics.csv as dicts of texts; [] if there is no file. Raises RunError."""
    if not path.exists():
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True))
        for row in rows:
            _check_row(row)
    except FileError as error:
        raise RunError(f"{str(error).rstrip('.')}; {_ADVICE}.") from error
    except (csv.Error, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path}: is damaged ({error!s:.200}); {_ADVICE}.") from error
    return rows


_ADVICE = "move it away, and the run resumes without the numbers of its earlier epochs"


def _check_row(row):
    """Raise ValueError, TypeError or KeyError for a row that no callback has written."""
    int(row["epoch"])
    datetime.fromisoformat(row["finished"])
    for name, value in row.items():
        if name != "finished" and value != "":
            float(value)


class EventFiles(keras.callbacks.Callback):
    """Writes the same numbers for TensorBoard, without TensorFlow.

    rows: those of metrics.csv from an earlier process. Old event files are replaced by one with these rows,
    because they cannot be truncated.
    """

    order = Order.RECORD

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
        """Flush the buffer and close the file."""
        if self.writer is not None:
            self.writer.close()
