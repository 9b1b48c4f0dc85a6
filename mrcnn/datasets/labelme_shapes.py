"""The shapes of labelme."""

import base64
import binascii
import io

import numpy as np

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.fields import ADVICE, coordinates, field, of_kind
from mrcnn.datasets.images import ImageError, read_mask
from mrcnn.datasets.shapes import Patch, Rings, Union, ellipse, rectangle, ring, run_lengths

_OUTLINE_NOTHING = ("line", "linestrip", "point", "points")


def shape_of(record, where):
    """Return (shape, None) of a record of labelme, or (None, kind of fault). Raises DatasetError."""
    kind = field(record, "shape_type", str, where, "polygon")
    if kind in _OUTLINE_NOTHING:
        return None, "no_shape"
    if kind not in _KINDS:
        raise DatasetError(f"{where}: no shape of labelme is a {kind!r:.40}; {ADVICE}.")
    build, counts = _KINDS[kind]
    points = field(record, "points", list, where)
    pairs = [coordinates(point, f"{where}: 'points'") for point in points]
    if any(len(pair) != 2 for pair in pairs):
        raise DatasetError(f"{where}: not every point has an x and a y; {ADVICE}.")
    if counts and len(pairs) not in counts:
        raise DatasetError(f"{where}: a {kind} has {len(pairs)} points; {ADVICE}.")
    shape = build(np.array(pairs, np.float64).reshape(-1, 2), record, where)
    return (shape, None) if shape is not None else (None, "ring")


def joined(shapes):
    """Return the union of shapes as one shape."""
    if len(shapes) == 1:
        return shapes[0]
    if all(isinstance(shape, Rings) for shape in shapes):
        return Rings(tuple(ring for shape in shapes for ring in shape.rings))
    return Union(tuple(shapes))


def _polygon(points, record, where):
    points = ring(points)
    return None if points is None else Rings((points,))


def _rectangle(points, record, where):
    return rectangle(*points.min(axis=0), *np.ptp(points, axis=0))


def _circle(points, record, where):
    """Return a circle of its centre and a point on the rim."""
    centre, rim = points
    radius = np.hypot(*(rim - centre))
    return ellipse(*centre, radius, radius)


def _mask(points, record, where):
    """Return the Patch of a mask, whose points are the first and the last pixel of its box."""
    picture = of_kind(record.get("mask"), (str,), f"{where}: 'mask'")
    try:
        mask = read_mask(io.BytesIO(base64.b64decode(picture)))
    except (ImageError, binascii.Error) as error:
        raise DatasetError(f"{where}: 'mask' is no picture; {ADVICE}.") from error
    first, last = np.round(points).astype(int)
    width, height = last - first + 1
    if abs(mask.shape[0] - height) > 1 or abs(mask.shape[1] - width) > 1:
        raise DatasetError(
            f"{where}: its mask has {mask.shape[1]} x {mask.shape[0]} pixels, but its points are the corners "
            f"of {width} x {height}; {ADVICE}."
        )
    return Patch(run_lengths(mask), (int(first[1]), int(first[0]))) if mask.any() else None


# What makes the shape of its points, and how many there may be; () for any number.
_KINDS = {
    "polygon": (_polygon, ()),
    "rectangle": (_rectangle, (2, 4)),
    "oriented_rectangle": (_polygon, (4,)),
    "rotation": (_polygon, (4,)),
    "circle": (_circle, (2,)),
    "mask": (_mask, (2,)),
}
