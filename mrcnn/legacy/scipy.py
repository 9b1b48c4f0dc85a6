"""SciPy's removed image functions: scipy.misc, and imread in scipy.ndimage."""

from mrcnn.legacy.imports import after_import, supply_module
from mrcnn.supplied.names import from_table, supply_names

MISC = {
    name: f"mrcnn.legacy.scipy_misc:{name}"
    for name in ["bytescale", "fromimage", "imread", "imresize", "imrotate", "imsave", "toimage"]
} | {name: f"scipy.special:{name}" for name in ["comb", "factorial", "logsumexp"]}


def supply():
    """Add the functions to scipy.misc and scipy.ndimage, and supply scipy.misc if it is missing."""
    after_import("scipy.misc", _complete_misc)
    supply_module("scipy.misc", lambda module: None, "was removed from SciPy; using a replacement.")
    after_import("scipy.ndimage", _complete_ndimage)
    after_import("scipy", _complete_scipy)


def _complete_misc(module):
    supply_names(module, from_table(MISC), "scipy.misc", "SciPy")


def _complete_ndimage(module):
    supply_names(module, from_table({"imread": MISC["imread"]}), "scipy.ndimage", "SciPy")


def _complete_scipy(module):
    """Add scipy.misc, which used to be available after ``import scipy.ndimage`` too."""
    supply_names(module, from_table({"misc": "scipy.misc:"}), "scipy", "SciPy")
