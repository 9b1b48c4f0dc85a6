"""Measure the speed of a run, its waiting for data, and its memory."""

import contextlib
import sys
import time

import keras

from mrcnn import backend
from mrcnn.training.order import Order
from mrcnn.training.schedule import current_rate

resource = None
with contextlib.suppress(ImportError):  # Windows has no such module
    import resource


class Speed(keras.callbacks.Callback):
    """Adds to the logs of each epoch images_per_second, waiting_seconds, peak_memory_gb and learning_rate.

    On an accelerator it adds accelerator_memory_gb, the peak memory of tensors there. The speed is measured
    from the end of the epoch's first step, which may include compilation. A step waits for data from the end
    of the previous one until its batch is ready. loader: the training's.
    """

    order = Order.MEASURE

    def __init__(self, loader):
        super().__init__()
        self.loader = loader

    def on_epoch_begin(self, epoch, logs=None):
        self._begun, self._ends = time.monotonic(), []

    def on_train_batch_end(self, batch, logs=None):
        self._ends.append(time.monotonic())

    def on_epoch_end(self, epoch, logs=None):
        begun, steps = self._begun, len(self._ends)
        if steps > 1:
            begun, steps = self._ends[0], steps - 1
        last = (epoch + 1) * len(self.loader)
        images = sum(images_in(self.loader, k) for k in range(last - steps, last))
        logs["images_per_second"] = images / max(self._ends[-1] - begun, 1e-9)
        logs["waiting_seconds"] = self._waited(last)
        peak = peak_memory_gb()
        if peak is not None:
            logs["peak_memory_gb"] = peak
        held = backend.accelerator_memory_gb()
        if held is not None:
            logs["accelerator_memory_gb"] = held
        logs["learning_rate"] = current_rate(self.model)

    def _waited(self, last):
        """Sum the waits of all steps but the epoch's first. last: index of the next epoch's first batch."""
        first = last - len(self._ends)
        ready = self.loader.ready
        waits = [ready.get(first + i, 0) - self._ends[i - 1] for i in range(1, len(self._ends))]
        ready.clear()
        return sum(max(wait, 0.0) for wait in waits)


def images_in(loader, k):
    """Return the number of images in batch k of a Loader: the last of a pass over the data may be shorter."""
    count, size = len(loader.dataset.image_ids), loader.batch_size
    return min(size, count - k % -(-count // size) * size)


def peak_memory_gb():
    """Return this process's peak resident set in 10^9 bytes, without an accelerator's memory.

    None on Windows, whose own call for it is untested here.
    """
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9  # macOS counts bytes, Linux kibibytes
