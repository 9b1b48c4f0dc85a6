"""Write detections and their photographs as a data set that people can correct and train on."""

from dataclasses import dataclass

import numpy as np

from mrcnn.datasets import orientation
from mrcnn.datasets.images import ImageError, opened
from mrcnn.datasets.shapes import RunLengths
from mrcnn.datasets.writers.outlines import one_ring, outlines
from mrcnn.detection.overlay import encode
from mrcnn.detection.writers.writer import Writer
from mrcnn.files import write_bytes


@dataclass(frozen=True)
class Cut:
    """A detection as an Instance of mrcnn.datasets.writers; its mask is made at each access.

    class_id: of its class, from 0. box: (y1, x1, y2, x2), the smallest. crop: the mask in its box. runs: its
    RunLengths in the image. rings: polygons to write for it.
    """

    class_id: int
    box: tuple
    crop: np.ndarray
    runs: RunLengths
    rings: tuple
    crowd: bool = False

    @property
    def mask(self):
        """The mask [H, W] bool."""
        y1, x1, y2, x2 = self.box
        mask = np.zeros(self.runs.size, bool)
        mask[y1:y2, x1:x2] = self.crop
        return mask


class DataSetWriter(Writer):
    """Writes by a writer of mrcnn.datasets.writers. Photographs keep their bytes where they can.

    Detections without a pixel are left out.
    """

    kind = None  # the class of that writer

    def __init__(self, folder, class_names, look):
        super().__init__(folder, class_names, look)
        self._writer = self.kind(folder, self.class_names[1:], [None])

    def write(self, photograph, image, found):
        """Write a photograph and its annotations."""
        rows = zip(found.class_ids, found.rois, found.crops, found.run_lengths())
        instances = [self._instance(*row) for row in rows if row[2].any()]
        data, suffix = file_of(photograph, image, self.kind.suffixes)
        name = photograph.stem + suffix
        for place in self._writer.place(None, name, instances):
            write_bytes(place, data, durable=False)
        self._writer.write(None, name, found.size, instances)

    def rings(self, mask):
        """Return the polygons to write for a mask [H, W] bool: a single one, with exactly its pixels."""
        return [one_ring(outlines(mask))]

    def _instance(self, class_id, box, crop, encoded):
        """Return a detection as a Cut. crop: its mask in its box, never empty."""
        rows, columns = (np.flatnonzero(crop.any(axis=axis)) for axis in (1, 0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        tight = tuple(int(side) for side in (box[0] + top, box[1] + left, box[0] + bottom, box[1] + right))
        crop, corner = crop[top:bottom, left:right], np.array([tight[1], tight[0]])
        rings = tuple(ring + corner for ring in self.rings(crop))
        runs = RunLengths(tuple(encoded["size"]), encoded["counts"].encode())
        return Cut(int(class_id) - 1, tight, crop, runs, rings)

    def finish(self, records):
        """Write what describes the data set as a whole."""
        self._writer.finish()
        return [f"{self.own_folder}: {note}" for note in self._writer.notes()]


def file_of(photograph, image, suffixes):
    """Return (bytes, suffix) of a photograph for a data set.

    They are those of its file, if it has one of the suffixes and EXIF does not turn it; else a PNG of
    its pixels. image: [H, W, 3] uint8. Raises ImageError if the file is gone meanwhile.
    """
    path = photograph.path
    if path is None or path.suffix.lower() not in suffixes:
        return encode(image), ".png"
    with opened(path) as file:
        if orientation.number_of(file) != 1:
            return encode(image), ".png"
    try:
        return path.read_bytes(), path.suffix.lower()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}.") from error
