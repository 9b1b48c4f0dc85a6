"""Divide units of images into two sides so that each class is spread by the same share.

The method is iterative stratification (Sechidis et al. 2011): the rarest class is divided first, because
later decisions can mend an unequal number of images, but not of a class with few.
"""

import numpy as np


def stratify(classes, sizes, share, rng):
    """Return the numbers of the units to set aside, in ascending order.

    classes: [units, classes], the images of a unit that show the class. sizes: [units], the images of a unit.
    share: of the images, above 0 and below 1. rng: a NumPy Generator that breaks ties. There are two units or
    more, and each side gets at least one.
    """
    shares = np.array([1 - share, share])
    wanted = shares[:, None] * classes.sum(axis=0)  # [sides, classes], what each side still wants
    room = shares * sizes.sum()  # [sides], images
    side_of = np.full(len(sizes), -1)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]  # large units are hard to place: first
    while (side_of < 0).any():
        left = order[side_of[order] < 0]
        rarest = _rarest(classes[left])
        for unit in left if rarest is None else left[classes[left, rarest] > 0]:
            side = _side(room if rarest is None else wanted[:, rarest], room, rng)
            side_of[unit] = side
            wanted[side] -= classes[unit]
            room[side] -= sizes[unit]
    return _both_filled(side_of, classes, sizes)


def _rarest(classes):
    """Return the class with the fewest images, but some, or None."""
    totals = classes.sum(axis=0)
    return int(np.argmin(np.where(totals > 0, totals, np.inf))) if totals.any() else None


def _side(wanted, room, rng):
    """Return the side that wants a unit most; of equals the one with more room, else by chance."""
    for amounts in (wanted, room):
        if not np.isclose(amounts[0], amounts[1]):
            return int(np.argmax(amounts))
    return int(rng.integers(2))


def _both_filled(side_of, classes, sizes):
    """Return the units of side 1; an empty side gets the smallest unit whose classes the other keeps."""
    for side in (0, 1):
        if not (side_of == side).any():
            others = classes.sum(axis=0) - classes
            loses = ((classes > 0) & (others == 0)).sum(axis=1)
            side_of[np.lexsort((sizes, loses))[0]] = side
    return [int(unit) for unit in np.flatnonzero(side_of == 1)]
