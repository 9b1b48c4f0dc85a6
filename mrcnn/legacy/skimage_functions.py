"""scikit-image functions that used to have other arguments or to accept more kinds of images."""

import functools
import inspect

import numpy as np
from skimage import draw, filters, metrics
from skimage.util import img_as_ubyte
from skimage.util.dtype import dtype_range

from mrcnn.supplied.names import say


def circle(r, c, radius, shape=None):
    """Return rows and columns of the pixels within a circle around (r, c)."""
    return draw.disk((r, c), radius, shape=shape)


def threshold_adaptive(image, block_size, method="gaussian", offset=0, mode="reflect", param=None):
    """Return where an image exceeds the threshold of its surroundings: [H, W] bool."""
    return image > filters.threshold_local(image, block_size, method, offset, mode, param)


def compare_nrmse(im_true, im_test, norm_type="Euclidean"):
    """Return the root mean squared error divided by a norm of the true image."""
    return metrics.normalized_root_mse(im_true, im_test, normalization=norm_type.lower())


def compare_ssim(X, Y, win_size=None, gradient=False, data_range=None, multichannel=False, **options):
    """Return the structural similarity of two images. data_range: None uses the range of their dtype."""
    if data_range is None:
        low, high = dtype_range[np.asarray(X).dtype.type]
        data_range = high - low
    return metrics.structural_similarity(
        X, Y, win_size=win_size, gradient=gradient, data_range=data_range,
        channel_axis=-1 if multichannel else None, **options,
    )  # fmt: skip


def gray2rgb(function):
    """Wrap gray2rgb to return colour images unchanged; today it treats them as stacks of grey images."""

    @functools.wraps(function)
    def wrapper(image, *args, **options):
        if np.ndim(image) == 3 and np.shape(image)[-1] in (3, 4):
            say("skimage.color.gray2rgb no longer accepts colour images; returning them unchanged.")
            return np.asarray(image)
        return function(image, *args, **options)

    return wrapper


def rgb2gray(function):
    """Wrap rgb2gray to return grey images unchanged and to accept an alpha channel."""

    @functools.wraps(function)
    def wrapper(rgb, *args, **options):
        rgb = np.asarray(rgb)
        if rgb.ndim == 2:
            say("skimage.color.rgb2gray no longer accepts grey images; returning them unchanged.")
            return rgb
        if rgb.shape[-1] == 4:
            say("skimage.color.rgb2gray no longer accepts an alpha channel; dropping it.")
            rgb = rgb[..., :3]
        return function(rgb, *args, **options)

    return wrapper


def imsave(function):
    """Wrap imsave to write floats of 0 to 1 (or -1 to 1) to files with 8-bit channels."""

    @functools.wraps(function)
    def wrapper(fname, arr, *args, **options):
        of_bytes = str(fname).lower().endswith((".png", ".jpg", ".jpeg", ".bmp"))
        if of_bytes and np.asarray(arr).dtype.kind == "f":
            say("skimage.io.imsave no longer accepts floats for 8-bit files; scaling them to 0 ... 255.")
            arr = img_as_ubyte(arr)
        return function(fname, arr, *args, **options)

    return wrapper


def peak_local_max(function):
    """Wrap peak_local_max to return a mask of the peaks for ``indices=False``."""

    @functools.wraps(function)
    def wrapper(image, *args, indices=True, **options):
        peaks = function(image, *args, **options)
        if indices:
            return peaks
        say(
            "the argument indices of skimage.feature.peak_local_max was removed from scikit-image; "
            "using a replacement."
        )
        mask = np.zeros(np.shape(image), bool)
        mask[tuple(peaks.T)] = True
        return mask

    return wrapper


def taking_masks(function):
    """Wrap resize or rescale to interpolate bool masks as numbers."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(image, *args, **options):
        given = signature.bind(image, *args, **options).arguments
        image = np.asarray(image)
        if image.dtype == bool and (given.get("order") or given.get("anti_aliasing")):
            name = f"skimage.transform.{function.__name__}"
            say(f"{name} no longer interpolates bool images; treating them as 0 and 1.")
            image = image.astype(float)
        return function(image, *args, **options)

    return wrapper
