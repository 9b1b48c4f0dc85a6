"""What happens beside the steps of a run, each callback alone."""

import csv
import math
import struct

import keras
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from mrcnn.config import Config
from mrcnn.modeling.losses import NAMES
from mrcnn.training.callbacks import (
    Checkpoint,
    EventFiles,
    MetricsCsv,
    NonFiniteLoss,
    Progress,
    SetEpoch,
    StopAtNonFinite,
)
from mrcnn.training.run import Run, checkpoints


class Named(Config):
    NAME = "squash"


def save(path, epoch):
    path.write_text(f"epoch {epoch}")


def after_epochs(run, losses, first=1, keep=1):
    """A Checkpoint after epochs of the given validation losses, and the epochs that are left."""
    callback = Checkpoint(run, save, keep)
    for epoch, loss in enumerate(losses, start=first):
        callback.on_epoch_end(epoch - 1, {} if loss is None else {"val_loss": loss})
    return callback, list(checkpoints(run.folder))


@pytest.mark.parametrize(
    ("losses", "keep", "left"),
    [
        ([3.0, 2.0, 1.0], 1, [3]),
        ([3.0, 1.0, 2.0, 2.5], 1, [2, 4]),
        ([1.0, 1.0, 1.0], 1, [1, 3]),  # the first of equals is the best
        ([3.0, 1.0, 2.0, 2.5, 4.0], 2, [2, 4, 5]),
        ([None, None, None], 1, [3]),  # no validation
        ([2.0, math.nan, 3.0], 1, [1, 3]),
    ],
)
def test_the_last_and_the_best_checkpoints_are_kept(tmp_path, losses, keep, left):
    run = Run(tmp_path, Named())
    callback, found = after_epochs(run, losses, keep=keep)
    assert found == left
    assert callback.last == run.checkpoint(len(losses))
    assert callback.last.read_text() == f"epoch {len(losses)}"


def test_the_best_of_an_earlier_call_is_kept_too(tmp_path):
    run = Run(tmp_path, Named())
    after_epochs(run, [3.0, 1.0, 2.0])
    assert after_epochs(run, [1.5, 1.7], first=4)[1] == [2, 5]
    assert after_epochs(run, [0.5, 0.9], first=6)[1] == [6, 7]


def model_of_rate(rate):
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
    return model


def logs(value, validation=None):
    found = {name: value + i for i, name in enumerate(["loss", *NAMES])}
    if validation is not None:
        found.update({f"val_{name}": validation for name in found})
    return found


def test_a_row_an_epoch(tmp_path):
    path = tmp_path / "metrics.csv"
    for epoch, (rate, validation) in enumerate([(0.5, 9.0), (0.25, None)]):
        callback = MetricsCsv(path)  # a new one each, as after a restart
        callback.set_model(model_of_rate(rate))
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, logs(1.0, validation))
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "epoch", "loss", "rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss",
        "mrcnn_mask_loss", "val_loss", "val_rpn_class_loss", "val_rpn_bbox_loss", "val_mrcnn_class_loss",
        "val_mrcnn_bbox_loss", "val_mrcnn_mask_loss", "learning_rate", "seconds",
    ]  # fmt: skip
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["learning_rate"]) for row in rows] == [0.5, 0.25]
    assert (float(rows[0]["mrcnn_mask_loss"]), float(rows[0]["val_loss"])) == (6.0, 9.0)
    assert rows[1]["val_loss"] == ""
    assert all(float(row["seconds"]) >= 0 for row in rows)


def events_in(path):
    """The records of an event file: each has a length, its check sum, the data and theirs."""
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        yield Event.FromString(data[12 : 12 + length])
        data = data[12 + length + 4 :]


def test_event_files_hold_the_numbers(tmp_path):
    callback = EventFiles(tmp_path)
    callback.set_model(model_of_rate(0.5))
    for _ in range(2):  # two stages, one file
        callback.on_train_begin()
    callback.on_epoch_end(0, {"loss": 3.0, "val_loss": 4.0})
    callback.on_epoch_end(1, {"loss": 2.0})
    callback.close()
    (path,) = tmp_path.iterdir()
    found = {
        (value.tag, event.step): value.simple_value
        for event in events_in(path)
        for value in event.summary.value
    }
    assert found == {
        ("training/loss", 1): 3.0, ("validation/loss", 1): 4.0, ("learning_rate", 1): 0.5,
        ("training/loss", 2): 2.0, ("learning_rate", 2): 0.5,
    }  # fmt: skip


def test_progress_is_a_line_an_epoch(capsys):
    lines = []
    callback = Progress(epochs=12, report=lines.append)
    callback.set_params({"steps": 2})
    for epoch, validation in ((4, None), (5, 7.5)):
        callback.on_epoch_begin(epoch)
        for step in range(2):
            callback.on_train_batch_end(step, logs(1.0))
        callback.on_epoch_end(epoch, logs(1.0, validation))
    parts = "rpn class 2.000, rpn box 3.000, class 4.000, box 5.000, mask 6.000"
    assert lines[0].startswith(f"epoch   5/12  loss 1.000 ({parts})  ")
    assert lines[1].startswith(f"epoch   6/12  loss 1.000 ({parts})  validation 7.500  ")
    assert lines[1].endswith(" left")
    assert capsys.readouterr().err == ""  # no bar without a terminal


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_stops(loss):
    callback = StopAtNonFinite()
    callback.on_epoch_begin(2)
    callback.on_train_batch_end(0, logs(1.0))
    with pytest.raises(NonFiniteLoss, match=r"in epoch 3, step 2 .*rpn_class_loss 2, .*WARMUP_STEPS"):
        callback.on_train_batch_end(1, {**logs(1.0), "loss": np.float32(loss)})


def test_the_loader_is_told_its_epoch():
    class Loader:
        epoch = 9

    loader = Loader()
    SetEpoch(loader).on_epoch_begin(4)
    assert loader.epoch == 4
