"""EXIF orientation: which pixels of a photograph its annotations are drawn on, and how it is turned.

A camera stores a photograph as its sensor lies, and notes in EXIF how to turn it for viewing. Browsers and
annotation tools show the turned, upright photograph, but some data sets, such as Open Images, annotate
the stored pixels. ``decide`` is the one rule: sizes decide where they can, elsewhere the format does.
"""

import struct
from dataclasses import dataclass

from PIL import Image

from mrcnn.datasets.mask_files import is_same_shape

TAG = 0x0112
# How to turn the stored pixels, by the value of the tag. 1 means that they are upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Integer types of TIFF, by number. Cameras write the third, some editors another one.
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_IN_EXIF, _IN_PNG = b"Exif\x00\x00", b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Decision:
    """Whether a photograph is turned upright. number: its EXIF orientation, 1 to 8. why: the reason."""

    number: int
    upright: bool
    why: str = ""


def decide(stored, number, sizes, upright):
    """Return the Decision on a photograph.

    stored: its (height, width) as stored. number: its EXIF orientation. sizes: the (height, width) of its
    masks, or of the photograph that its annotations are made for; masks may have another scale.
    upright: the format's rule, for 180 degrees, squares, and sizes that are unknown or contradict each other.
    """
    if number == 1:
        return Decision(number, False)
    turned = turned_size(stored, number)
    votes = {_vote(size, stored, turned) for size in sizes} - {None}
    if len(votes) == 1:
        return Decision(number, votes.pop(), "the sizes of its masks or annotations")
    rule = "its data set annotates upright photographs" if upright else "its data set annotates stored pixels"
    return Decision(number, upright, rule)


def _vote(size, stored, turned):
    """Return whether a size is the upright and not the stored one; None if it is both or neither."""
    for fits in (lambda a, b: tuple(a) == tuple(b), is_same_shape):
        as_turned, as_stored = fits(size, turned), fits(size, stored)
        if as_turned != as_stored:
            return as_turned
    return None


def turned_size(stored, number):
    """Return the (height, width) of the upright photograph."""
    return (stored[1], stored[0]) if number >= 5 else tuple(stored)


def turn(image, number):
    """Return an open Pillow image with its pixels turned upright."""
    return image.transpose(_TURNS[number]) if number in _TURNS else image


def number_of(image):
    """Return the EXIF orientation of an open Pillow image, 1 without a valid one.

    Only this tag is read, so other tags may be as odd as they like. Pillow turns TIFF files itself.
    """
    if image.format == "TIFF":
        return 1
    exif = image.info.get("exif")
    if exif is None and image.format == "PNG":
        exif = _late_exif(image.fp)
    return _number_in(exif.removeprefix(_IN_EXIF)) if isinstance(exif, bytes) else 1


def _number_in(data):
    """Return the orientation in a block of EXIF: a TIFF header, then a directory of 12-byte entries."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for place in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", data, place)
            if tag == TAG:
                (number,) = struct.unpack_from(f"{order}{_INTEGERS[kind]}", data, place + 8)
                return number if number in _TURNS else 1
    except (struct.error, KeyError):  # cut short, or no number
        pass
    return 1


def _late_exif(file):
    """Return the EXIF that a PNG file has after its pixels, where Pillow finds it only by decoding them."""
    if file is None:
        return None
    place = file.tell()
    try:
        file.seek(0)
        if file.read(8) != _IN_PNG:
            return None
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"eXIf":
                return file.read(length)
            file.seek(length + 4, 1)
        return None
    finally:
        file.seek(place)
