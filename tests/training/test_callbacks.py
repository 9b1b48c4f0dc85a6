"""What happens beside the steps of a run, each callback alone."""

import csv
import json
import math
import struct
from types import SimpleNamespace

import keras
import pytest
from tensorboardX.proto.event_pb2 import Event

from mrcnn.config import Config
from mrcnn.modeling.network import LOSS_NAMES, LOSSES
from mrcnn.training import progress
from mrcnn.training.checkpoint import Checkpoint
from mrcnn.training.errors import RunError
from mrcnn.training.metrics import EventFiles, MetricsCsv, read_metrics
from mrcnn.training.progress import Progress
from mrcnn.training.run import Run, checkpoints
from mrcnn.weights import best_score


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


def test_what_belongs_to_a_checkpoint_goes_with_it(tmp_path):
    run = Run(tmp_path, Named())
    after_epochs(run, [3.0, 1.0])
    for path in checkpoints(run.folder).values():
        best_score.path_of(path).write_text("{}")
    after_epochs(run, [0.5], first=3)
    assert [path.name for path in run.folder.iterdir()] == ["mask_rcnn_squash_0003.h5"]


def test_the_best_of_an_earlier_call_is_kept_too(tmp_path):
    run = Run(tmp_path, Named())
    after_epochs(run, [3.0, 1.0, 2.0])
    assert after_epochs(run, [1.5, 1.7], first=4)[1] == [2, 5]
    assert after_epochs(run, [0.5, 0.9], first=6)[1] == [6, 7]


def test_the_best_is_remembered_in_the_state(tmp_path):
    run = Run(tmp_path, Named())
    callback, _ = after_epochs(run, [3.0, 1.0, 2.0])
    state = json.loads(json.dumps(callback.state()))
    again = Run(tmp_path, Named(), folder=run.folder)
    Checkpoint(again, save).restore(state)
    assert after_epochs(again, [1.5], first=4)[1] == [2, 4]
    fresh = Run(tmp_path, Named())
    Checkpoint(fresh, save).restore(json.loads(json.dumps(Checkpoint(fresh, save).state())))
    assert fresh.best_loss == math.inf


def model_of_rate(rate):
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
    return model


def logs(value, validation=None):
    found = {name: value + i for i, name in enumerate(["loss", *LOSS_NAMES])}
    if validation is not None:
        found.update({f"val_{name}": validation for name in found})
    return found


def test_a_row_an_epoch(tmp_path):
    path = tmp_path / "metrics.csv"
    for epoch, (rate, validation) in enumerate([(0.5, 9.0), (0.25, None)]):
        callback = MetricsCsv(path, done=epoch)  # a new one each, as after a restart
        callback.set_model(model_of_rate(rate))
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, logs(1.0, validation))
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert LOSS_NAMES[:5] == (
        "rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss",
    )  # fmt: skip
    assert list(rows[0]) == [
        "epoch", "loss", *LOSS_NAMES, "val_loss", *(f"val_{name}" for name in LOSS_NAMES), "learning_rate",
        "seconds", "finished",
    ]  # fmt: skip
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [float(row["learning_rate"]) for row in rows] == [0.5, 0.25]
    assert (float(rows[0]["mrcnn_mask_loss"]), float(rows[0]["val_loss"])) == (6.0, 9.0)
    assert rows[1]["val_loss"] == ""
    assert all(float(row["seconds"]) >= 0 for row in rows)


def test_rows_of_what_is_done_again_go(tmp_path):
    path = tmp_path / "metrics.csv"
    callback = MetricsCsv(path)
    callback.set_model(model_of_rate(0.5))
    for epoch in range(3):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {**logs(float(epoch)), "val_AP": epoch / 10})
    assert [row["epoch"] for row in read_metrics(path)] == ["1", "2", "3"]
    again = MetricsCsv(path, done=1)
    assert [row["epoch"] for row in read_metrics(path)] == ["1"]
    again.set_model(model_of_rate(0.5))
    again.on_epoch_end(1, {**logs(0.1), "val_AP": 0.7})
    rows = read_metrics(path)
    assert [(row["epoch"], row["loss"], row["val_AP"]) for row in rows] == [
        ("1", "0.0", "0.0"), ("2", "0.1", "0.7"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epoch,finished\none,2026-01-01\n", "is damaged (invalid literal for int() with base 10: 'one')"),
        ("epoch,loss\n1,2.5\n", "is damaged ('finished')"),
        ("epoch,finished\n1,today\n", "is damaged (Invalid isoformat string: 'today')"),
        ("epoch,loss,finished\n1,x,2026-01-01\n", "is damaged (could not convert string to float: 'x')"),
        ('epoch,finished\n1,"2026-01-01\n', "is damaged (unexpected end of data)"),
    ],
)
def test_a_damaged_record_is_named(tmp_path, text, told):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    with pytest.raises(RunError) as caught:
        read_metrics(path)
    advice = "move it away, and the run resumes without the numbers of its earlier epochs"
    assert str(caught.value) == f"{path}: {told}; {advice}."


def test_seconds_before_an_interruption_count(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    callback = MetricsCsv(tmp_path / "metrics.csv")
    callback.on_epoch_begin(0)
    now[0] += 7
    state = callback.state()
    again = MetricsCsv(tmp_path / "metrics.csv")
    again.set_model(model_of_rate(0.5))
    again.restore(state)
    for epoch in range(2):
        again.on_epoch_begin(epoch)
        now[0] += 2
        again.on_epoch_end(epoch, logs(1.0))
    assert [row["seconds"] for row in read_metrics(tmp_path / "metrics.csv")] == ["9.0", "2.0"]


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


def test_event_files_are_written_anew_where_a_run_goes_on(tmp_path):
    rows = [
        {"epoch": "1", "loss": "3.5", "val_loss": "", "learning_rate": "0.5", "seconds": "1.0",
         "finished": "2026-01-01T00:00:00"},
    ]  # fmt: skip
    for lost in (99.0, 98.0):  # epoch 2 of processes that were killed
        callback = EventFiles(tmp_path, rows)
        callback.set_model(model_of_rate(0.25))
        callback.on_train_begin()
        callback.on_epoch_end(1, {"loss": lost})
        callback.close()
    (path,) = tmp_path.iterdir()
    found = [
        (value.tag, event.step, value.simple_value)
        for event in events_in(path)
        for value in event.summary.value
    ]
    assert found == [
        ("training/loss", 1, 3.5), ("learning_rate", 1, 0.5),
        ("training/loss", 2, 98.0), ("learning_rate", 2, 0.25),
    ]  # fmt: skip


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
    parts += "".join(f", {loss.label} {number}.000" for number, loss in enumerate(LOSSES[5:], start=7))
    assert lines[0].startswith(f"epoch   5/12  loss 1.000 ({parts})  ")
    assert lines[1].startswith(f"epoch   6/12  loss 1.000 ({parts})  validation 7.500  ")
    assert lines[1].endswith(" left")
    assert capsys.readouterr().err == "epoch 5/12: compiling the step\n"  # no bar without a terminal


def test_the_line_tells_ap_and_speed():
    lines = []
    callback = Progress(epochs=9, report=lines.append)
    callback.set_params({"steps": 1})
    callback.on_epoch_begin(0)
    speed = {"images_per_second": 12.345, "waiting_seconds": 3.6, "peak_memory_gb": 2.04}
    ap = {"val_mask_ap": 0.3456, "val_box_ap": 0.4, "ap_seconds": 1.0}
    callback.on_epoch_end(0, {**logs(1.0, 7.5), **speed, **ap, "learning_rate": 0.00051})
    (line,) = lines
    assert "  validation 7.500  AP masks 0.346, boxes 0.400  12.35 images/s, 4 s waiting for data" in line
    assert ", 2.0 GB, rate 0.00051, 0 s, " in line
    callback.on_epoch_begin(1)
    device = {"accelerator_memory_gb": 7.25}
    callback.on_epoch_end(1, {**logs(1.0, 7.5), **speed, **device, "learning_rate": 0.00051})
    assert ", 2.0 GB and 7.2 on the device, rate 0.00051, 0 s, " in lines[1]


def test_the_estimate_counts_the_measurements_of_ap_that_are_due(monkeypatch):
    clock, lines = SimpleNamespace(now=0.0), []
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    callback = Progress(epochs=10, report=lines.append, ap_every=4)
    callback.set_params({"steps": 1})
    for epoch in range(5):
        callback.on_epoch_begin(epoch)
        measured = {"val_mask_ap": 0.5, "val_box_ap": 0.5, "ap_seconds": 1200.0} if epoch == 3 else {}
        clock.now += 60.0 + measured.get("ap_seconds", 0.0)
        callback.on_epoch_end(epoch, {**logs(1.0), **measured})
    # Nine epochs of a minute each; then, two measurements of 20 minutes, after epochs 8 and 10.
    assert lines[0].endswith(" 60 s, 9 min left")
    assert lines[4].endswith(" 60 s, 45 min left")


def test_the_best_by_mask_ap(tmp_path):
    run = Run(tmp_path, Named())
    callback = Checkpoint(run, save, by="mask_ap")
    for epoch, (loss, ap) in enumerate([(1.0, None), (5.0, 0.2), (4.0, 0.4), (0.5, None), (0.1, 0.3)]):
        measured = {} if ap is None else {"val_mask_ap": ap}
        callback.on_epoch_end(epoch, {"val_loss": loss, **measured})
    assert run.best_epoch == 3
    assert list(checkpoints(run.folder)) == [3, 5]
    other = Checkpoint(Run(tmp_path, Named()), save, by="mask_ap")
    other.restore(callback.state())
    other.on_epoch_end(5, {"val_mask_ap": 0.39})
    assert other.run.best_epoch == 3
