"""Contact sheets: images with the outlines of their masks in one PNG."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from mrcnn.drawing import draw_outline, random_colors
from mrcnn.pipeline.masks import resize_nearest

COLUMNS = 6
_CELL, _CAPTION = 2.5, 0.4  # inches
_DPI = 110
_PIXELS = 550  # longer side of an image before it is drawn: twice what a cell has
_LETTERS = 24  # of an image's name


@dataclass
class Picture:
    """One cell of a sheet: image [H, W, 3] uint8, masks [H, W, N], a caption, and a fault told in red."""

    image: np.ndarray
    masks: np.ndarray
    caption: str
    fault: str = ""


def picture(image, masks, caption, fault=""):
    """A Picture reduced to what a sheet shows of it."""
    small = Image.fromarray(image)
    small.thumbnail((_PIXELS, _PIXELS))
    shape = small.height, small.width
    if not masks.size:
        masks = np.zeros((*shape, 0), bool)
    return Picture(np.asarray(small), resize_nearest(masks, shape), caption, fault)


def caption(*words, name, masks):
    """The line above an image: some words, its name and how many masks it has."""
    name = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
    count = masks.shape[2] if masks.size else 0
    return "  ".join([*words, name, "1 mask" if count == 1 else f"{count} masks"])


def write_pictures(path, pictures):
    """Write pictures in rows as a PNG, under another name first."""
    columns = max(1, min(COLUMNS, len(pictures)))
    rows = max(1, math.ceil(len(pictures) / columns))
    figure = Figure(figsize=(columns * _CELL, rows * (_CELL + _CAPTION)), dpi=_DPI, layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for ax in axes:
        ax.axis("off")
    for ax, item in zip(axes, pictures):
        _draw(ax, item)
    _save(figure, Path(path))


def _draw(ax, item):
    ax.imshow(item.image)
    for number, color in enumerate(random_colors(item.masks.shape[2])):
        draw_outline(ax, item.masks[:, :, number], color)
    ax.set_xlim(-0.5, item.image.shape[1] - 0.5)
    ax.set_ylim(item.image.shape[0] - 0.5, -0.5)
    ax.set_anchor("NW")
    ax.set_title(item.caption, fontsize=7, loc="left", pad=12 if item.fault else 3)
    options = {"fontsize": 7, "color": "firebrick", "weight": "bold", "va": "bottom"}
    ax.annotate(item.fault, (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", **options)


def _save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    figure.savefig(temporary, format="png")
    temporary.replace(path)
