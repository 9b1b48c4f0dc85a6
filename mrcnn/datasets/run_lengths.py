"""COCO's run lengths, read with care: the library measures them without asking whether they fit.

Runs go down the columns and begin with the background. In their compressed form, each character holds five
bits of a number and whether more follow. From the fourth on, a number is the difference to the last but one.
"""

import numpy as np
from faster_coco_eval.core import mask as rle

_LONGEST = 7  # characters of a number: 35 bits


def compress(counts, size):
    """Return the compressed form, as bytes, of a list of run lengths.

    size: (height, width). Raises ValueError if they are not integers that cover the image.
    """
    try:
        counts = np.asarray(counts)
    except (ValueError, OverflowError) as error:
        raise ValueError("run lengths are a list of integers") from error
    if counts.ndim != 1 or counts.dtype.kind not in "iu" or not counts.size:
        raise ValueError("run lengths are a list of integers")
    _require_cover(counts, size)
    return rle.frPyObjects({"counts": counts.tolist(), "size": list(size)}, *size)["counts"]


def check(counts, size):
    """Raise ValueError unless compressed run lengths, bytes, are sound and cover an image (height, width)."""
    _require_cover(_decode(counts), size)


def _require_cover(counts, size):
    height, width = size
    if counts.min() < 0:
        raise ValueError("a run length is below zero")
    if counts.max() > height * width or counts.sum() != height * width:
        raise ValueError(f"run lengths do not cover their {width} x {height} pixels")


def _decode(counts):
    """Return the numbers in compressed run lengths as an array of int64. Raises ValueError."""
    parts = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    if not len(parts) or parts.min() < 0 or parts.max() > 63 or parts[-1] & 32:
        raise ValueError("compressed run lengths are damaged")
    ends = np.flatnonzero((parts & 32) == 0) + 1
    starts = np.concatenate([[0], ends[:-1]])
    lengths = ends - starts
    if lengths.max() > _LONGEST:
        raise ValueError("compressed run lengths are damaged")
    places = np.arange(len(parts)) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((parts & 31) << (5 * places), starts)
    numbers -= np.where(parts[ends - 1] & 16, 1 << (5 * lengths), 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
