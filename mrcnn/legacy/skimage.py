"""scikit-image's functions and arguments that have been renamed, moved or changed."""

import importlib
from functools import partial

from mrcnn.legacy.arguments import renamed, with_arguments, wrap_functions
from mrcnn.legacy.imports import after_import, supply_alias, supply_module
from mrcnn.supplied.names import from_table, supply_names

_OURS = "mrcnn.legacy.skimage_functions"

NAMES = {
    "skimage.color": {"grey2rgb": "skimage.color:gray2rgb", "rgb2grey": "skimage.color:rgb2gray"},
    "skimage.draw": {"circle": f"{_OURS}:circle"},
    "skimage.feature": {
        "greycomatrix": "skimage.feature:graycomatrix",
        "greycoprops": "skimage.feature:graycoprops",
        "register_translation": "skimage.registration:phase_cross_correlation",
    },
    "skimage.filters": {
        "gaussian_filter": "skimage.filters:gaussian",
        "threshold_adaptive": f"{_OURS}:threshold_adaptive",
    },
    "skimage.measure": {
        "compare_mse": "skimage.metrics:mean_squared_error",
        "compare_nrmse": f"{_OURS}:compare_nrmse",
        "compare_psnr": "skimage.metrics:peak_signal_noise_ratio",
        "compare_ssim": f"{_OURS}:compare_ssim",
        "marching_cubes_lewiner": "skimage.measure:marching_cubes",
    },
    "skimage.morphology": {
        "skeletonize_3d": "skimage.morphology:skeletonize",
        "watershed": "skimage.segmentation:watershed",
    },
    "skimage.util": {"pad": "numpy:pad"},
}


def _channel_axis(multichannel, positional):
    return {"channel_axis": -1 if multichannel else None}


def _without_effect(value, positional):
    return {}


def _out(in_place, positional):
    return {"out": positional[0]} if in_place else {}


def _connectivity(neighbors, positional):
    """Convert a number of neighbours: 4 share an edge (connectivity 1), 8 an edge or a corner (2)."""
    return {"connectivity": {4: 1, 8: 2}[neighbors]}


_CHANNELS = {"multichannel": _channel_axis}
_FOOTPRINT = {"selem": renamed("footprint")}

ARGUMENTS = {
    "skimage.draw": {"random_shapes": _CHANNELS},
    "skimage.filters": {"gaussian": _CHANNELS, "median": _FOOTPRINT, "unsharp_mask": _CHANNELS},
    "skimage.io": {"imread": {"as_grey": renamed("as_gray")}},
    "skimage.measure": {
        "label": {"neighbors": _connectivity},
        "regionprops": {"coordinates": _without_effect},  # "rc" is the only order today
    },
    "skimage.morphology": {
        **{
            prefix + name: _FOOTPRINT
            for prefix in ("", "binary_")
            for name in ("closing", "dilation", "erosion", "opening")
        },
        "black_tophat": _FOOTPRINT,
        "label": {"neighbors": _connectivity},
        "local_maxima": _FOOTPRINT,
        "reconstruction": _FOOTPRINT,
        "remove_small_holes": {"in_place": _out, "min_size": renamed("area_threshold")},
        "remove_small_objects": {"in_place": _out},
        "white_tophat": _FOOTPRINT,
    },
    "skimage.restoration": {
        "denoise_bilateral": _CHANNELS,
        "denoise_nl_means": _CHANNELS,
        "denoise_tv_chambolle": _CHANNELS,
        "denoise_wavelet": _CHANNELS,
    },
    "skimage.segmentation": {
        "clear_border": {"in_place": _out},
        "random_walker": _CHANNELS,
        "slic": _CHANNELS,
    },
    "skimage.transform": {
        "pyramid_expand": _CHANNELS,
        "pyramid_gaussian": _CHANNELS,
        "pyramid_reduce": _CHANNELS,
        "rescale": _CHANNELS,
    },
}


# Functions that reject or misread inputs that they used to accept.
CHANGED = {
    "skimage.color": {"gray2rgb": "gray2rgb", "rgb2gray": "rgb2gray"},
    "skimage.feature": {"peak_local_max": "peak_local_max"},
    "skimage.io": {"imsave": "imsave"},
    "skimage.transform": {"rescale": "taking_masks", "resize": "taking_masks"},
}


def supply():
    """Complete scikit-image's modules when they are imported, and make removed modules importable."""
    for name in NAMES.keys() | ARGUMENTS.keys() | CHANGED.keys():
        after_import(name, _complete)
    supply_module("skimage.external", lambda module: None, "")
    supply_alias("skimage.external.tifffile", "tifffile", "scikit-image")
    supply_alias("skimage.filter", "skimage.filters", "scikit-image")


def _complete(module):
    place = module.__name__
    wrap_functions(module, {name: partial(_wrap, place, name) for name in _changed_names(place)})
    supply_names(module, from_table(NAMES.get(place, {})), place, "scikit-image")


def _changed_names(place):
    return ARGUMENTS.get(place, {}).keys() | CHANGED.get(place, {}).keys()


def _wrap(place, name, function):
    """Wrap a function of scikit-image so that it accepts its old inputs and arguments."""
    if name in CHANGED.get(place, {}):
        function = getattr(importlib.import_module(_OURS), CHANGED[place][name])(function)
    conversions = ARGUMENTS.get(place, {}).get(name, {})
    return with_arguments(function, conversions, f"{place}.{name}", "scikit-image")
