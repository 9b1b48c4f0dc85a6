"""Find photographs that are equal or nearly so: copies, other sizes or qualities of one, frames of a burst.

A photograph is compared by its thumbnail of 16 x 16 grey values, whose correlation with another one does not
depend on brightness and contrast. Legend: N photographs, S = SIDE.
"""

import contextlib

import numpy as np
from PIL import Image

SIDE = 16
# On 251 photographs: copies at half size, at JPEG quality 20 or 1.3 times as bright correlate by 0.95
# or more, and so do those of 51 scenes with margins of two percent cut off. Other photographs of one table
# reach 0.95 once in 153 pairs; those of different scenes reach 0.62, and of nuclei 0.52.
LEAST_CORRELATION = 0.95
FLAT = 2.0  # standard deviation of a thumbnail below which there is nothing to compare
_REDUCED = 8 * SIDE  # a JPEG is decoded at this size or the next larger one that costs less than the full one
_BLOCK = 512  # rows of the matrix of correlations in memory at a time


def thumbnail(image):
    """Return the thumbnail [S, S] uint8 of an image [H, W, 3] uint8."""
    return _reduce(Image.fromarray(np.asarray(image, np.uint8)))


def read_thumbnail(path):
    """Return the thumbnail [S, S] uint8 of an image file, decoded only as far as needed, or None.

    None means that the file cannot be read. The pixels are taken as stored.
    """
    # Pillow's readers raise errors of many kinds for damaged files; other code reports these files.
    with contextlib.suppress(Exception), Image.open(path) as image:
        image.draft("RGB", (_REDUCED, _REDUCED))
        return _reduce(image)
    return None


def similar_groups(thumbnails):
    """Return groups of near-equal photographs, each a list of two or more positions in ascending order.

    thumbnails: N arrays [S, S], or None for a photograph that is in no group, as flat ones are. A group is
    closed: a photograph that is similar to one of its members belongs to it.
    """
    numbers = [i for i, found in enumerate(thumbnails) if found is not None and np.std(found) >= FLAT]
    if not numbers:
        return []
    vectors = np.stack([thumbnails[i] for i in numbers]).reshape(len(numbers), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [(numbers[i], numbers[j]) for i, j in _close_pairs(vectors)]
    return join(pairs)


def join(pairs):
    """Return the groups that pairs of numbers form: numbers that are connected belong to one group."""
    root = {}

    def find(number):
        while root.setdefault(number, number) != number:
            root[number] = root[root[number]]
            number = root[number]
        return number

    for first, second in pairs:
        low, high = sorted((find(first), find(second)))
        root[high] = low
    groups = {}
    for number in sorted(root):
        groups.setdefault(find(number), []).append(number)
    return list(groups.values())


def _close_pairs(vectors):
    """Yield the pairs (i, j), i < j, of unit vectors [N, S * S] that correlate enough."""
    for start in range(0, len(vectors), _BLOCK):
        products = vectors[start : start + _BLOCK] @ vectors[start:].T
        for row, column in zip(*np.nonzero(products >= LEAST_CORRELATION)):
            if row < column:
                yield start + int(row), start + int(column)


def _reduce(image):
    grey = image.convert("RGB").convert("L")
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX))
