"""The image functions of scipy.misc, on Pillow, as the originals were.

Images are [H, W] or [H, W, 3 or 4]; functions that accept other orders of axes say so.
"""

import numpy as np
from PIL import Image

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "cubic": Image.Resampling.BICUBIC,
}


def imread(name, flatten=False, mode=None):
    """Read an image file: [H, W] or [H, W, C] uint8, or with flatten [H, W] float32 grey."""
    with Image.open(name) as image:
        return fromimage(image, flatten, mode)


def fromimage(im, flatten=False, mode=None):
    """Return the pixels of a Pillow image. mode: Pillow mode to convert to; palettes become colours."""
    if mode is not None:
        im = im.convert(mode)
    elif im.mode == "P":
        im = im.convert("RGBA" if "transparency" in im.info else "RGB")
    elif im.mode == "1":
        im = im.convert("L")
    return np.array(im.convert("F") if flatten else im)


def imsave(name, arr, format=None):
    """Write an image; values that are not uint8 are stretched to 0 ... 255, as in bytescale."""
    toimage(arr, channel_axis=2).save(name, format)


def imresize(arr, size, interp="bilinear", mode=None):
    """Resize an image. Returns uint8, or float32 in mode "F"; values that are not uint8 are stretched first.

    size: percent (int), fraction (float) or (height, width). interp: nearest, lanczos, bilinear, bicubic.
    """
    image = toimage(arr, mode=mode)
    if np.ndim(size):
        width, height = int(size[1]), int(size[0])
    else:
        fraction = size / 100.0 if np.issubdtype(type(size), np.signedinteger) else size
        width, height = (int(side * fraction) for side in image.size)
    return fromimage(image.resize((width, height), resample=_FILTERS[interp]))


def imrotate(arr, angle, interp="bilinear"):
    """Rotate an image counter-clockwise by degrees about its centre; the size stays the same."""
    return fromimage(toimage(arr).rotate(angle, resample=_FILTERS[interp]))


def bytescale(data, cmin=None, cmax=None, high=255, low=0):
    """Stretch values from cmin ... cmax to low ... high as uint8; uint8 data are returned unchanged.

    cmin, cmax: None uses the smallest and the largest value. Raises ValueError for limits out of order.
    """
    data = np.asarray(data)
    if data.dtype == np.uint8:
        return data
    if not 0 <= low <= high <= 255:
        raise ValueError(f"low and high must be in order within 0 ... 255, got {low} and {high}.")
    cmin, cmax = data.min() if cmin is None else cmin, data.max() if cmax is None else cmax
    if cmax < cmin:
        raise ValueError(f"cmax must be at least cmin, got {cmax} and {cmin}.")
    scale = float(high - low) / ((cmax - cmin) or 1)
    return (((data - cmin) * scale + low).clip(low, high) + 0.5).astype(np.uint8)


def toimage(arr, high=255, low=0, cmin=None, cmax=None, pal=None, mode=None, channel_axis=None):
    """Convert an array to a Pillow image; values are stretched as in bytescale.

    pal: a palette [256, 3] for [H, W]. mode: L, P, 1, F or I for [H, W]; RGB, RGBA, YCbCr or CMYK for three
    axes. channel_axis: axis of the 3 or 4 channels; None uses the first axis of length 3, else of length 4.
    Raises ValueError for a shape or mode that makes no image.
    """
    data = np.asarray(arr)
    if np.iscomplexobj(data) or data.ndim not in (2, 3):
        raise ValueError(f"An image is real and has two or three axes, got {data.dtype} {data.shape}.")
    if data.ndim == 2:
        return _grey(data, mode, pal, lambda x: bytescale(x, cmin, cmax, high, low))
    if channel_axis is None:
        channel_axis = next((data.shape.index(count) for count in (3, 4) if count in data.shape), None)
    if channel_axis is None or data.shape[channel_axis] not in (3, 4):
        raise ValueError(f"No axis has three or four channels: {data.shape}.")
    pixels = np.moveaxis(bytescale(data, cmin, cmax, high, low), channel_axis, 2)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return image if mode in (None, image.mode) else _of_mode(image, mode)


def _grey(data, mode, pal, scaled):
    """Convert one channel [H, W] to a Pillow image."""
    if mode == "F":
        return Image.fromarray(data.astype(np.float32))
    if mode == "I":
        return Image.fromarray(data.astype(np.int32))
    if mode == "1":
        return Image.fromarray(scaled(data) > 0)
    image = Image.fromarray(scaled(data))
    if mode == "P" or pal is not None:
        palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1) if pal is None else pal
        image.putpalette(np.asarray(palette, np.uint8).tobytes())
    return image


def _of_mode(image, mode):
    """Reinterpret the same bytes as the channels of another mode."""
    if len(Image.new(mode, (1, 1)).getbands()) != len(image.getbands()):
        raise ValueError(f"An image of {len(image.getbands())} channels cannot be of mode {mode!r}.")
    return Image.frombytes(mode, image.size, image.tobytes())
