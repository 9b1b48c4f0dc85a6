"""From a photograph to the network's input: resizing, padding, centring, image meta."""

import numpy as np
import skimage.transform

from mrcnn.ops import image_meta as meta_ops

MODES = ("square", "pad64", "crop", "none")


def resize(image, output_shape, order=1, preserve_range=True, **kwargs):
    """skimage.transform.resize without anti-aliasing and with zeros beyond the edges, as matterport's."""
    options = {"mode": "constant", "cval": 0, "clip": True, "anti_aliasing": False, **kwargs}
    return skimage.transform.resize(
        image, output_shape, order=order, preserve_range=preserve_range, **options
    )


def resize_image(image, min_dim=None, max_dim=None, min_scale=None, mode="square", rng=None):
    """Scale an image, then pad or crop it, as IMAGE_RESIZE_MODE says.

    image: [H, W, channels]. min_dim: the shorter side is enlarged to it. max_dim: "square" keeps the
    longer side within it and pads to it. min_scale: enlarge at least so much. mode: "square", "pad64"
    (pads both sides to multiples of 64), "crop" (a random square of min_dim; rng chooses where, the
    centre without one) or "none" (the image as it is).
    Returns image, window (y1, x1, y2, x2) of the photograph within it, scale, padding
    [(top, bottom), (left, right), (0, 0)], crop (y, x, height, width) or None.
    """
    if mode not in MODES:
        raise ValueError(f"Unknown resize mode {mode!r}; it is one of {', '.join(MODES)}.")
    height, width = image.shape[:2]
    no_padding = [(0, 0), (0, 0), (0, 0)]
    if mode == "none":
        return image, (0, 0, height, width), 1, no_padding, None

    scale = scale_of(height, width, min_dim, max_dim, min_scale, mode)
    if scale != 1:
        shape = (max(1, round(height * scale)), max(1, round(width * scale)))
        image = resize(image, shape).astype(image.dtype)
        height, width = shape

    if mode == "crop":
        y, x = _corner(height - min_dim, rng), _corner(width - min_dim, rng)
        image = image[y : y + min_dim, x : x + min_dim]
        return image, (0, 0, min_dim, min_dim), scale, no_padding, (y, x, min_dim, min_dim)

    if mode == "square":
        target = (max_dim, max_dim)
    else:
        if min_dim and min_dim % 64:
            raise ValueError(
                f'Mode "pad64" needs a minimum dimension that is a multiple of 64, got {min_dim}.'
            )
        target = tuple(-(-side // 64) * 64 for side in (height, width))
    top, left = (target[0] - height) // 2, (target[1] - width) // 2
    padding = [(top, target[0] - height - top), (left, target[1] - width - left), (0, 0)]
    return np.pad(image, padding), (top, left, top + height, left + width), scale, padding, None


def scale_of(height, width, min_dim=None, max_dim=None, min_scale=None, mode="square"):
    """The factor by which resize_image scales an image of the given size."""
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
    """RGB minus the mean pixel, float32. images: one [H, W, 3] or a batch."""
    return np.subtract(images, np.asarray(config.MEAN_PIXEL, np.float32), dtype=np.float32)


def unmold_image(normalized_images, config):
    """The inverse of mold_image: uint8 RGB."""
    return (normalized_images + config.MEAN_PIXEL).round().clip(0, 255).astype(np.uint8)


def compose_image_meta(image_id, original_image_shape, image_shape, window, scale, active_class_ids):
    """One row of image meta; its layout stands in mrcnn.ops.image_meta.

    The shapes are (H, W, channels), window (y1, x1, y2, x2) in pixels of the molded image,
    active_class_ids a 0 or 1 for each class.
    """
    return np.array(
        [image_id, *original_image_shape, *image_shape, *window, scale, *active_class_ids], np.float64
    )


def parse_image_meta(meta):
    """Rows of image meta [B, M] as a dict of arrays, whole numbers as int32."""
    columns = meta_ops.parse(meta)
    return {name: x if name == "scale" else x.astype(np.int32) for name, x in columns.items()}
