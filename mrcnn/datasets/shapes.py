"""Shapes of annotated instances, and the one place where they become masks.

An annotation file gives an instance as rings of points, as run lengths, or as a picture. A shape keeps what
the file says in little memory; ``rasterize`` makes the mask when needed. Polygons follow COCO's rule, that
of pycocotools' ``annToMask``: coordinates are continuous, and the centre of the first pixel is at (0.5, 0.5).
"""

import numpy as np
from faster_coco_eval.core import mask as rle

from mrcnn.datasets.images import ImageError, read_labels, read_mask, read_size
from mrcnn.datasets.rings import near, ring
from mrcnn.datasets.run_lengths import check
from mrcnn.datasets.shape_kinds import Patch, Picture, Rings, RunLengths, Shares, Union

__all__ = [
    "Patch", "Picture", "Rings", "RunLengths", "Shares", "Union",
    "ellipse", "encode", "is_beyond", "measure", "rasterize", "rectangle", "ring", "run_lengths", "size_of",
]  # fmt: skip

_ELLIPSE_POINTS = 180  # two degrees: within 0.02 % of the radius


def rectangle(x, y, width, height):
    """Return the Rings of a box, or None for one without area."""
    corners = ring([x, y, x + width, y, x + width, y + height, x, y + height])
    return None if corners is None else Rings((corners,))


def ellipse(x, y, radius_x, radius_y, angle=0.0):
    """Return the Rings of an ellipse, or None for one without area.

    x, y: centre. angle: in radians, clockwise on the screen from the x axis to the first radius.
    """
    turn = np.linspace(0, 2 * np.pi, _ELLIPSE_POINTS, endpoint=False)
    along, across = radius_x * np.cos(turn), radius_y * np.sin(turn)
    points = ring(
        np.stack(
            [
                x + along * np.cos(angle) - across * np.sin(angle),
                y + along * np.sin(angle) + across * np.cos(angle),
            ],
            axis=1,
        )
    )
    return None if points is None else Rings((points,))


def run_lengths(mask):
    """Return the RunLengths of a mask [H, W] bool."""
    return RunLengths(mask.shape, _encode_mask(mask)["counts"])


def size_of(shape):
    """Return the (height, width) of the image that a shape is made for, or None if any image could be it."""
    if isinstance(shape, RunLengths):
        return tuple(shape.size)
    return read_size(shape.path) if isinstance(shape, Picture) else None


def is_beyond(shape, size):
    """Return whether all points of a shape lie on one side of the image (H, W), outside it."""
    if not isinstance(shape, Rings | Shares):
        return False
    points = np.concatenate(shape.rings)
    (right, bottom), (left, top) = points.max(axis=0), points.min(axis=0)
    height, width = size if isinstance(shape, Rings) else (1, 1)
    return bool(right <= 0 or bottom <= 0 or left >= width or top >= height)


def rasterize(shape, size):
    """Return the mask [H, W] bool of a shape. What lies outside the image is cut.

    size: (H, W) of the image. Raises ImageError for run lengths or a picture of another size, and for
    damaged ones.
    """
    size = tuple(size)
    if type(shape) in _ENCODERS:
        return rle.decode(_ENCODERS[type(shape)](shape, size)).astype(bool)
    return _MASKS[type(shape)](shape, size)


def encode(shape, size):
    """Return the mask of a shape as COCO's compressed run lengths: bytes. See ``rasterize``."""
    return _encoded(shape, tuple(size))["counts"]


def measure(shape, size):
    """Return the box (y1, x1, y2, x2) of a shape's mask and its number of pixels; None and 0 without any.

    This is faster than ``rasterize``, which see, for polygons and run lengths.
    """
    encoded = _encoded(shape, tuple(size))
    area = int(rle.area(encoded))
    x, y, width, height = (int(side) for side in rle.toBbox(encoded))
    return ((y, x, y + height, x + width), area) if area else (None, 0)


def _encoded(shape, size):
    if type(shape) in _ENCODERS:
        return _ENCODERS[type(shape)](shape, size)
    return _encode_mask(_MASKS[type(shape)](shape, size))


def _encode_mask(mask):
    return rle.encode(np.asfortranarray(mask, np.uint8))


# Shapes that the library rasterises as run lengths


def _encode_rings(shape, size):
    parts = [near(points, size) for points in shape.rings]
    # Fewer than three points: the ring is too far away. The library takes four numbers for a box.
    flat = [points.ravel().tolist() for points in parts if len(points) >= 3]
    return rle.merge(rle.frPyObjects(flat, *size)) if flat else _encode_mask(np.zeros(size, bool))


def _encode_shares(shape, size):
    height, width = size
    return _encode_rings(Rings(tuple(points * (width, height) for points in shape.rings)), size)


def _encode_run_lengths(shape, size):
    _require_size(shape.size, size, "run lengths")
    try:
        check(shape.counts, size)
    except ValueError as error:
        raise ImageError(f"{error}.") from error
    return {"size": list(size), "counts": shape.counts}


# Shapes that are masks


def _picture(shape, size):
    mask = read_mask(shape.path) if shape.value is None else read_labels(shape.path) == shape.value
    _require_size(mask.shape, size, str(shape.path))
    return mask


def _patch(shape, size):
    mask = np.zeros(size, bool)
    y, x = shape.corner
    top, left = max(-y, 0), max(-x, 0)
    part = rasterize(shape.runs, shape.runs.size)
    seen = part[top : max(size[0] - y, 0), left : max(size[1] - x, 0)]
    mask[max(y, 0) :, max(x, 0) :][: seen.shape[0], : seen.shape[1]] = seen
    return mask


def _union(shape, size):
    return np.logical_or.reduce([rasterize(part, size) for part in shape.shapes])


def _require_size(found, wanted, what):
    if tuple(found) != tuple(wanted):
        raise ImageError(
            f"{what}: {found[1]} x {found[0]} pixels, but the image has {wanted[1]} x {wanted[0]}."
        )


_ENCODERS = {Rings: _encode_rings, Shares: _encode_shares, RunLengths: _encode_run_lengths}
_MASKS = {Picture: _picture, Patch: _patch, Union: _union}
