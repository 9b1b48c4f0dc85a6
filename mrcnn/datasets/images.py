"""Reading photographs of any kind as RGB."""

import contextlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mrcnn.pipeline.errors import ImageError

# What Pillow's readers raise for damaged files, depending on the format and the kind of damage.
_FAULTS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, Image.DecompressionBombError)


def read_image(path, apply_exif=False):
    """The pixels of an image file: [H, W, 3] uint8 RGB.

    Grey, palette, CMYK and 16-bit images are converted; an alpha channel is dropped. apply_exif: turn
    the image as its camera noted. Data sets leave it off where their masks belong to the stored
    orientation, as those of Open Images do.
    Raises ImageError that names the file and the reason.
    """
    with _opened(path) as image:
        if apply_exif:
            image = ImageOps.exif_transpose(image)
        image.load()
        return _to_rgb(image)


def read_size(path):
    """(height, width) of an image as stored, from the file's header alone. Raises ImageError."""
    with _opened(path) as image:
        return image.height, image.width


def read_mask(path):
    """A mask file as [H, W] bool: true where any channel but alpha is above zero. Raises ImageError."""
    with _opened(path) as image:
        if image.mode in ("P", "PA", "LA", "RGBA", "CMYK"):
            image = image.convert("RGBA").convert("RGB")
        pixels = np.asarray(image)
    return pixels.any(axis=2) if pixels.ndim == 3 else pixels > 0


@contextlib.contextmanager
def _opened(path):
    """An image file opened by Pillow; what it raises about the file becomes an ImageError."""
    try:
        with Image.open(path) as image:
            yield image
    except _FAULTS as error:
        raise ImageError(f"{path}: {_reason(error)}.") from error


def _to_rgb(image):
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_to_8_bit(np.asarray(image)))
    elif image.mode in ("P", "PA"):
        image = image.convert("RGBA")  # Pillow warns of the short cut where the palette has an alpha
    # Straight to RGB: Pillow drops alpha and keeps the colour below it, as old programs do.
    return np.array(image.convert("RGB"))


def _to_8_bit(pixels):
    """Grey values of 8, 12 or 16 bits, whichever the brightest needs, scaled to 8; floats also up to 1."""
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
        return "is no image in a format that Pillow knows"
    if isinstance(error, Image.DecompressionBombError):
        return "claims more pixels than can be meant"
    return f"is damaged ({str(error).rstrip('.')})"
