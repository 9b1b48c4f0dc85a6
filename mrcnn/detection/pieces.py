"""Detections as pieces of one photograph: where each lies, what its tile sees, and where a border cuts it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_INWARD = np.array([1, 1, -1, -1])  # makes the sides of a box greater the further inward they are
_MARGIN = 0.01  # of a tile's side: boxes of cut objects end up to this far from the tile's border


@dataclass
class Piece:
    """A detection in pixels of the photograph.

    place: [(y1, x1, y2, x2)] of its tile. box: [(y1, x1, y2, x2)]. crop: its mask in its box. cut: for each
    side of the box, whether a border within the photograph cuts the object there.
    """

    place: np.ndarray
    box: np.ndarray
    crop: np.ndarray
    class_id: int
    score: float
    cut: np.ndarray

    @cached_property
    def area(self):
        """The number of pixels of the mask."""
        return np.count_nonzero(self.crop)

    def within(self, box):
        """Return the part of the mask that lies in a box, which may be anywhere."""
        y1, x1, y2, x2 = intersection(self.box, box) - np.tile(self.box[:2], 2)
        return self.crop[y1 : max(y1, y2), x1 : max(x1, x2)]

    def lies_in(self, places):
        """Return for each of ``places`` [..., 4] whether all of the box lies in it."""
        return ((self.box * _INWARD) >= (places * _INWARD)).all(axis=-1)

    def goes_on_in(self, places):
        """Return for each of ``places`` [..., 4] and each side whether it sees on where a border cuts."""
        return self.cut & (places * _INWARD < self.place * _INWARD)


def pieces_of(found, place, size):
    """Return the Pieces of the Detections of a part. place: its box. size: that of the photograph."""
    place = np.array(place)
    boxes = np.asarray(found.rois, int).reshape(-1, 4) + np.tile(place[:2], 2)
    cut = sides_cut(boxes, place, [0, 0, *size])
    return [Piece(place, *values) for values in zip(boxes, found.crops, found.class_ids, found.scores, cut)]


def sides_cut(boxes, place, ends):
    """Return which sides of ``boxes`` [N, 4] a border of their tile cuts, [N, 4] bool.

    place: the box of the tile. ends: that of the whole, whose borders cut nothing.
    """
    place = np.asarray(place)
    margin = int(_MARGIN * max(place[2:] - place[:2]))
    return (np.abs(boxes - place) <= margin) & (place != ends)


def shared_pixels(one, other):
    """Return the number of pixels in the masks of both pieces."""
    return np.count_nonzero(one.within(other.box) & other.within(one.box))


def intersection(one, other):
    """Return the box that two boxes have in common; without one, its far edges lie before the near ones."""
    return np.concatenate([np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])])


def meet(one, other):
    """Return which boxes [..., 4] have pixels in common."""
    low = np.maximum(one[..., :2], other[..., :2])
    return (low < np.minimum(one[..., 2:], other[..., 2:])).all(axis=-1)
