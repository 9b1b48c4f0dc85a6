"""Tiled: the tiles of a data set's images, with the interface of a data set."""

import numpy as np

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.subset import Subset
from mrcnn.pipeline.errors import DataError
from mrcnn.pipeline.grid import OVERLAP, tile_boxes

# A piece of an instance that shows less of it, and covers less of the tile, is no example of the class.
_LEAST_SEEN = 0.2


def tiled(dataset, config):
    """Return the data set that training reads: the tiles of TILE pixels, or the whole images without TILE."""
    return dataset if config.TILE is None else Tiled(dataset, config.TILE)


class Tiled(Subset):
    """The tiles of all images of a prepared Dataset, at full resolution, under the ids 0, 1, ...

    whole: the data set. side: of the tiles in pixels. overlap: share of a side that neighbours have in
    common. boxes: the box (y1, x1, y2, x2) of each tile in its image; None for an image whose size cannot be
    read, which load_image then reports. ``positions`` holds the tiles' image ids in the whole.

    Instances are cut at the tiles' borders. Pieces that show little of an instance are crowds: training
    counts them neither as an object nor as background.
    """

    def __init__(self, whole, side, overlap=OVERLAP):
        drawn = draws_its_images(whole)
        places = [
            (image_id, box) for image_id in whole.image_ids
            for box in _boxes(whole, image_id, side, overlap, drawn)
        ]  # fmt: skip
        super().__init__(whole, [image_id for image_id, _ in places], whole.faults)
        self.boxes = [box for _, box in places]

    def load_image(self, image_id):
        """Load the pixels of a tile, [h, w, 3] uint8."""
        image = self.whole.load_image(self.positions[image_id])
        box = self.boxes[image_id]
        return image if box is None else np.ascontiguousarray(_cut(image, box))

    def image_size(self, image_id):
        """Return (height, width) of a tile."""
        y1, x1, y2, x2 = self.boxes[image_id]
        return y2 - y1, x2 - x1

    def load_mask(self, image_id):
        """Load the pieces of instances in a tile: masks [h, w, N] bool and class ids [N] int32."""
        box = self.boxes[image_id]
        if box is None:
            return self.whole.load_mask(self.positions[image_id])
        masks, class_ids, areas = self.whole.load_mask_within(self.positions[image_id], box)
        seen = masks.sum(axis=(0, 1))
        little = (seen < _LEAST_SEEN * areas) & (seen < _LEAST_SEEN * masks.shape[0] * masks.shape[1])
        return masks, np.where(little, -np.abs(class_ids), class_ids).astype(np.int32)


def draws_its_images(dataset):
    """Return whether a data set loads images in a way of its own, so that no header has their size."""
    while isinstance(dataset, Subset):
        dataset = dataset.whole
    return type(dataset).load_image is not Dataset.load_image


def _boxes(whole, image_id, side, overlap, drawn):
    """Return the boxes of an image's tiles; [None] if it cannot be read."""
    try:
        size = whole.load_image(image_id).shape[:2] if drawn else whole.image_size(image_id)
    except (DataError, OSError):
        return [None]
    return tile_boxes(*size, side, overlap)


def _cut(image, box):
    y1, x1, y2, x2 = box
    return image[y1:y2, x1:x2]
