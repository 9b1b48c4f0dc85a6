"""Writer: the base class of writers, and what they are given to write."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.datasets.shapes import run_lengths


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance to write.

    class_id: of its class, from 0. mask: [H, W] bool, never empty. crowd: whether it is a region of many.
    rings: arrays [K, (x, y)] that COCO's rule turns into exactly this mask, as a person drew them, or None.
    """

    class_id: int
    mask: np.ndarray
    crowd: bool
    rings: tuple | None = None

    @property
    def box(self):
        """The half-open box (y1, x1, y2, x2) of the mask."""
        rows, columns = (np.flatnonzero(self.mask.any(axis=axis)) for axis in (1, 0))
        return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1

    @property
    def runs(self):
        """The RunLengths of the mask."""
        return run_lengths(self.mask)


class Writer:
    """Writes a data set into a new folder.

    folder: a Path. classes: names of all classes. splits: names of the splits, or [None] for a data set
    without splits.
    """

    title = ""  # of the format, for messages
    keeps_crowds = True
    # Of image files that every program for the format reads, in lower case.
    suffixes = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

    def __init__(self, folder, classes, splits):
        self.folder, self.classes, self.splits = Path(folder), list(classes), list(splits)

    def place(self, split, name, instances):
        """Return the paths, at least one, at which to put an image before ``write`` is called."""
        raise NotImplementedError

    def write(self, split, name, size, instances):
        """Write the annotations of an image.

        name: of its file, unique up to the suffix within the split. size: (height, width). instances:
        Instances.
        """
        raise NotImplementedError

    def finish(self):
        """Write what describes the data set as a whole."""

    def notes(self):
        """Return lines about what the format could not keep."""
        return []
