"""Shapes of annotated instances, and the one place where they become masks.

An annotation file gives an instance as rings of points, as run lengths, or as a picture. A shape keeps what
the file says in little memory; ``rasterize`` makes the mask when needed. Polygons follow COCO's rule, that
of pycocotools' ``annToMask``: coordinates are continuous, and the centre of the first pixel is at (0.5, 0.5).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faster_coco_eval.core import mask as rle

from mrcnn.datasets.images import ImageError, read_labels, read_mask, read_size

_ELLIPSE_POINTS = 180  # two degrees: within 0.02 % of the radius


@dataclass(frozen=True, slots=True)
class Rings:
    """The union of closed rings, each an array [K, (x, y)] of pixels; K is at least 3."""

    rings: tuple


@dataclass(frozen=True, slots=True)
class RunLengths:
    """COCO's run lengths. size: (height, width). counts: compressed, as bytes."""

    size: tuple
    counts: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A mask file. value: None for all pixels above zero, or the pixel value of the one instance."""

    path: Path
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """A mask that covers a part of the image. corner: (y, x) of its first pixel in the image."""

    runs: RunLengths
    corner: tuple


@dataclass(frozen=True, slots=True)
class Union:
    """The union of other shapes."""

    shapes: tuple


def ring(points):
    """Return an array [K, (x, y)] for ``Rings``, or None for a ring without area.

    points: K pairs (x, y), or 2 K numbers x, y, x, y, ... Raises ValueError for anything else.
    """
    points = np.asarray(points, np.float64)
    pairs = points.size % 2 == 0 if points.ndim == 1 else points.ndim == 2 and points.shape[1] == 2
    if not pairs or not np.isfinite(points).all():
        raise ValueError("a ring is pairs of finite numbers x, y")
    points = points.reshape(-1, 2)
    x, y = points.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    return points if len(points) >= 3 and area > 0 else None


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
    encoded = rle.encode(np.asfortranarray(mask, np.uint8))
    return RunLengths(mask.shape, encoded["counts"])


def rasterize(shape, size):
    """Return the mask [H, W] bool of a shape. What lies outside the image is cut.

    size: (H, W) of the image. Raises ImageError for run lengths or a picture of another size.
    """
    return _RASTERIZERS[type(shape)](shape, tuple(size))


def size_of(shape):
    """Return the (height, width) of the image that a shape is made for, or None if any image could be it."""
    if isinstance(shape, RunLengths):
        return tuple(shape.size)
    return read_size(shape.path) if isinstance(shape, Picture) else None


def _rasterize_rings(shape, size):
    parts = rle.frPyObjects([ring.ravel().tolist() for ring in shape.rings], *size)
    return rle.decode(rle.merge(parts)).astype(bool)


def _rasterize_run_lengths(shape, size):
    _require_size(shape.size, size, "run lengths")
    return rle.decode({"size": list(shape.size), "counts": shape.counts}).astype(bool)


def _rasterize_picture(shape, size):
    mask = read_mask(shape.path) if shape.value is None else read_labels(shape.path) == shape.value
    _require_size(mask.shape, size, str(shape.path))
    return mask


def _rasterize_patch(shape, size):
    mask = np.zeros(size, bool)
    y, x = shape.corner
    top, left = max(-y, 0), max(-x, 0)
    part = _rasterize_run_lengths(shape.runs, shape.runs.size)
    seen = part[top : max(size[0] - y, 0), left : max(size[1] - x, 0)]
    mask[max(y, 0) :, max(x, 0) :][: seen.shape[0], : seen.shape[1]] = seen
    return mask


def _rasterize_union(shape, size):
    return np.logical_or.reduce([rasterize(part, size) for part in shape.shapes])


def _require_size(found, wanted, what):
    if tuple(found) != tuple(wanted):
        raise ImageError(
            f"{what}: {found[1]} x {found[0]} pixels, but the image has {wanted[1]} x {wanted[0]}."
        )


_RASTERIZERS = {
    Rings: _rasterize_rings,
    RunLengths: _rasterize_run_lengths,
    Picture: _rasterize_picture,
    Patch: _rasterize_patch,
    Union: _rasterize_union,
}
