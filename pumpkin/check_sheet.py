"""The contact sheet of a data set: images with the outlines of their masks, faulty ones among them."""

import itertools
import math
import warnings
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from mrcnn.drawing import draw_outline, random_colors
from mrcnn.pipeline.masks import resize_nearest
from pumpkin.dataset import DatasetWarning

COLUMNS, COUNT = 6, 24
_CELL, _CAPTION = 2.5, 0.4  # inches
_DPI = 110
_PIXELS = 550  # longer side of an image before it is drawn: twice what a cell has
_LETTERS = 24  # of an image's name


def write_sheet(datasets, report, path, count=COUNT):
    """Write a PNG of up to ``count`` images with the masks that a training sees; returns their number.

    datasets: a dict of split to Dataset. report: of check.check. Up to half of the places go to images that
    findings are about, with the fault as caption, the rest to images spread evenly over the splits.
    Images that cannot be read are left out.
    """
    pictures = []
    for split, image_id in _choose(datasets, report, count):
        picture = _load(datasets[split], image_id)
        if picture is not None:
            pictures.append((split, image_id, *picture))
    columns = max(1, min(COLUMNS, len(pictures)))
    rows = max(1, math.ceil(len(pictures) / columns))
    figure = Figure(figsize=(columns * _CELL, rows * (_CELL + _CAPTION)), dpi=_DPI, layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for ax in axes:
        ax.axis("off")
    for ax, (split, image_id, image, masks) in zip(axes, pictures):
        _draw(ax, image, masks)
        name = str(datasets[split].image_info[image_id]["id"])
        faults = [finding.label for finding in report.findings if (split, image_id) in finding.images]
        _caption(ax, f"{split}  {_shortened(name)}  {_count(masks)}", ", ".join(faults))
    _save(figure, Path(path))
    return len(pictures)


def _choose(datasets, report, count):
    """(split, image_id) of the images to show, by split."""
    # In turns, so that of each finding some are shown.
    turns = itertools.zip_longest(*(_evenly(finding.images, count) for finding in report.findings))
    faulty = list(dict.fromkeys(place for turn in turns for place in turn if place is not None))
    places = [(split, int(i)) for split, dataset in datasets.items() for i in dataset.image_ids]
    chosen = set(faulty[: count // 2])
    chosen |= set(_evenly([place for place in places if place not in chosen], count - len(chosen)))
    return [place for place in places if place in chosen]


def _evenly(items, count):
    """At most ``count`` of some items, evenly spread."""
    if len(items) <= count:
        return items
    return [items[int(k)] for k in (np.arange(count) + 0.5) * (len(items) / count)]


def _load(dataset, image_id):
    """An image and its masks [H, W, N], reduced to what the sheet shows; None where either is unreadable."""
    try:
        image = dataset.load_image(image_id)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DatasetWarning)  # the findings tell of masks that are left out
            masks, _ = dataset.load_mask(image_id)
    except (ValueError, OSError):
        return None
    small = Image.fromarray(image)
    small.thumbnail((_PIXELS, _PIXELS))
    shape = small.height, small.width
    if not masks.size:
        masks = np.zeros((*shape, 0), bool)
    return np.asarray(small), resize_nearest(masks, shape)


def _draw(ax, image, masks):
    ax.imshow(image)
    for number, color in enumerate(random_colors(masks.shape[2])):
        draw_outline(ax, masks[:, :, number], color)
    ax.set_xlim(-0.5, image.shape[1] - 0.5)
    ax.set_ylim(image.shape[0] - 0.5, -0.5)


def _caption(ax, name, fault):
    """A line above an image, and a red one for its fault."""
    ax.set_anchor("NW")
    ax.set_title(name, fontsize=7, loc="left", pad=12 if fault else 3)
    options = {"fontsize": 7, "color": "firebrick", "weight": "bold", "va": "bottom"}
    ax.annotate(fault, (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", **options)


def _count(masks):
    return "1 mask" if masks.shape[2] == 1 else f"{masks.shape[2]} masks"


def _shortened(name):
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"


def _save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    figure.savefig(temporary, format="png")
    temporary.replace(path)
