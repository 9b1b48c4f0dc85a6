"""The shapes of the VGG Image Annotator: objects with a name in VIA 1 and 2, lists of numbers in VIA 3.

Both give (shape, None), or (None, kind of fault) for a region that outlines nothing.
"""

import numpy as np

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.fields import ADVICE, coordinates, field, number
from mrcnn.datasets.shapes import Rings, ellipse, rectangle, ring


def shape_of(record, where):
    """Return the shape of a region of VIA 1 or 2. record: its ``shape_attributes``. Raises DatasetError."""
    name = field(record, "name", str, where)
    if name in ("point", "line"):
        return None, "no_shape"
    if name not in _NAMED:
        raise DatasetError(f"{where}: no shape of VIA is called {name!r:.40}; {ADVICE}.")
    return _checked(_NAMED[name](record, where))


def shape_of_numbers(numbers, where):
    """Return the shape of a region of VIA 3. numbers: a code and coordinates. Raises DatasetError."""
    code, values = numbers[0], coordinates(numbers[1:], where)
    if code in (1, 5):  # point, line
        return None, "no_shape"
    if not isinstance(code, int) or isinstance(code, bool) or code not in _CODED:
        raise DatasetError(f"{where}: no shape of VIA has the code {code!r:.40}; {ADVICE}.")
    build, lengths = _CODED[code]
    if (lengths and len(values) not in lengths) or (len(values) % 2 and not lengths):
        raise DatasetError(f"{where}: a shape of code {code} has {len(values)} numbers; {ADVICE}.")
    return _checked(build(values))


def _checked(shape):
    return (shape, None) if shape is not None else (None, "ring")


def _polygon(points):
    points = ring(points)
    return None if points is None else Rings((points,))


def _named_polygon(record, where):
    x, y = (
        coordinates(field(record, name, list, where), f"{where}: {name!r}")
        for name in ("all_points_x", "all_points_y")
    )
    if len(x) != len(y):
        raise DatasetError(f"{where}: {len(x)} points have an x and {len(y)} a y; {ADVICE}.")
    return _polygon(np.stack([x, y], axis=1))


def _named_rectangle(record, where):
    return rectangle(*(number(record, name, where) for name in ("x", "y", "width", "height")))


def _named_circle(record, where):
    return _circle([number(record, name, where) for name in ("cx", "cy", "r")])


def _named_ellipse(record, where):
    sides = [number(record, name, where) for name in ("cx", "cy", "rx", "ry")]
    return ellipse(*sides, number(record, "theta", where, 0.0))


def _circle(values):
    return ellipse(*values, values[-1])


def _box_around(values):
    x, y = values[::2], values[1::2]
    return rectangle(x.min(), y.min(), np.ptp(x), np.ptp(y))


def _circle_through(values):
    """Return the circle through three points x, y, or None if they lie on a line."""
    a, b, c = values.reshape(3, 2)
    sides = 2 * np.stack([b - a, c - a])
    if abs(np.linalg.det(sides)) < 1e-9:
        return None
    centre = np.linalg.solve(sides, [b @ b - a @ a, c @ c - a @ a])
    return _circle([*centre, np.hypot(*(a - centre))])


_NAMED = {
    "polygon": _named_polygon,
    "polyline": _named_polygon,
    "rect": _named_rectangle,
    "circle": _named_circle,
    "ellipse": _named_ellipse,
}
# Code: what makes the shape of its numbers, and how many there may be; () for any number of points.
_CODED = {
    2: (lambda values: rectangle(*values), (4,)),
    3: (_circle, (3,)),
    4: (lambda values: ellipse(*values), (4, 5)),
    6: (_polygon, ()),
    7: (_polygon, ()),
    8: (_box_around, (8,)),  # drawn by the outermost points of the object
    9: (_circle_through, (6,)),
}
