"""Functions that scikit-image had with other arguments than those that took their place."""

import numpy as np
from skimage import draw, filters, metrics
from skimage.util.dtype import dtype_range


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
