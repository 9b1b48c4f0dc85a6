"""Names of other packages that matterport's modules handed on: ``visualize.plt``, ``modellib.utils``.

Programs take them as attributes, or by ``from mrcnn.visualize import *``. They are imported when used.
"""

import importlib

_ANYWHERE = {name: f"{name}:" for name in ("math", "os", "random")}

# By door and name: "module:attribute", or "module:" for a module itself.
NAMES = {
    "mrcnn.model": {
        **_ANYWHERE,
        "K": "keras.backend:",
        "KL": "keras.layers:",
        "KM": "keras.models:",
        "OrderedDict": "collections:OrderedDict",
        "datetime": "datetime:",
        "multiprocessing": "multiprocessing:",
        "re": "re:",
        "utils": "mrcnn.utils:",
    },
    "mrcnn.parallel_model": {"K": "keras.backend:", "KL": "keras.layers:", "KM": "keras.models:"},
    "mrcnn.utils": {
        **_ANYWHERE,
        "scipy": "scipy:",
        "shutil": "shutil:",
        "skimage": "skimage:",
        "sys": "sys:",
        "urllib": "urllib:",
        "warnings": "warnings:",
    },
    "mrcnn.visualize": {
        **_ANYWHERE,
        "Polygon": "matplotlib.patches:Polygon",
        "colorsys": "colorsys:",
        "find_contours": "skimage.measure:find_contours",
        "itertools": "itertools:",
        "lines": "matplotlib.lines:",
        "patches": "matplotlib.patches:",
        "plt": "matplotlib.pyplot:",
        "sys": "sys:",
        "utils": "mrcnn.utils:",
    },
}
# What their own code imports too.
ALREADY_THERE = {
    "mrcnn.model": ("keras", "np"),
    "mrcnn.parallel_model": ("keras",),
    "mrcnn.utils": ("np",),
    "mrcnn.visualize": ("np",),
}


def of(door):
    """Return the module attributes __getattr__ and __all__ that hand on the names of a module."""
    table = NAMES[door]

    def __getattr__(name):
        if name not in table:
            raise AttributeError(f"module {door!r} has no attribute {name!r}")
        module, _, attribute = table[name].partition(":")
        found = importlib.import_module(module)
        return getattr(found, attribute) if attribute else found

    return __getattr__, [*table, *ALREADY_THERE[door]]
