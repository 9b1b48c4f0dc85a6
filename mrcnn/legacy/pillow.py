"""Pillow's old name of its best filter for making images smaller."""

from mrcnn.legacy.imports import after_import
from mrcnn.supplied import from_table, supply_names


def supply():
    """Let ``PIL.Image`` answer for ANTIALIAS."""
    after_import("PIL.Image", _complete)


def _complete(module):
    supply_names(module, from_table({"ANTIALIAS": "PIL.Image:LANCZOS"}), "Image", "Pillow")
