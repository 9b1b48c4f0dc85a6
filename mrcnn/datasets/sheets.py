"""Contact sheets: one image of many pictures with outlined masks, in rows of equal width."""

import io
import math
import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from mrcnn.drawing import apply_mask, draw_outline, lettering, random_colors, without_warnings_of_letters
from mrcnn.files import write_bytes
from mrcnn.pipeline.masks import resize_nearest

DPI = 100
PIXELS = 550  # longer side of an image before drawing: twice that of a cell in a sheet of six columns
TINT = 0.35  # opacity of an instance's colour in tinted masks
_COLORS = (256, 192, 128, 96, 64, 32)  # palette sizes to try until a file is small enough
_GAP = 4  # pixels between pictures
_NARROWEST, _WIDEST = 0.5, 3.0  # limits of a cell's width / height; an image beyond them does not fill it
_FONT, _LINE, _LETTER = 7, 13, 6  # in points; pixels per line and per letter
_SQUARE = 8  # pixels of a colour in a legend


@dataclass
class Picture:
    """One cell of a sheet: image [H, W, 3] uint8, masks [H, W, N], a caption, and a fault in red.

    colors: of the masks' outlines; None gives each a colour of its own.
    """

    image: np.ndarray
    masks: np.ndarray
    caption: str = ""
    fault: str = ""
    colors: list | None = None


def picture(image, masks, caption="", fault="", tinted=False, pixels=PIXELS, colors=None):
    """Reduce a Picture to the size at which a sheet shows it.

    caption, fault, colors: as of Picture. tinted: tint the masks with the colours of their outlines.
    pixels: the longer side that the sheet needs.
    """
    small = Image.fromarray(image.astype(np.uint8))
    small.thumbnail((pixels, pixels))
    shape = small.height, small.width
    masks = resize_nearest(masks, shape) if masks.size else np.zeros((*shape, 0), bool)
    painted = np.array(small)
    tints = (colors or random_colors(masks.shape[2])) if tinted else []
    for number, color in enumerate(tints):
        apply_mask(painted, masks[:, :, number], color, TINT)
    return Picture(painted, masks, caption, fault, colors)


def draw(pictures, columns=6, width=1650, legend=()):
    """Return a Figure of Pictures, row by row.

    columns: pictures per row. width: of the sheet in pixels; every row fills it, except a shorter last one.
    legend: (text, colour) of what stands above all pictures.
    """
    words = _words(legend, width)
    top_band = _LINE * (words[-1][2] + 1) + 2 * _GAP if words else 0
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)] or [[]]
    heights = [(width - _GAP * (len(row) - 1)) / max(1, sum(map(_aspect, row))) for row in rows]
    if len(rows) > 1 and len(rows[-1]) < columns:  # a shorter last row is not enlarged
        heights[-1] = min(heights[-1], heights[-2])
    bands = [_band(row, height) for row, height in zip(rows, heights)]
    total = sum(heights) + sum(bands) + _GAP * (len(rows) - 1) + top_band
    figure = Figure(figsize=(width / DPI, total / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    _write(figure, words, width, total)
    top = total - top_band
    for row, height, band in zip(rows, heights, bands):
        left, bottom = 0, top - band - height
        for item in row:
            own_width = height * _aspect(item)
            ax = figure.add_axes((left / width, bottom / total, own_width / width, height / total))
            _draw(ax, item, _letters(item, height))
            left += own_width + _GAP
        top = bottom - _GAP
    return figure


def _words(legend, width):
    """Return (text, colour, line, left end in pixels) of each entry of a legend."""
    words, line, left = [], 0, _LETTER
    for text, color in legend:
        length = _LETTER * (len(text) + 3)
        if left > _LETTER and left + length > width:
            line, left = line + 1, _LETTER
        words.append((text, color, line, left))
        left += length
    return words


def _write(figure, words, width, total):
    """Write a legend at the top of a Figure: a square in each entry's colour, and its text."""
    for text, color, line, left in words:
        bottom = total - _GAP - _LINE * (line + 1)
        if color is not None:
            corner = (left / width, (bottom + 3) / total)
            square = Rectangle(
                corner, 8 / width, 8 / total, facecolor=color, edgecolor="black", linewidth=0.5
            )
            figure.add_artist(square)
        place = (left + 2 * _LETTER * (color is not None)) / width, (bottom + 3) / total
        figure.text(*place, text, fontsize=_FONT, color="black", va="bottom", **lettering())


def _aspect(item):
    """Return width / height of a picture's cell."""
    return float(np.clip(item.image.shape[1] / item.image.shape[0], _NARROWEST, _WIDEST))


def _letters(item, height):
    """Return the number of letters that a line above a picture holds."""
    return max(1, math.floor(height * _aspect(item) / _LETTER))


def _band(row, height):
    """Return the height in pixels of the text above a row."""
    return _LINE * max((len(_lines(item, _letters(item, height))) for item in row), default=0)


def _lines(item, letters):
    """Return the lines above a picture from the top, each with its colour: fault and caption."""
    return [
        (line, color)
        for text, color in ((item.fault, "firebrick"), (item.caption, "black"))
        for line in textwrap.wrap(text, letters)
    ]


def _draw(ax, item, letters):
    ax.imshow(item.image, interpolation="bilinear")
    for number, color in enumerate(item.colors or random_colors(item.masks.shape[2])):
        draw_outline(ax, item.masks[:, :, number], color)
    height, width = item.image.shape[:2]
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    ax.axis("off")
    ax.set_anchor("NW")
    if _NARROWEST <= width / height <= _WIDEST:
        ax.set_aspect("auto")  # the cell has the image's proportions to within a pixel
    for place, (line, color) in enumerate(reversed(_lines(item, letters))):
        options = {"fontsize": _FONT, "color": color, "weight": "bold" if color == "firebrick" else "normal"}
        offset = (1, 2.5 + place * _LINE * 72 / DPI)  # points
        where = {"xycoords": "axes fraction", "textcoords": "offset points"}
        ax.annotate(line, (0, 1), offset, **where, **options, **lettering())


def save(figure, path, max_bytes=None):
    """Write a Figure as PNG.

    path: a Path. max_bytes: reduce a larger file to a palette, with as many colours as fit and at least 32.
    """
    file = io.BytesIO()
    with without_warnings_of_letters():
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    data = file.getvalue()
    for colors in _COLORS if max_bytes else ():
        if len(data) <= max_bytes:
            break
        data = _in_colors(Image.open(file), colors)
    write_bytes(path, data, durable=False)


def _in_colors(image, colors):
    """Encode an image as PNG with a palette of ``colors`` colours."""
    file = io.BytesIO()
    image = image.convert("RGB")
    # Pillow's other methods lose the bright outlines, which cover few pixels.
    palette = image.quantize(colors, method=Image.Quantize.MAXCOVERAGE)
    image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(file, "PNG", optimize=True)
    return file.getvalue()
