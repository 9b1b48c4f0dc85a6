"""The values in COCO's JSON: each is checked, and a fault is a ValueError that says what is wrong.

A file of COCO's size has 40 million numbers. ``pack`` packs each annotation as soon as it is parsed, so that
few of the numbers are Python's objects at one time.
"""

import unicodedata
from array import array
from typing import NamedTuple

from mrcnn.datasets import run_lengths
from mrcnn.datasets.shapes import RunLengths
from mrcnn.files import json_kind

_MOST_PIXELS = 1 << 31


class Packed(NamedTuple):
    """An annotation. segmentation: a tuple of arrays of float64, if it is rings, or else as it stands."""

    id: object
    image_id: object
    category_id: object
    iscrowd: object
    segmentation: object


def pack(entry):
    """Return an object of the file, a dict, or what it becomes: Packed for an annotation of rings.

    Objects with anything unexpected stay as they are, for ``unpacked`` to complain.
    """
    try:
        if type(entry.get("counts")) is list:
            entry["counts"] = array("q", entry["counts"])
        elif type(entry.get("segmentation")) is list and "image_id" in entry:
            return _packed(entry, tuple([array("d", points) for points in entry["segmentation"]]))
    except (TypeError, OverflowError):
        pass
    return entry


def unpacked(entry):
    """Return the Packed of an entry of the list of annotations. Raises ValueError."""
    if type(entry) is Packed:
        return entry
    return _packed(object_of(entry), entry.get("segmentation"))


def _packed(entry, segmentation):
    get = entry.get
    return Packed(get("id"), get("image_id"), get("category_id"), get("iscrowd"), segmentation)


def object_of(entry):
    """Return an entry that must be an object. Raises ValueError."""
    if not isinstance(entry, dict):
        raise ValueError(f"is {json_kind(entry)} instead of an object")
    return entry


def key_of(value, name):
    """Return an id as text, equal for 7, 7.0 and "7". name: its key, for messages. Raises ValueError."""
    if type(value) is int:
        return str(value)
    if type(value) is str and value:
        return value
    if type(value) is float and value.is_integer():
        return str(int(value))
    raise ValueError(f"has no {name}" if value is None else f"has {value!r:.40} as {name}")


def text_of(entry, name):
    """Return a text of an entry, without control characters. Raises ValueError."""
    text = entry.get(name)
    if type(text) is not str or not text.strip():
        raise ValueError(f"has no {name}" if text in (None, "") else f"has {text!r:.40} as {name}")
    if not text.isprintable() and any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise ValueError(f"has {text!r:.80} as {name}, which holds characters that cannot be shown")
    return text


def size_of(entry):
    """Return (height, width) of an image, or None if they are absent or 0. Raises ValueError."""
    sides = []
    for name in ("height", "width"):
        side = entry.get(name) or 0
        if type(side) is float and side.is_integer():
            side = int(side)
        if type(side) is not int or side < 0:
            raise ValueError(f"has {side!r:.40} as {name}")
        sides.append(side)
    return tuple(sides) if all(sides) else None


def is_crowd(value):
    """Return whether an annotation is a crowd. Raises ValueError."""
    if value not in (None, 0, 1):
        raise ValueError(f"has {value!r:.40} as iscrowd, which is 0 or 1")
    return bool(value)


def run_lengths_of(segmentation):
    """Return the RunLengths of a segmentation that is an object. Raises ValueError."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if type(size) is not list or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        raise ValueError(f"has run lengths of the size {size!r:.40}, which is [height, width]")
    if size[0] * size[1] > _MOST_PIXELS:
        raise ValueError(f"has run lengths for {size[1]} x {size[0]} pixels, more than can be meant")
    if type(counts) is array:
        try:
            return RunLengths(tuple(size), run_lengths.compress(counts, size))
        except ValueError as error:
            raise ValueError(f"has damaged run lengths: {error}") from error
    if type(counts) is not str or not counts.isascii():
        raise ValueError("has run lengths whose counts are neither integers nor compressed text")
    return RunLengths(tuple(size), counts.encode())
