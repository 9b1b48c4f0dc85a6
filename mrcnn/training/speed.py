"""How fast a run is, how long it waits for data, and how much memory it has used."""

import resource
import sys
import time

import keras

from mrcnn.training.callbacks import current_rate


class Speed(keras.callbacks.Callback):
    """Adds to the logs of each epoch images_per_second, waiting_seconds, peak_memory_gb and learning_rate.

    The speed is measured from the end of the epoch's first step, which may have to compile. loader: of the
    training; where it counts in ``waited_s`` how long batches were not ready when they were needed, the
    epoch's share is added.
    """

    def __init__(self, loader):
        super().__init__()
        self.loader = loader

    def on_epoch_begin(self, epoch, logs=None):
        self._begun, self._ends = time.monotonic(), []
        self._waited = getattr(self.loader, "waited_s", None)

    def on_train_batch_end(self, batch, logs=None):
        self._ends.append(time.monotonic())

    def on_epoch_end(self, epoch, logs=None):
        begun, steps = self._begun, len(self._ends)
        if steps > 1:
            begun, steps = self._ends[0], steps - 1
        last = (epoch + 1) * len(self.loader)
        images = sum(images_in(self.loader, k) for k in range(last - steps, last))
        logs["images_per_second"] = images / max(self._ends[-1] - begun, 1e-9)
        if self._waited is not None:
            logs["waiting_seconds"] = self.loader.waited_s - self._waited
        logs["peak_memory_gb"] = peak_memory_gb()
        logs["learning_rate"] = current_rate(self.model)


def images_in(loader, k):
    """How many images batch number k of a Loader has: the last of a pass over the data may be shorter."""
    count, size = len(loader.dataset.image_ids), loader.batch_size
    return min(size, count - k % -(-count // size) * size)


def peak_memory_gb():
    """The largest resident set of this process so far, in 10^9 bytes, without an accelerator's memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9  # macOS counts bytes, Linux kibibytes
