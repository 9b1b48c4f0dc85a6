"""Which pixels of a mask file belong to the instance, whatever program wrote the file.

Grey or coloured pixels are the instance and black ones are not; where a file has alpha, so is what is
transparent. A file that went through JPEG or was smoothed has values in between; its mask starts at half of
the brightest. A file that holds several instances as several values is refused, because it is a label map.
"""

import numpy as np

# A file with at most so many values was not smoothed and did not go through JPEG.
FEW = 8
_NOISE = 1 / 64  # of the brightest value: what JPEG of the best quality leaves of black
_SPREAD = 0.2  # of the brightest value: how far apart values of one instance may lie within its flat parts
_FLAT = 16  # pixels that a value covers, away from edges, before it can be an instance of its own
_HALF_ALPHA = 128


class SeveralValues(ValueError):
    """Raised for a file that holds several instances. values: some of them."""

    def __init__(self, values):
        super().__init__(f"holds several instances, as the values {', '.join(map(str, values))}")
        self.values = values


def mask_of(image):
    """Return the mask [H, W] bool of an open Pillow image. Raises SeveralValues for a label map."""
    if image.mode == "1":
        return np.asarray(image) > 0  # Pillow has 255 where NumPy expects 1
    if is_of_one_value(image):
        return np.asarray(image) > 0
    palette = image.mode in ("P", "PA")
    pixels, alpha = _pixels(image)
    levels = pixels if pixels.ndim == 2 else pixels.max(axis=2)
    if alpha is not None and alpha.min() != alpha.max():
        if levels.min() == levels.max():  # the shape is in alpha alone
            return alpha >= _HALF_ALPHA
        opaque = alpha >= _HALF_ALPHA
        levels = np.where(opaque, levels, 0)
        pixels = np.where(opaque if pixels.ndim == 2 else opaque[:, :, None], pixels, 0)
    top = levels.max(initial=0)
    if top <= 0:
        return np.zeros(levels.shape, bool)
    codes = _codes(pixels, levels)
    values = values_of(codes)
    values = values[values != 0]
    if len(values) <= 1:
        return levels > 0
    few = palette or len(values) < FEW
    _require_one(codes, levels, pixels, few)
    if palette:
        return codes != 0
    return levels > top * (_NOISE if few else 0.5)


def is_of_one_value(image):
    """Return quickly whether a grey image of 8 bits has at most one value above zero."""
    return image.mode == "L" and np.count_nonzero(image.histogram()[1:]) <= 1


def _pixels(image):
    """Return the pixels [H, W] of a grey image or [H, W, 3] of a coloured one, and alpha [H, W] or None."""
    if image.mode in ("L", "F") or image.mode.startswith("I"):
        return np.nan_to_num(np.asarray(image)), None
    if image.mode == "RGB":
        return np.asarray(image), None
    rgba = np.asarray(image.convert("RGBA"))
    return rgba[:, :, :3], rgba[:, :, 3]


def _codes(pixels, levels):
    """Return one number per pixel that is equal for equal colours, and 0 for black."""
    if pixels.ndim == 2:
        return levels
    wide = pixels.astype(np.int32)
    return (wide[:, :, 0] << 16) | (wide[:, :, 1] << 8) | wide[:, :, 2]


def values_of(codes):
    """Return the sorted different values of an array."""
    return (
        np.flatnonzero(np.bincount(codes.ravel(), minlength=256))
        if codes.dtype == np.uint8
        else np.unique(codes)
    )


def _require_one(codes, levels, pixels, few):
    """Raise SeveralValues if flat parts of a file have clearly different values.

    Values between black and the instance stand in thin lines, along edges, and so do those of JPEG.
    """
    candidates = _is_flat(codes) & (codes != 0)
    top = levels.max()
    if not few:
        candidates &= levels > _SPREAD * top
    found, counts = np.unique(codes[candidates], return_counts=True)
    found = found[counts >= (1 if few else _FLAT)]
    if len(found) < 2:
        return
    places = candidates & np.isin(codes, found)
    colors = pixels[places].reshape(np.count_nonzero(places), -1)
    spread = (colors.max(axis=0).astype(float) - colors.min(axis=0)).max()
    if spread > _SPREAD * top or (few and levels[places].min() < (1 - _SPREAD) * top):
        raise SeveralValues([_name(code, pixels.ndim) for code in found[:4]])


def _is_flat(codes):
    """Return [H, W] bool: whether a pixel and its eight neighbours are equal."""
    flat = np.zeros(codes.shape, bool)
    middle = codes[1:-1, 1:-1]
    inner = np.ones(middle.shape, bool)
    height, width = codes.shape
    for y in range(3):
        for x in range(3):
            inner &= codes[y : height - 2 + y, x : width - 2 + x] == middle
    flat[1:-1, 1:-1] = inner
    return flat


def _name(code, axes):
    return f"{code:g}" if axes == 2 else f"#{int(code):06x}"
