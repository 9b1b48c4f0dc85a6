"""Turn a photograph into the network's input: resize, pad, subtract the mean, compose image meta."""

import numpy as np
import skimage.transform

from mrcnn import image_meta as meta_ops
from mrcnn.choices import RESIZE_MODES

_STRIP = 32  # rows that scale_image computes at once, so that they stay in the processor's cache


def resize(image, output_shape, order=1, preserve_range=True, **kwargs):
    """Call skimage.transform.resize as matterport does: no anti-aliasing, zeros beyond the edges."""
    options = {"mode": "constant", "cval": 0, "clip": True, "anti_aliasing": False, **kwargs}
    return skimage.transform.resize(
        image, output_shape, order=order, preserve_range=preserve_range, **options
    )


def scale_image(image, shape):
    """Resize an image [H, W, channels] to (height, width): the exact values of ``resize``, in its own dtype.

    Integers take a fifth of the time of scikit-image: only the pixels that count become floating-point.
    """
    if image.dtype.kind not in "iu" or not image.size:
        return resize(image, shape).astype(image.dtype)
    (top, bottom), (left, right) = (_neighbours(*sides) for sides in zip(image.shape, shape))
    low, high = image.min(), image.max()  # the library clips to them, which undoes errors of rounding
    channels = image.shape[2]
    left, right = ((column, np.repeat(share, channels)) for column, share in (left, right))
    scaled = np.empty((shape[0], shape[1] * channels), image.dtype)
    for start in range(0, shape[0], _STRIP):
        strip = slice(start, start + _STRIP)
        total = 0.0
        for row, row_share in (top, bottom):
            rows = image.take(row[strip], axis=0)
            for column, share in (left, right):
                pixels = rows.take(column, axis=1).reshape(len(rows), -1) * row_share[strip, None]
                pixels *= share
                total = np.add(total, pixels, out=pixels)
        scaled[strip] = np.clip(total, low, high)
    return scaled.reshape(*shape, channels)


def _neighbours(old, new):
    """Return the pixels on both sides of each new pixel's centre along an axis, with their shares.

    old, new: numbers of pixels. Returns two pairs of index [new] and share [new], 0 beyond the edges.
    """
    place = (np.arange(new) + 0.5) * (old / new) - 0.5
    below = np.floor(place)
    pairs = []
    for index, share in ((below, 1 - (place - below)), (below + 1, place - below)):
        share[(index < 0) | (index >= old)] = 0
        pairs.append((np.clip(index, 0, old - 1).astype(np.intp), share))
    return pairs


def resize_image(image, min_dim=None, max_dim=None, min_scale=None, mode="square", rng=None):
    """Scale an image, then pad or crop it according to a mode of IMAGE_RESIZE_MODE.

    image: [H, W, channels]. min_dim: a shorter side below this is enlarged to it, in pixels. max_dim: mode
    "square" limits the longer side to this and pads both sides to it. min_scale: the smallest scale. mode:
    "square"; "pad64" pads both sides to multiples of 64; "crop" takes a square of side min_dim; "none"
    returns the image unchanged. rng: a NumPy Generator that places the crop; None takes the centre.
    Returns image, window (y1, x1, y2, x2) of the photograph within it, scale, padding
    [(top, bottom), (left, right), (0, 0)], crop (y, x, height, width) or None.
    Raises ValueError for an unknown mode, or in mode "pad64" for a min_dim that is not a multiple of 64.
    """
    if mode not in RESIZE_MODES:
        raise ValueError(f"Unknown resize mode {mode!r}; it is one of {', '.join(RESIZE_MODES)}.")
    height, width = image.shape[:2]
    scale = scale_of(height, width, min_dim, max_dim, min_scale, mode)
    if scale != 1:
        image = scale_image(image, scaled_shape(height, width, scale))
    image, window, padding, crop = frame_image(image, min_dim, max_dim, mode, rng)
    return image, window, scale, padding, crop


def frame_image(image, min_dim=None, max_dim=None, mode="square", rng=None):
    """Pad or crop a scaled image: what ``resize_image`` does after scaling, with the same arguments.

    Returns image, window, padding, crop.
    """
    height, width = image.shape[:2]
    no_padding = [(0, 0), (0, 0), (0, 0)]
    if mode == "none":
        return image, (0, 0, height, width), no_padding, None
    if mode == "crop":
        y, x = _corner(height - min_dim, rng), _corner(width - min_dim, rng)
        image = image[y : y + min_dim, x : x + min_dim]
        return image, (0, 0, min_dim, min_dim), no_padding, (y, x, min_dim, min_dim)

    image, window, padding = pad_image(image, framed_shape(height, width, min_dim, max_dim, mode))
    return image, window, padding, None


def framed_shape(height, width, min_dim=None, max_dim=None, mode="square"):
    """Return the (height, width) that a scaled image has after ``frame_image``, with the same arguments."""
    if mode == "none":
        return height, width
    if mode == "crop":
        return min_dim, min_dim
    if mode == "square":
        return max_dim, max_dim
    if min_dim and min_dim % 64:
        raise ValueError(f'Mode "pad64" needs a minimum dimension that is a multiple of 64, got {min_dim}.')
    return tuple(-(-side // 64) * 64 for side in (height, width))


def pad_image(image, shape):
    """Surround an image with zeros up to (height, width). Returns image, window and padding."""
    height, width = image.shape[:2]
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    padding = [(top, shape[0] - height - top), (left, shape[1] - width - left), (0, 0)]
    return np.pad(image, padding), (top, left, top + height, left + width), padding


def scaled_shape(height, width, scale):
    """Return the (height, width) of a scaled image, at least one pixel each."""
    return max(1, round(height * scale)), max(1, round(width * scale))


def scale_of(height, width, min_dim=None, max_dim=None, min_scale=None, mode="square"):
    """Return the factor by which resize_image scales an image of the given height and width."""
    if mode == "none":
        return 1
    scale = max(1, min_dim / min(height, width)) if min_dim else 1
    if min_scale:
        scale = max(scale, min_scale)
    if mode == "square" and max_dim and round(max(height, width) * scale) > max_dim:
        scale = max_dim / max(height, width)
    return scale


def _corner(room, rng):
    return room // 2 if rng is None else int(rng.integers(room + 1))


def mold_image(images, config):
    """Subtract the mean pixel from RGB images. images: [H, W, 3] or a batch. Returns float32."""
    mean = np.asarray(config.MEAN_PIXEL, np.float32)
    if images.ndim < 2 or images.shape[-1:] != mean.shape:
        return np.subtract(images, mean, dtype=np.float32)
    # Whole rows at once: NumPy takes four times as long for channels one after another.
    rows = images.reshape(*images.shape[:-2], -1)
    row = np.tile(mean, images.shape[-2])
    return np.subtract(rows, row, dtype=np.float32).reshape(images.shape)


def unmold_image(normalized_images, config):
    """Add the mean pixel back: the inverse of mold_image. Returns uint8 RGB."""
    return (normalized_images + config.MEAN_PIXEL).round().clip(0, 255).astype(np.uint8)


def compose_image_meta(image_id, original_image_shape, image_shape, window, scale, active_class_ids):
    """Compose one row of image meta, laid out as mrcnn.image_meta defines.

    original_image_shape, image_shape: (H, W, channels). window: (y1, x1, y2, x2) in pixels of the molded
    image. scale: as resize_image returns it. active_class_ids: 0 or 1 for each class. Returns float64.
    """
    return np.array(
        [image_id, *original_image_shape, *image_shape, *window, scale, *active_class_ids], np.float64
    )


def parse_image_meta(meta):
    """Split rows of image meta [B, M] into a dict of int32 arrays; only "scale" keeps its dtype."""
    columns = meta_ops.parse(meta)
    return {name: x if name == "scale" else x.astype(np.int32) for name, x in columns.items()}
