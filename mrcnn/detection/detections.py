"""The detections of one image, with each mask stored in its box alone."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from mrcnn.datasets import run_lengths

KEYS = ("rois", "class_ids", "scores", "masks")


@dataclass(frozen=True)
class Detections(Mapping):
    """What was found in an image, by decreasing score; N: detections.

    size: (height, width) of the image. rois: [N, (y1, x1, y2, x2)] int32 pixels, within the image, with area.
    class_ids: [N] int32. scores: [N] float32. crops: N masks, each [y2 - y1, x2 - x1] bool, of its box.

    It is also a mapping with the keys and values of the dict that ``MaskRCNN.detect`` returns: "masks" are
    [H, W, N] bool, created at each access. A hundred masks of a photograph of 12 megapixels take 1.2 GB,
    their crops as much as the objects' boxes have pixels.
    """

    size: tuple
    rois: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    crops: list

    @classmethod
    def of(cls, result):
        """Return the Detections of a dict like that of MaskRCNN.detect, with its masks cut at their boxes."""
        boxes = np.asarray(result["rois"], np.int32).reshape(-1, 4)
        crops = [result["masks"][y1:y2, x1:x2, i] for i, (y1, x1, y2, x2) in enumerate(boxes)]
        size = tuple(result["masks"].shape[:2])
        return cls(size, boxes, np.asarray(result["class_ids"]), np.asarray(result["scores"]), crops)

    def __getitem__(self, key):
        if key not in KEYS:
            raise KeyError(key)
        return self.masks() if key == "masks" else getattr(self, key)

    def __iter__(self):
        return iter(KEYS)

    def __len__(self):
        return len(KEYS)

    def masks(self):
        """Return the masks in the image, [H, W, N] bool, a view in which each mask is contiguous."""
        # Writing masks interleaved takes ten times as long.
        masks = np.zeros((len(self.crops), *self.size), bool)
        for mask, (y1, x1, y2, x2), crop in zip(masks, self.rois, self.crops):
            mask[y1:y2, x1:x2] = crop
        return np.moveaxis(masks, 0, -1)

    def areas(self):
        """Return the number of pixels of each mask, [N] int."""
        return np.array([np.count_nonzero(crop) for crop in self.crops], int)

    def run_lengths(self):
        """Return the masks as COCO's compressed run lengths: [{"size": [H, W], "counts": text}].

        It is the same list at each call: several output formats share it.
        """
        return self._run_lengths

    @functools.cached_property
    def _run_lengths(self):
        size = [int(side) for side in self.size]
        return [
            {"size": size, "counts": run_lengths.compress(_counts(crop, box, size), size).decode()}
            for box, crop in zip(self.rois, self.crops)
        ]


def _counts(crop, box, size):
    """Return the run lengths, down the columns of the image, of a mask that is empty outside its box."""
    height, width = size
    top, left, bottom, _ = (int(side) for side in box)
    rows = bottom - top
    framed = np.zeros((crop.shape[1], rows + 2), np.uint8)  # a column of the image in each row
    framed[:, 1:-1] = cv2.transpose(np.ascontiguousarray(crop).view(np.uint8))
    column, row = np.divmod(np.flatnonzero(framed[:, 1:] != framed[:, :-1]), rows + 1)
    changes = (left + column) * height + top + row  # a start and an end in turn
    if rows == height:  # a run goes on at the top of the next column
        joined = np.flatnonzero(changes[1:-1:2] == changes[2::2]) * 2 + 1
        changes = np.delete(changes, [joined, joined + 1])
    counts = np.diff(changes, prepend=0, append=height * width)
    return counts[:-1] if len(counts) > 1 and counts[-1] == 0 else counts
