"""The old names of Pillow's resampling filters."""

from mrcnn.legacy.imports import after_import
from mrcnn.supplied.names import from_table, supply_names

FILTERS = {"ANTIALIAS": "LANCZOS", "CUBIC": "BICUBIC", "LINEAR": "BILINEAR"}


def supply():
    """Add the old names to ``PIL.Image``."""
    after_import("PIL.Image", _complete)


def _complete(module):
    table = {old: f"PIL.Image:{new}" for old, new in FILTERS.items()}
    supply_names(module, from_table(table), "Image", "Pillow")
