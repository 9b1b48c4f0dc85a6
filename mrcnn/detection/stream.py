"""Detection as a stream: photographs are read, run through the network and converted at the same time.

Threads read and resize, the device runs one batch after another, and threads convert what it found. As many
photographs are in memory as these stages need to keep each other busy, however many there are in all.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrcnn.detection.detections import Detections
from mrcnn.detection.molding import Fitted, fit, unmold
from mrcnn.machine import cores

_MOST_THREADS = 16  # more do not feed one device faster
_BATCHES_AHEAD = 2  # one on the device, and one that waits for it


@dataclass
class Found:
    """What became of one photograph.

    source: as it was given. image: [H, W, channels], None if it could not be read. detections: its
    Detections, None if it could not be read. error: the reason, or None.
    """

    source: Any
    image: np.ndarray | None = None
    detections: Detections | None = None
    error: Exception | None = None


@dataclass
class _Loaded:
    source: Any
    image: np.ndarray | None = None
    fitted: Fitted | None = None
    error: Exception | None = None


class Stream:
    """Detects in any number of photographs.

    detector: a Detector. rule: of ``molding.unmold``. read: returns the image [H, W, channels] of a source.
    finish: called with each Found; what it returns is the result. None returns the Found. catch: the types of
    read's exceptions that spoil one photograph alone; others end the stream. threads: for reading and
    finishing; None uses one for each core.

    ``read`` and ``finish`` are called in several threads at once, but each result comes in its source's turn.
    """

    def __init__(self, detector, rule, read, finish=None, catch=(), threads=None):
        self._detector, self._rule, self._read = detector, rule, read
        self._finish, self._catch = finish or (lambda found: found), catch
        self._threads = threads or min(cores(), _MOST_THREADS)

    def __call__(self, sources):
        """Yield the result of each source of an iterable, in order."""
        with (
            ThreadPoolExecutor(self._threads, "detect") as pool,
            ThreadPoolExecutor(1, "device") as device,
        ):
            try:
                running = deque()  # futures of lists of futures of results
                for batch in batches(self._loaded(pool, sources), self._size, _kind):
                    running.append(device.submit(self._run, pool, batch))
                    if len(running) > _BATCHES_AHEAD:
                        yield from (future.result() for future in running.popleft().result())
                while running:
                    yield from (future.result() for future in running.popleft().result())
            finally:  # if the caller or an error ends the stream early
                device.shutdown(wait=True, cancel_futures=True)
                pool.shutdown(wait=True, cancel_futures=True)

    @property
    def _size(self):
        return self._detector.config.BATCH_SIZE

    def _loaded(self, pool, sources):
        """Yield a _Loaded for each source; the next ones are being read meanwhile."""
        ahead = deque()
        for number, source in enumerate(sources):
            ahead.append(pool.submit(self._load, source, number))
            if len(ahead) >= self._size + self._threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()

    def _load(self, source, number):
        try:
            image = self._read(source)
        except self._catch as error:
            return _Loaded(source, error=error)
        return _Loaded(source, image, fit(image, self._detector.config, number))

    def _run(self, pool, batch):
        """Run the network on a batch and return the futures of its results."""
        good = [one.fitted for one in batch if one.error is None]
        rows = iter(zip(*self._detector(good))) if good else iter(())
        return [
            pool.submit(self._convert, one, *(next(rows) if one.error is None else (None, None)))
            for one in batch
        ]

    def _convert(self, loaded, detections, masks):
        if loaded.error is not None:
            return self._finish(Found(loaded.source, error=loaded.error))
        fitted = loaded.fitted
        found = unmold(
            detections, masks, fitted.original_shape, fitted.image.shape, fitted.window, self._rule
        )
        return self._finish(Found(loaded.source, loaded.image, found))


def batches(items, size, kind_of):
    """Yield lists of consecutive items of one kind, at most ``size`` of them.

    kind_of: returns the kind of an item; one of the kind None goes with any others.
    """
    batch, kind = [], None
    for item in items:
        own = kind_of(item)
        if batch and (len(batch) == size or (own and kind and own != kind)):
            yield batch
            batch, kind = [], None
        batch.append(item)
        kind = kind or own
    if batch:
        yield batch


def _kind(loaded):
    """Return what the images of a batch have in common; None for one that could not be read."""
    return None if loaded.error else (loaded.fitted.image.shape, loaded.fitted.image.dtype)
