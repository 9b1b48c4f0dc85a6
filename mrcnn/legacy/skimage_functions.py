"""Functions that scikit-image had with other arguments, or for more kinds of images, than today's."""

import functools
import inspect

import numpy as np
from skimage import draw, filters, metrics
from skimage.util import img_as_ubyte
from skimage.util.dtype import dtype_range

from mrcnn.supplied.names import say


def circle(r, c, radius, shape=None):
    """Rows and columns of the pixels within a circle about (r, c)."""
    return draw.disk((r, c), radius, shape=shape)


def threshold_adaptive(image, block_size, method="gaussian", offset=0, mode="reflect", param=None):
    """Where an image is above the threshold of its surroundings: [H, W] bool."""
    return image > filters.threshold_local(image, block_size, method, offset, mode, param)


def compare_nrmse(im_true, im_test, norm_type="Euclidean"):
    """The root of the mean squared error over a norm of the true image."""
    return metrics.normalized_root_mse(im_true, im_test, normalization=norm_type.lower())


def compare_ssim(X, Y, win_size=None, gradient=False, data_range=None, multichannel=False, **options):
    """The structural similarity of two images; data_range is that of their type where it is not given."""
    if data_range is None:
        low, high = dtype_range[np.asarray(X).dtype.type]
        data_range = high - low
    return metrics.structural_similarity(
        X, Y, win_size=win_size, gradient=gradient, data_range=data_range,
        channel_axis=-1 if multichannel else None, **options,
    )  # fmt: skip


def gray2rgb(function):
    """scikit-image's gray2rgb, which leaves colours as they are; now it takes them for many grey images."""

    @functools.wraps(function)
    def wrapper(image, *args, **options):
        if np.ndim(image) == 3 and np.shape(image)[-1] in (3, 4):
            say("skimage.color.gray2rgb does not take colours any more; they are given back as they are.")
            return np.asarray(image)
        return function(image, *args, **options)

    return wrapper


def rgb2gray(function):
    """scikit-image's rgb2gray, which leaves grey as it is and takes colours with alpha."""

    @functools.wraps(function)
    def wrapper(rgb, *args, **options):
        rgb = np.asarray(rgb)
        if rgb.ndim == 2:
            say("skimage.color.rgb2gray does not take grey images any more; they are given back as they are.")
            return rgb
        if rgb.shape[-1] == 4:
            say("skimage.color.rgb2gray does not take alpha any more; it is left out.")
            rgb = rgb[..., :3]
        return function(rgb, *args, **options)

    return wrapper


def imsave(function):
    """scikit-image's imsave, which writes floats of 0 to 1 (or -1 to 1) to files that hold bytes."""

    @functools.wraps(function)
    def wrapper(fname, arr, *args, **options):
        of_bytes = str(fname).lower().endswith((".png", ".jpg", ".jpeg", ".bmp"))
        if of_bytes and np.asarray(arr).dtype.kind == "f":
            say("skimage.io.imsave does not take floats for such files any more; they are stretched to 255.")
            arr = img_as_ubyte(arr)
        return function(fname, arr, *args, **options)

    return wrapper


def peak_local_max(function):
    """scikit-image's peak_local_max, which gives a mask of the peaks with ``indices=False``."""

    @functools.wraps(function)
    def wrapper(image, *args, indices=True, **options):
        peaks = function(image, *args, **options)
        if indices:
            return peaks
        say("the argument indices of skimage.feature.peak_local_max is gone from scikit-image; supplied.")
        mask = np.zeros(np.shape(image), bool)
        mask[tuple(peaks.T)] = True
        return mask

    return wrapper


def taking_masks(function):
    """scikit-image's resize or rescale, which interpolates between the False and True of masks."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(image, *args, **options):
        given = signature.bind(image, *args, **options).arguments
        image = np.asarray(image)
        if image.dtype == bool and (given.get("order") or given.get("anti_aliasing")):
            name = f"skimage.transform.{function.__name__}"
            say(f"{name} does not interpolate bool any more; it is taken as 0 and 1.")
            image = image.astype(float)
        return function(image, *args, **options)

    return wrapper
