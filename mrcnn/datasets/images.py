"""Read photographs of any kind as RGB."""

import contextlib
import io
import math
import os
import re
import struct

import numpy as np
from PIL import Image, UnidentifiedImageError

from mrcnn.datasets import orientation
from mrcnn.datasets.mask_pixels import SeveralValues, mask_of
from mrcnn.pipeline.errors import ImageError

# The environment variable that sets the limit on the size of images. Without it, Pillow's limit holds: 179
# megapixels, because a small file may claim enough of them to fill the memory.
MAX_MEGAPIXELS = "MRCNN_MAX_MEGAPIXELS"
# The exceptions of Pillow's readers for damaged files, depending on the format and the damage.
UNREADABLE = (
    OSError, SyntaxError, ValueError, RuntimeError, EOFError, LookupError, TypeError, OverflowError,
    struct.error, Image.DecompressionBombError,
)  # fmt: skip


class SeveralInstances(ImageError):
    """Raised when a mask file of one instance holds several."""


def read_image(path, apply_exif=False):
    """Read the pixels of an image file: [H, W, 3] uint8 RGB.

    Grey, palette, CMYK and 16-bit images are converted; an alpha channel is dropped. apply_exif: whether to
    turn the image upright as its EXIF data say, or a function that decides it for a photograph that
    EXIF turns, from its (height, width) as stored and its EXIF orientation.
    Raises ImageError with the file and the reason.
    """
    with opened(path) as image:
        return pixels_of(image, apply_exif)


def read_image_bytes(data, name, apply_exif=False):
    """Read the pixels of an image file's bytes, see ``read_image``. name: of the file, for errors."""
    with opened(name, io.BytesIO(data)) as image:
        return pixels_of(image, apply_exif)


def pixels_of(image, apply_exif=False):
    """Return the pixels of an open Pillow image, see ``read_image``. Raises what Pillow raises."""
    image = orientation.turn(image, _turn_of(image, apply_exif))
    image.load()
    return _to_rgb(image)


def read_size(path, apply_exif=False):
    """Read (height, width) of an image from the file's header. Arguments and errors as of read_image."""
    with opened(path) as image:
        return orientation.turned_size((image.height, image.width), _turn_of(image, apply_exif))


def _turn_of(image, apply_exif):
    """Return the EXIF orientation to apply to an open image: 1 for none."""
    number = orientation.number_of(image) if apply_exif else 1
    if number > 1 and callable(apply_exif) and not apply_exif((image.height, image.width), number):
        return 1
    return number


def read_mask(path):
    """Read a mask file of one instance as [H, W] bool, see mask_pixels.

    Raises ImageError, and SeveralInstances for a label map.
    """
    with opened(path) as image:
        try:
            return mask_of(image)
        except SeveralValues as error:
            raise SeveralInstances(
                f"{path}: {error}; save a mask file for each instance, or keep label maps apart "
                "(LAYOUT: label_maps)."
            ) from error


def read_labels(path):
    """Read a label map as [H, W] int32: the values of its pixels, or indices into its palette.

    Raises ImageError, also for a picture in colours, whose values are no numbers, and for JPEG, which changes
    values.
    """
    with opened(path) as image:
        if image.format == "JPEG":
            raise ImageError(
                f"{path}: JPEG has changed the values of this label map; save it as PNG or TIFF."
            )
        pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[2] >= 3 and (pixels[:, :, :1] == pixels[:, :, 1:3]).all():
        pixels = pixels[:, :, 0]  # grey, saved as colours
    if pixels.ndim != 2:
        raise ImageError(
            f"{path}: a label map has one channel, whose values number the instances, but this picture has "
            f"{pixels.shape[2]}; save it in grey or with a palette."
        )
    with np.errstate(invalid="ignore"):
        labels = pixels.astype(np.int32)
    if not np.array_equal(labels, pixels):
        raise ImageError(f"{path}: a label map has whole numbers, this picture has fractions.")
    return labels


def sizes_of_masks(paths):
    """Return the (height, width) of each mask file that can be read."""
    sizes = []
    for path in paths:
        with contextlib.suppress(ImageError):
            sizes.append(read_size(path))
    return sizes


@contextlib.contextmanager
def opened(path, file=None):
    """Open an image file with Pillow; its exceptions about the file become ImageErrors.

    file: a binary file that is open already; path is then its name.
    """
    try:
        limit = _raise_limit()
        with Image.open(path if file is None else file) as image:
            if limit and image.width * image.height > limit:
                raise ImageError(f"{path}: {_too_large(image.width * image.height, limit)}.")
            yield image
    except ImageError:
        raise
    except UNREADABLE as error:
        raise ImageError(f"{path}: {_reason(error)}.") from error


def _raise_limit():
    """Let Pillow read as many pixels as MAX_MEGAPIXELS says, if it is set; return their number, or None."""
    text = os.environ.get(MAX_MEGAPIXELS)
    if not text:
        return None
    try:
        limit = int(float(text) * 1e6)
    except (ValueError, OverflowError):
        limit = 0
    if limit < 1:
        raise ImageError(f"{MAX_MEGAPIXELS} must be a number above 0, such as 500, got {text!r}.")
    Image.MAX_IMAGE_PIXELS = max(limit, Image.MAX_IMAGE_PIXELS or 0)
    return limit


def _too_large(pixels, limit):
    needed = 10 * math.ceil(pixels / 1e7)
    return (
        f"has {pixels / 1e6:.3g} megapixels, more than the limit of {limit / 1e6:.3g}; to read it, set the "
        f"environment variable {MAX_MEGAPIXELS}={needed}"
    )


def _to_rgb(image):
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_to_8_bit(np.asarray(image)))
    elif image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # Pillow warns if a palette with alpha is converted directly
    # Directly to RGB: Pillow drops alpha and keeps the colour below it, as old programs do.
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _to_8_bit(pixels):
    """Scale grey values of 8, 12 or 16 bits, whichever the brightest needs, or floats up to 1, to 8 bits."""
    ranges = (255, 4095, 65535) if pixels.dtype.kind in "iu" else (1, 255, 4095, 65535)
    pixels = np.nan_to_num(pixels.astype(np.float64))
    brightest = pixels.max(initial=0)
    full = next((full for full in ranges if brightest <= full), brightest)
    return np.clip(pixels * (255 / full), 0, 255).round().astype(np.uint8)


def _reason(error):
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not an image"
    if isinstance(error, PermissionError):
        return "may not be read (permission denied)"
    if isinstance(error, UnidentifiedImageError):
        return "is not an image in a format that Pillow knows"
    if isinstance(error, Image.DecompressionBombError):
        pixels = re.search(r"\d+", str(error))
        return _too_large(int(pixels[0]), 2 * Image.MAX_IMAGE_PIXELS) if pixels else str(error)
    return f"is damaged ({str(error).rstrip('.')})"
