"""Pillow's removed names: of resampling filters, and the methods that measured text."""

from mrcnn.legacy.imports import after_import
from mrcnn.supplied.names import from_table, say, supply_names

FILTERS = {"ANTIALIAS": "LANCZOS", "CUBIC": "BICUBIC", "LINEAR": "BILINEAR"}
_FONTS = ("FreeTypeFont", "ImageFont", "TransposedFont")


def supply():
    """Add the old names to ``PIL.Image``, ``PIL.ImageFont`` and ``PIL.ImageDraw``."""
    after_import("PIL.Image", _complete)
    after_import("PIL.ImageFont", _complete_fonts)
    after_import("PIL.ImageDraw", _complete_drawing)


def _complete(module):
    table = {old: f"PIL.Image:{new}" for old, new in FILTERS.items()}
    supply_names(module, from_table(table), "Image", "Pillow")


def _complete_fonts(module):
    for name in _FONTS:
        _add(getattr(module, name), "getsize", lambda font, text, **options: font.getbbox(text, **options))


def _complete_drawing(module):
    def box(draw, text, font=None, **options):
        return draw.textbbox((0, 0), text, font, **options)

    _add(module.ImageDraw, "textsize", box)


def _add(kind, name, box):
    """Add a method to a class that lacks it: the size of a text by its box (left, top, right, bottom)."""

    def size(self, text, *args, **options):
        say(f"{kind.__name__}.{name} was removed from Pillow; using a replacement.")
        left, _, right, bottom = box(self, text, *args, **options)
        return int(right - left), int(bottom)

    if not hasattr(kind, name):
        setattr(kind, name, size)
