"""Write photographs with labelme's JSON beside them: polygons with few corners, which are easy to edit."""

import cv2
import numpy as np

from mrcnn.datasets.shapes import Rings, rasterize
from mrcnn.datasets.writers import labelme
from mrcnn.datasets.writers.outlines import one_ring, parts
from mrcnn.detection.writers.data_set import DataSetWriter

_TOLERANCE = 1.0  # pixels; less keeps the steps of slanted outlines
_LEAST_IOU = 0.9  # of a mask with its simplified polygons; below, as for the smallest ones, they are exact


class LabelmeWriter(DataSetWriter):
    """``labelme/<image>`` and ``labelme/<image>.json``, and ``labelme/labels.txt`` with the classes.

    Polygons follow the mask to a pixel. The polygons of an instance of several parts share a group_id.
    """

    own_folder = "labelme"
    kind = labelme.LabelmeWriter

    def rings(self, mask):
        """Return polygons that cover about a mask, see simple_rings."""
        return simple_rings(mask)


def simple_rings(mask):
    """Return polygons, each [K, (x, y)], that cover about a mask [H, W] bool with few corners.

    Each is one part of the mask. A bridge that encloses nothing leads to holes.
    """
    exact = parts(mask)
    simple = [one_ring([_simplified(ring) for ring in part]) for part in exact]
    found = rasterize(Rings(tuple(simple)), mask.shape)
    if (found & mask).sum() >= _LEAST_IOU * (found | mask).sum():
        return simple
    return [one_ring(part) for part in exact]


def _simplified(ring):
    """Return a ring with fewer corners, or itself if too little would be left of it."""
    simple = cv2.approxPolyDP(ring.astype(np.float32)[:, None], _TOLERANCE, closed=True)[:, 0]
    return simple.astype(np.float64) if len(simple) > 2 else ring
