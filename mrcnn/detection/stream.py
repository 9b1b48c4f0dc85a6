"""Detection as a stream: photographs are read, run through the network and converted at the same time.

Threads read and resize, the device runs one batch after another, and threads convert what it found. As many
photographs are in memory as these stages need to keep each other busy, however many there are in all.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mrcnn.detection.detections import Detections
from mrcnn.detection.fusion import found_in
from mrcnn.detection.joining import join
from mrcnn.detection.molding import Fitted, require_colors
from mrcnn.detection.tiles import Plan, plan
from mrcnn.detection.views import View, fit_view, views_of
from mrcnn.machine import cores

_MOST_THREADS = 16  # more do not feed one device faster
_BATCHES_AHEAD = 2  # one on the device, and one that waits for it
_LARGE_AHEAD = 2  # photographs to cut: one whose tiles are on their way, and one that is being read


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
    """A photograph that was read.

    plan: see tiles. found: futures of the Detections of its first parts. seen: (view, Fitted, detections,
    masks) of each view so far of the part that the network is at.
    """

    source: Any
    image: np.ndarray | None = None
    plan: Plan | None = None
    error: Exception | None = None
    found: list = field(default_factory=list)
    seen: list = field(default_factory=list)


@dataclass
class _Part:
    """A view of a part of a photograph at the network's size.

    fitted: None if it could not be read. view: its View. ends_part, is_last: whether it is the last view of
    the part, and of the photograph.
    """

    loaded: _Loaded
    fitted: Fitted | None = None
    view: View | None = None
    ends_part: bool = True
    is_last: bool = True


class Stream:
    """Detects in any number of photographs.

    detector: a Detector. rule: of ``molding.unmold``. read: returns the image [H, W, channels] of a source.
    finish: called with each Found; what it returns is the result. None returns the Found. catch: the types of
    read's exceptions that spoil one photograph alone; others end the stream. threads: for reading and
    finishing; None uses one for each core. tiling: the Tiling of large photographs; None cuts none. tta: the
    Augmenting, of which further views follow; None shows the network each photograph once.

    ``read`` and ``finish`` are called in several threads at once, but each result comes in its source's turn.
    The tiles of a photograph fill batches as photographs do, and are fitted as the network takes them.
    """

    def __init__(self, detector, rule, read, finish=None, catch=(), threads=None, tiling=None, tta=None):
        self._detector, self._rule, self._read = detector, rule, read
        self._finish, self._catch = finish or (lambda found: found), catch
        self._threads = threads or min(cores(), _MOST_THREADS)
        self._tiling = tiling
        if tta is not None:
            tta.check(detector.config)
        self._views = views_of(tta)
        self._least = None if tta is None else tta.least

    def __call__(self, sources):
        """Yield the result of each source of an iterable, in order."""
        with (
            ThreadPoolExecutor(self._threads, "detect") as pool,
            ThreadPoolExecutor(1, "device") as device,
        ):
            try:
                running = deque()  # futures of lists of futures of results
                for batch in batches(self._parts(pool, sources), self._size, _kind):
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

    def _parts(self, pool, sources):
        """Yield the _Parts of each source; the next ones are being read and fitted meanwhile."""
        count = self._size + self._threads
        loading = (pool.submit(self._load, source, number) for number, source in enumerate(sources))
        for first in _ahead(loading, count if self._tiling is None else _LARGE_AHEAD):
            yield first
            parts = len(first.loaded.plan.parts) if first.loaded.plan else 0
            others = range(1, parts * len(self._views))
            yield from _ahead((pool.submit(self._fit, first.loaded, index) for index in others), count)

    def _load(self, source, number):
        """Read a photograph and return its first part."""
        try:
            image = self._read(source)
        except self._catch as error:
            return _Part(_Loaded(source, error=error))
        require_colors(image, number, self._detector.config.IMAGE_CHANNEL_COUNT)
        cut = plan(self._tiling, *image.shape[:2], self._detector.config)
        return self._fit(_Loaded(source, image, cut), 0)

    def _fit(self, loaded, index):
        """Return the _Part of a number: the views of a part follow each other."""
        part, number = divmod(index, len(self._views))
        y1, x1, y2, x2 = loaded.plan.parts[part]
        view, ends_part = self._views[number], number == len(self._views) - 1
        fitted = fit_view(view, loaded.image[y1:y2, x1:x2], self._detector.config)
        return _Part(loaded, fitted, view, ends_part, ends_part and part == len(loaded.plan.parts) - 1)

    def _run(self, pool, batch):
        """Run the network on a batch and return the futures of the results of photographs that end in it."""
        good = [part.fitted for part in batch if part.fitted is not None]
        rows = iter(zip(*self._detector(good))) if good else iter(())
        results = []
        for part in batch:
            if part.fitted is not None:
                part.loaded.seen.append((part.view, part.fitted, *next(rows)))
            if part.ends_part:
                seen, part.loaded.seen = part.loaded.seen, []
                future = pool.submit(self._convert, part, seen)
                (results if part.is_last else part.loaded.found).append(future)
        return results

    def _convert(self, part, seen):
        """Return the Detections of a part, or the result of the photograph that it is the last part of.

        seen: of _Loaded, of all views of the part.
        """
        loaded = part.loaded
        if loaded.error is not None:
            return self._finish(Found(loaded.source, error=loaded.error))
        found = found_in(seen, self._rule, self._detector.config, self._least)
        if not part.is_last:
            return found
        # The pool began the other parts before this one, so that waiting for them cannot block it.
        others = [future.result() for future in loaded.found]
        return self._finish(Found(loaded.source, loaded.image, join(loaded.plan, [*others, found])))


def _ahead(futures, count):
    """Yield the results of futures of an iterable that submits them; ``count`` of them run at a time."""
    waiting = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) >= count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


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


def _kind(part):
    """Return what the images of a batch have in common; None for one that could not be read."""
    return None if part.fitted is None else (part.fitted.image.shape, part.fitted.image.dtype)
