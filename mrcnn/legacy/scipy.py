"""SciPy's old functions for images: scipy.misc, and imread in scipy.ndimage."""

from mrcnn.legacy.imports import after_import, supply_module
from mrcnn.supplied.names import from_table, supply_names

MISC = {
    name: f"mrcnn.legacy.scipy_misc:{name}"
    for name in ["bytescale", "fromimage", "imread", "imresize", "imrotate", "imsave", "toimage"]
} | {name: f"scipy.special:{name}" for name in ["comb", "factorial", "logsumexp"]}


def supply():
    """Let scipy.misc and scipy.ndimage answer for the functions; make scipy.misc where it is gone."""
    after_import("scipy.misc", _complete_misc)
    supply_module("scipy.misc", lambda module: None, "is gone from SciPy; supplied.")
    after_import("scipy.ndimage", _complete_ndimage)
    after_import("scipy", _complete_scipy)


def _complete_misc(module):
    supply_names(module, from_table(MISC), "scipy.misc", "SciPy")


def _complete_ndimage(module):
    supply_names(module, from_table({"imread": MISC["imread"]}), "scipy.ndimage", "SciPy")


def _complete_scipy(module):
    """``scipy.misc`` was there after ``import scipy.ndimage``, too."""
    supply_names(module, from_table({"misc": "scipy.misc:"}), "scipy", "SciPy")
