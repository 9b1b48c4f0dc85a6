"""The legend of a picture that has a colour for each class."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from mrcnn.detection.captions import size_of
from mrcnn.detection.paint import tint
from mrcnn.drawing import colors_of

_DARK, _PLATE = (20, 20, 20), 0.7  # colour and opacity of the plate behind it
_MOST = 0.4  # share of the picture's height and width that it may take
_ALL = 12  # classes that a steady legend always lists


@dataclass(frozen=True)
class Legend:
    """The rows of a legend and where it is.

    area: (y1, x1, y2, x2). rows: pairs of a text and a colour, RGB in 0 ... 255, or None. row_height: pixels.
    """

    area: np.ndarray
    rows: list
    row_height: int


def legend_of(found, class_names, shape, scale, steady=False):
    """Return the Legend of a picture, or None if there is no room for it or nothing to list.

    found: the Detections. shape: of the picture, (height, width, ...). scale: of letters. It lists the
    classes that were found, each with their number, in the corner where it hides least. steady: for the
    pictures of a video, where it stays in one corner and, up to 12, lists all classes.
    """
    counts = np.bincount(found.class_ids, minlength=len(class_names))
    listed = [k for k in range(1, len(class_names)) if counts[k] or (steady and len(class_names) <= _ALL + 1)]
    colors = [
        tuple(round(255 * value) for value in color) for color in colors_of(listed, class_names, "class")
    ]
    rows = [(f"{class_names[k]}  {counts[k]}", color) for k, color in zip(listed, colors)]
    tall = max((size_of(text, scale)[2] for text, _ in rows), default=1)
    room = int(_MOST * shape[0]) // tall
    if len(rows) > room:
        rest = len(rows) - (room - 1)
        rows = [*rows[: max(room - 1, 0)], (f"and {rest} more", None)]
    wide = tall + max((size_of(text, scale)[1] for text, _ in rows), default=0)
    if not rows or room < 2 or wide > _MOST * shape[1]:
        return None
    corners = _corners(shape, len(rows) * tall, wide)
    area = corners[0] if steady else min(corners, key=lambda area: _hidden(area, found.rois))
    return Legend(area, rows, tall)


def _corners(shape, height, width):
    bottom, right = shape[0] - height, shape[1] - width
    return [
        np.array([y, x, y + height, x + width]) for y, x in ((0, 0), (0, right), (bottom, 0), (bottom, right))
    ]


def _hidden(area, boxes):
    """Return the number of pixels of boxes that lie in an area, each counted by itself."""
    first, last = np.maximum(boxes[:, :2], area[:2]), np.minimum(boxes[:, 2:], area[2:])
    return int(np.prod(np.maximum(last - first, 0), axis=1).sum())


def written(picture, legend, scale):
    """Return a picture [H, W, 3] uint8 with a legend on it."""
    y1, x1, y2, x2 = legend.area
    tint(picture, legend.area, np.ones((y2 - y1, x2 - x1), bool), _DARK, _PLATE)
    drawn = Image.fromarray(picture)
    pen = ImageDraw.Draw(drawn)
    edge = max(1, legend.row_height // 5)
    for number, (text, color) in enumerate(legend.rows):
        top, side = y1 + number * legend.row_height, legend.row_height
        if color is not None:
            pen.rectangle((x1 + edge, top + edge, x1 + side - edge, top + side - edge), color, "white")
        pen.text((x1 + side, top + side / 2), text, "white", size_of(text, scale)[0], anchor="lm")
    return np.array(drawn)
