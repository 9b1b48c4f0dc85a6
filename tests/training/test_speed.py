"""Images a second, waiting and memory in the logs of an epoch."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from mrcnn.pipeline.loader import Loader
from mrcnn.training import speed
from mrcnn.training.speed import Speed, images_in, peak_memory_gb
from tests.scenes import Rectangles
from tests.tiny import Tiny


class Clock:
    """time.monotonic with seconds that the test sets."""

    now = 100.0

    def monotonic(self):
        return self.now


def loader(images, steps=None, batch=2):
    return Loader(Rectangles([1] * images), Tiny(), batch_size=batch, steps=steps)


def test_images_of_a_batch_are_those_the_loader_gives():
    for images, batch in ((3, 2), (4, 2), (5, 3), (2, 4)):
        found = loader(images, batch=batch)
        counts = [len(found.batch(k)["input_image"]) for k in range(4)]
        assert [images_in(found, k) for k in range(4)] == counts


@pytest.mark.parametrize(
    ("steps", "images_per_second", "waiting"),
    [(3, (1 + 2) / 4, 0.5), (1, 2 / 10, 0)],  # without the first step, unless it is the only one
)
def test_speed_is_measured_from_the_end_of_the_first_step(monkeypatch, steps, images_per_second, waiting):
    clock = Clock()
    monkeypatch.setattr(speed, "time", clock)
    callback = Speed(loader(3, steps=steps))  # batches of 2, 1, 2 images
    # The first batch is not counted, the second was ready in time, the third half a second late.
    callback.loader.ready = dict(enumerate((109.0, 109.0, 112.5)))
    callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.25)))
    callback.on_epoch_begin(0)
    clock.now += 10  # the first step compiles
    callback.on_train_batch_end(0)
    for step in range(1, steps):
        clock.now += 2
        callback.on_train_batch_end(step)
    clock.now += 50  # validation
    logs = {}
    callback.on_epoch_end(0, logs)
    assert logs["images_per_second"] == pytest.approx(images_per_second)
    assert logs["waiting_seconds"] == pytest.approx(waiting)
    assert not callback.loader.ready
    assert logs["learning_rate"] == 0.25


@pytest.mark.parametrize(("held", "more"), [(None, {}), (7.25, {"accelerator_memory_gb": 7.25})])
def test_memory_of_an_accelerator_is_told_where_there_is_one(monkeypatch, held, more):
    monkeypatch.setattr(speed.backend, "accelerator_memory_gb", lambda: held)
    callback = Speed(loader(2, steps=1))
    callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.25)))
    callback.on_epoch_begin(0)
    callback.on_train_batch_end(0)
    logs = {}
    callback.on_epoch_end(0, logs)
    assert {name: value for name, value in logs.items() if name.startswith("acc")} == more


def test_memory_is_what_the_system_says():
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs Linux's /proc")
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    assert peak_memory_gb() == pytest.approx(int(line.split()[1]) * 1024 / 1e9, rel=0.05)


def test_where_the_system_counts_no_memory_the_number_is_left_out(monkeypatch):
    monkeypatch.setattr(speed, "resource", None)
    assert peak_memory_gb() is None
    callback = Speed(loader(2, steps=1))
    callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.25)))
    callback.on_epoch_begin(0)
    callback.on_train_batch_end(0)
    logs = {}
    callback.on_epoch_end(0, logs)
    assert "peak_memory_gb" not in logs and logs["learning_rate"] == 0.25


def test_a_loader_knows_when_its_batches_were_ready():
    found = loader(4)
    before = time.monotonic()
    found.epoch = 1
    found[1], found[0]
    assert list(found.ready) == [3, 2]
    assert before <= found.ready[3] <= found.ready[2] <= time.monotonic()
    for _ in range(3):
        for index in range(2):
            found[index]
        found.epoch += 1
    assert len(found.ready) == 4  # at most two epochs' batches if nobody takes them
