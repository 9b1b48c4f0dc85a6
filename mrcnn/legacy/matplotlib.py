"""The colour maps of matplotlib.cm by name, as functions that Matplotlib has removed."""

from mrcnn.legacy.imports import after_import
from mrcnn.supplied.names import from_table, supply_names

NAMES = {
    "get_cmap": "mrcnn.legacy.colormaps:get_cmap",
    "register_cmap": "mrcnn.legacy.colormaps:register_cmap",
}


def supply():
    """Add the functions to ``matplotlib.cm``."""
    after_import("matplotlib.cm", _complete)


def _complete(module):
    supply_names(module, from_table(NAMES), "matplotlib.cm", "Matplotlib")
