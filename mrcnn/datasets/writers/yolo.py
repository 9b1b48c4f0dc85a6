"""Write YOLO's rows: one polygon an instance, with coordinates as shares of the image's sides."""

import numpy as np
import yaml
from faster_coco_eval.core import mask as rle

from mrcnn.datasets.shapes import Shares, encode
from mrcnn.datasets.writers.outlines import one_ring, outlines
from mrcnn.datasets.writers.writer import Writer
from mrcnn.files import write_text

_DIGITS = 9  # of a share: a thousandth of a pixel in the largest image


class YoloWriter(Writer):
    """``data.yaml``, ``images/<split>/`` and ``labels/<split>/``; without splits, all images are of train.

    An instance of several parts or with holes becomes one polygon with bridges that enclose nothing.
    """

    title = "YOLO"
    keeps_crowds = False

    def __init__(self, folder, classes, splits):
        super().__init__(folder, classes, splits)
        self._crowds, self._overlaps = 0, []

    def place(self, split, name, instances):
        """Return the path of an image in the folder of its split."""
        return [self.folder / "images" / (split or "") / name]

    def write(self, split, name, size, instances):
        """Write the rows of an image; a file without rows says that nothing is on it."""
        self._crowds += sum(instance.crowd for instance in instances)
        rows = [self._row(instance, size) for instance in instances if not instance.crowd]
        path = (self.folder / "labels" / (split or "") / name).with_suffix(".txt")
        write_text(path, "".join(f"{row}\n" for row in rows), durable=False)

    def finish(self):
        """Write data.yaml. Without a ``path``, its folders are relative to itself."""
        content = {split or "train": f"images/{split}" if split else "images" for split in self.splits}
        content["names"] = dict(enumerate(self.classes))
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        write_text(self.folder / "data.yaml", text, durable=False)

    def notes(self):
        """Return lines on the crowds, which the format has no word for, and on the worst polygon."""
        lines = []
        if self._crowds:
            lines.append(f"Crowd regions that are left out, so that they become background: {self._crowds}.")
        if self._overlaps:
            lines.append(f"The worst IoU of a polygon with its mask: {min(self._overlaps):.4f}.")
        if "val" not in self.splits:
            lines.append("Programs for YOLO want a split val, and these data have none.")
        return lines

    def _row(self, instance, size):
        """Return the row of an instance: the first of its polygons that gives the mask, or else the best."""
        best = (-1.0, "")
        runs = instance.runs
        for shares in _polygons(instance, size):
            overlap = _overlap(shares, runs)
            best = max(best, (overlap, " ".join(shares)), key=lambda found: found[0])
            if overlap == 1:
                break
        self._overlaps.append(best[0])
        return f"{instance.class_id} {best[1]}"


def _polygons(instance, size):
    """Yield polygons of an instance as texts of shares: as it was drawn, more exactly, and traced."""
    sides = np.array([size[1], size[0]], np.float64)
    rings = instance.rings or ()
    if len(rings) == 1 and rings[0].min() >= 0 and (rings[0] <= sides).all():  # others refuse what is outside
        yield _short(rings[0] / sides)
        exact = rings[0] / sides
        # Rounding must not take a point below the coordinate at which a pixel begins.
        exact = np.where(exact * sides < rings[0], np.nextafter(exact, 2), exact)
        yield [repr(share) for share in exact.ravel().tolist()]
    yield _short(one_ring(outlines(instance.mask)) / sides)


def _short(shares):
    return [f"{share:.{_DIGITS}g}" for share in shares.ravel().tolist()]


def _overlap(shares, runs):
    """Return the IoU of RunLengths with the polygon of shares as text."""
    points = np.array(shares, np.float64).reshape(-1, 2)
    size = list(runs.size)
    found, wanted = ({"size": size, "counts": c} for c in (encode(Shares((points,)), size), runs.counts))
    return float(rle.iou([found], [wanted], [0])[0, 0])
