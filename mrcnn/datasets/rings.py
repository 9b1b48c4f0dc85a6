"""Rings of points: what is one, what has an area, and what of it can lie in an image."""

import numpy as np

_NO_RING = "a ring is pairs of finite numbers x, y"
FARTHEST = 1e7  # pixels; a larger coordinate is damage, and its square still has all its digits
_NEAR = 1000  # pixels around an image that a ring may always reach
_FLAT = 1e-9  # area over squared extent; rounding leaves up to 1e-12 to points on a line


def ring(points):
    """Return an array [K, (x, y)] for ``shapes.Rings``, or None for a ring without area.

    points: K pairs (x, y), or 2 K numbers x, y, x, y, ... Raises ValueError for anything else.
    """
    try:
        points = np.asarray(points)
    except ValueError as error:  # lists of several lengths
        raise ValueError(_NO_RING) from error
    pairs = points.size % 2 == 0 if points.ndim == 1 else points.ndim == 2 and points.shape[1] == 2
    if not pairs or (points.size and points.dtype.kind not in "fiu"):
        raise ValueError(_NO_RING)
    return rings([np.ascontiguousarray(points, np.float64).ravel()])[0]


def rings(flat):
    """Return ``ring`` of each of many, in a fraction of the time.

    flat: arrays of float64, of NumPy or of the module array, each x, y, x, y, ...
    The results share one buffer. Raises ValueError if any is no ring.
    """
    lengths = np.array([len(points) for points in flat], np.int64)
    points = np.frombuffer(b"".join(flat), np.float64)
    if (lengths % 2).any() or not np.isfinite(points).all():
        raise ValueError(_NO_RING)
    if np.abs(points).max(initial=0) > FARTHEST:
        raise ValueError(f"a ring has no coordinate beyond {FARTHEST:,.0f}")
    points = points.reshape(-1, 2)
    ends = np.cumsum(lengths // 2)
    starts = ends - lengths // 2
    has_area = _have_area(points, starts, ends)
    return [
        points[start:end] if kept else None
        for start, end, kept in zip(starts.tolist(), ends.tolist(), has_area.tolist())
    ]


def each_ring(flat):
    """Iterate over ``rings``. If one is no ring, ValueError is raised in its turn, and not before."""
    try:
        return iter(rings(flat))
    except ValueError:
        return map(ring, flat)


def _have_area(points, starts, ends):
    """Return for each ring points[start:end] whether it has at least three points and an area."""
    found = np.zeros(len(starts), bool)
    filled = ends - starts >= 1  # reduceat cannot sum nothing
    if not filled.any():
        return found
    first, counts = starts[filled], (ends - starts)[filled]
    following = np.arange(1, len(points) + 1)
    following[ends[filled] - 1] = first
    # From each ring's first point, so that far rings lose no digits.
    x, y = (points - np.repeat(points[first], counts, axis=0)).T
    areas = np.abs(np.add.reduceat(x * y[following] - x[following] * y, first)) / 2
    extents = np.maximum.reduceat(np.maximum(np.abs(x), np.abs(y)), first)
    found[filled] = (counts >= 3) & (areas > _FLAT * extents**2)
    return found


def near(points, size):
    """Return the part of a ring that is at most an image's length away from the image (height, width).

    The rasteriser walks along each edge, so one to a far point would take its time and memory. A ring that
    is near is returned as it is.
    """
    height, width = size
    for axis, side in ((0, width), (1, height)):
        margin = max(side, _NEAR)
        for sign, bound in ((1, side + margin), (-1, margin)):
            if len(points) and (sign * points[:, axis]).max() > bound:
                points = _cut(points, axis, sign, bound)
    return points


def _cut(points, axis, sign, bound):
    """Return the part of a ring where sign * coordinate <= bound (Sutherland and Hodgman)."""
    following = np.roll(points, -1, axis=0)
    here, there = sign * points[:, axis], sign * following[:, axis]
    crossing = (here <= bound) != (there <= bound)
    share = (bound - here[crossing]) / (there - here)[crossing]
    cuts = points[crossing] + share[:, None] * (following - points)[crossing]
    cuts[:, axis] = sign * bound
    order = np.concatenate([np.flatnonzero(here <= bound), np.flatnonzero(crossing) + 0.5])
    return np.concatenate([points[here <= bound], cuts])[np.argsort(order)]
