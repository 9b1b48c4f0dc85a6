"""Trace masks: polygons along the edges of pixels, which COCO's rule turns into the same mask again."""

import cv2
import numpy as np

_COMPARED = 1000  # corners of a ring among which the nearest is looked for


def outlines(mask):
    """Return the rings around the pixels of a mask [H, W] bool, each an array [K, (x, y)] of corners.

    Rings run clockwise on the screen around pixels that touch along edges, and the other way around holes.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return []
    top, left = rows[0], columns[0]
    following = _edges(mask[top : rows[-1] + 1, left : columns[-1] + 1])
    rings = []
    while following:
        ring = _follow(following, next(iter(following)))
        rings.append(np.add(ring, (left, top)))
    return rings


def is_hole(ring):
    """Return whether a ring of ``outlines`` runs around a hole."""
    x, y = ring.T
    return np.dot(x, np.roll(y, -1)) < np.dot(y, np.roll(x, -1))


def parts(mask):
    """Return a list for each part of a mask whose pixels touch along edges: its outline, then its holes.

    Each is a ring as of ``outlines``.
    """
    _, labels = cv2.connectedComponents(np.asarray(mask, np.uint8), connectivity=4)
    found = {}
    for ring in outlines(mask):
        found.setdefault(labels[_pixel_at(ring)], []).append(ring)
    return [sorted(rings, key=is_hole) for rings in found.values()]


def _pixel_at(ring):
    """Return (row, column) of the pixel on the right of a ring's first edge: it is of the mask."""
    (x, y), (along_x, along_y) = ring[0], np.sign(ring[1] - ring[0])
    return int(y + (along_y + along_x - 1) / 2), int(x + (along_x - along_y - 1) / 2)


def one_ring(rings):
    """Return a single ring with the same pixels as some rings, or None without rings.

    A bridge leads from each ring to the next, where they are near. It is walked both ways, so that it
    encloses nothing, and holes remain holes: COCO's rule counts how often outlines are crossed.
    """
    if len(rings) < 2:
        return rings[0] if rings else None
    entry, outward, homeward = 0, [], []
    for ring, following in zip(rings, [*rings[1:], None]):
        ring = np.roll(ring, -entry, axis=0)
        leave, entry = (0, 0) if following is None else _nearest(ring, following)
        outward.append(ring[: leave + 1])
        homeward.append(np.concatenate([ring[leave:], ring[:1]]))
    return np.concatenate([*outward, *homeward[::-1]])


def _nearest(one, other):
    """Return the indices of a corner of one ring and one of another that are near each other."""
    strides = [1 + len(ring) // _COMPARED for ring in (one, other)]
    a, b = (ring[::stride] for ring, stride in zip((one, other), strides))
    distances = np.square(a[:, None] - b[None]).sum(axis=2)
    here, there = np.unravel_index(distances.argmin(), distances.shape)
    return int(here) * strides[0], int(there) * strides[1]


def _edges(mask):
    """Return {corner: ends of the edges that begin there}, pixels of the mask being on their right."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    following = {}
    # The side of a pixel at which its neighbour is not of the mask, and the ends of that side.
    for neighbour, first, second in (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (0, 1)),
        (padded[1:-1, :-2], (0, 1), (0, 0)),
    ):
        y, x = np.nonzero(inside & ~neighbour)
        starts = zip((x + first[0]).tolist(), (y + first[1]).tolist())
        ends = zip((x + second[0]).tolist(), (y + second[1]).tolist())
        for start, end in zip(starts, ends):
            following.setdefault(start, []).append(end)
    return following


def _follow(following, start):
    """Take the edges of one ring out of ``following`` and return its corners."""
    corners, here, direction = [], start, None
    while True:
        ends = following[here]
        end = _turn_right(here, direction, ends) if len(ends) > 1 and direction else ends[0]
        ends.remove(end)
        if not ends:
            del following[here]
        step = end[0] - here[0], end[1] - here[1]
        if step != direction:
            corners.append(here)
        here, direction = end, step
        if here == start:
            return np.array(corners, np.float64)


def _turn_right(here, direction, ends):
    """Return the end that stays with the same pixel, where two pixels touch at a corner."""
    right = here[0] - direction[1], here[1] + direction[0]
    return right if right in ends else ends[0]
