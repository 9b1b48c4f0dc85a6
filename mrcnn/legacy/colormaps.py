"""Replacements of functions that matplotlib.cm had."""

from matplotlib import colormaps, rcParams
from matplotlib.colors import Colormap


def get_cmap(name=None, lut=None):
    """Return a colour map. name: None for the default one; a Colormap is returned. lut: number of colours."""
    if isinstance(name, Colormap):
        return name
    found = colormaps[name or rcParams["image.cmap"]]
    return found if lut is None else found.resampled(lut)


def register_cmap(name=None, cmap=None):
    """Make a colour map known by a name; None: its own."""
    colormaps.register(cmap, name=name, force=True)
