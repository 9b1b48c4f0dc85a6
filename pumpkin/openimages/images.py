"""Checks that a fetched image or mask must pass.

Lock files contain the texts of these errors as reasons, so changing a text changes lock files.
"""

import contextlib
import io
import threading

import numpy as np
from PIL import Image

from mrcnn.datasets.mask_files import is_same_shape
from pumpkin.openimages.errors import OpenImagesError

MAX_IMAGE = 1 << 25  # bytes; the largest of Open Images, scaled to 1024 pixels per side, have about 2 million
MAX_PIXELS = 1 << 26
MAX_DECODED = 1 << 26  # bytes of a decoded mask; the largest known masks have some millions of pixels
_LARGE = 1 << 23  # bytes of a decoded mask from which on masks are decoded one at a time
_STRIP = 1 << 20  # pixels that are counted at a time
_one_large_mask = threading.Lock()
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2}  # a pixel of a decoded PNG, if not 4


class BadImage(OpenImagesError):
    """Raised when bytes are not a complete image."""


class UselessMask(OpenImagesError):
    """Raised when an intact mask is of no use: it is empty, or its aspect ratio is not its image's."""


def check_image(data):
    """Decode a JPEG to its end and return (width, height). Raises BadImage.

    Damage shows in the entropy-coded data, and all of it is decoded. Reconstructing the pixels at an eighth
    of the width and height cuts the time to two thirds.
    """
    with _open(data, "JPEG") as image:
        size = image.size
        image.draft("L", (1, 1))
        _decode(image)
        return size


def read_size(data):
    """Return (width, height) of a JPEG from its header. Raises BadImage."""
    with _open(data, "JPEG") as image:
        return image.size


def check_mask(data, image_size):
    """Decode a mask PNG and return (width, height, number of pixels above zero).

    image_size: (width, height) of its image. Raises BadImage, or UselessMask if the mask is empty or has
    another aspect ratio. The header alone decides whether the pixels are decoded at all.
    """
    with _open(data, "PNG") as image:
        width, height = image.size
        if not is_same_shape((height, width), image_size[::-1]):
            raise UselessMask(
                f"its shape, {width} x {height}, is not its image's, {image_size[0]} x {image_size[1]}"
            )
        size = width * height * _BYTES.get(image.mode, 4)
        if size > MAX_DECODED:
            raise BadImage(f"it claims {width} x {height} pixels of mode {image.mode}")
        with _one_large_mask if size > _LARGE else contextlib.nullcontext():
            _decode(image)
            area = _area(image)
    if area == 0:
        raise UselessMask("it is empty")
    return width, height, area


def _open(data, kind):
    try:
        image = Image.open(io.BytesIO(data), formats=(kind,))
    except (OSError, SyntaxError, ValueError, *_BOMBS) as error:
        raise BadImage(f"it is no {kind} image") from error
    if image.width * image.height > MAX_PIXELS:
        raise BadImage(f"it claims {image.width} x {image.height} pixels")
    return image


def _decode(image):
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise BadImage(f"it is damaged ({error})") from error


def _area(image):
    """Count the pixels with any channel except alpha above zero."""
    if image.mode in ("1", "L"):
        return sum(image.histogram()[1:])
    rows = max(1, _STRIP // image.width)
    places = ((0, y, image.width, min(y + rows, image.height)) for y in range(0, image.height, rows))
    return sum(_area_of_strip(image.crop(place)) for place in places)


def _area_of_strip(image):
    if image.mode in ("P", "PA", "LA", "RGBA"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return int(np.count_nonzero(pixels.any(axis=2) if pixels.ndim == 3 else pixels))
