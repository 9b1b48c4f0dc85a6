"""Reading photographs of any kind as RGB."""

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError


class ImageError(ValueError):
    """A file cannot be read as an image."""


def read_image(path, apply_exif=False):
    """The pixels of an image file: [H, W, 3] uint8 RGB.

    Grey, palette, CMYK and 16-bit images are converted; an alpha channel is dropped. apply_exif: turn
    the image as its camera noted. Data sets leave it off where their masks belong to the stored
    orientation, as those of Open Images do.
    Raises ImageError that names the file and the reason.
    """
    try:
        with Image.open(path) as image:
            if apply_exif:
                image = ImageOps.exif_transpose(image)
            image.load()
            return _to_rgb(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path}: {_reason(error)}.") from error


def read_size(path):
    """(height, width) of an image as stored, from the file's header alone. Raises ImageError."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path}: {_reason(error)}.") from error


def read_mask(path):
    """A mask file as [H, W] bool: true where any channel but alpha is above zero. Raises ImageError."""
    try:
        with Image.open(path) as image:
            if image.mode in ("P", "PA", "LA", "RGBA", "CMYK"):
                image = image.convert("RGB")
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path}: {_reason(error)}.") from error
    return pixels.any(axis=2) if pixels.ndim == 3 else pixels > 0


def _to_rgb(image):
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_to_8_bit(np.asarray(image)))
    # Straight to RGB: Pillow drops alpha and keeps the colour below it, as old programs do.
    return np.array(image.convert("RGB"))


def _to_8_bit(pixels):
    """Grey values of 8, 12 or 16 bits, whichever the brightest needs, scaled to 8."""
    brightest = pixels.max(initial=0)
    bits = next((bits for bits in (8, 12, 16) if brightest < 2**bits), None)
    full = 2**bits - 1 if bits else brightest
    return np.clip(pixels.astype(np.float64) * (255 / full), 0, 255).round().astype(np.uint8)


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
