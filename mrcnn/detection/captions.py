"""Write what was found beside it on the pixels of a picture: captions that hide little of it."""

import numpy as np
from PIL import Image, ImageDraw

from mrcnn.detection.paint import tint
from mrcnn.drawing import font_for

_PLATE = 0.55  # opacity of the plate behind a caption
_LETTERS, _SMALLEST = 12, 8  # pixels: height of the letters in a picture of 1000 px, and in any
_CROWDED = 0.1  # share of the picture that captions may hide
_BEYOND = 1.5  # width of a caption against that of its box, in a crowd


def texts_for(found, class_names, picture, scale):
    """Return the text at each detection: class and score, or in a crowd what fits its box, even nothing."""
    scores = [f"{score:.2f}" for score in found.scores]
    texts = [f"{class_names[i]} {score}" for i, score in zip(found.class_ids, scores)]
    sizes = [size_of(text, scale)[1:] for text in texts]
    if sum(width * height for width, height in sizes) <= _CROWDED * picture.shape[0] * picture.shape[1]:
        return texts
    chosen = []
    for (_, x1, _, x2), *choices in zip(found.rois, texts, scores):
        room = _BEYOND * (x2 - x1)
        chosen.append(next((text for text in choices if size_of(text, scale)[1] <= room), ""))
    return chosen


def size_of(text, scale):
    """Return the font of a caption, and its width and height with a margin, in pixels."""
    font = font_for(text, max(_SMALLEST, round(_LETTERS * scale)))
    left, top, right, bottom = font.getbbox(text)
    pad = max(1, round(2 * scale))
    return font, right - left + 2 * pad, bottom - top + 2 * pad


def written(picture, boxes, texts, colors, scale, taken=()):
    """Write a text at each box: above it, or at the first other position with room; none without room.

    taken: areas (y1, x1, y2, x2) that have no room. Returns the picture.
    """
    placed, taken = [], np.array(taken, int).reshape(-1, 4)
    for box, text, color in zip(boxes, texts, colors):
        if not text:
            continue
        font, width, height = size_of(text, scale)
        for area in _places(box, width, height, picture.shape):
            if not _overlaps(area, taken):
                taken = np.vstack([taken, area])
                placed.append((area, text, font))
                tint(picture, area, np.ones((height, width), bool), color, _PLATE)
                break
    drawn = Image.fromarray(picture)
    pen = ImageDraw.Draw(drawn)
    for area, text, font in placed:
        middle = (area[1] + area[3]) / 2, (area[0] + area[2]) / 2
        left, top, right, bottom = font.getbbox(text)
        place = middle[0] - (left + right) / 2, middle[1] - (top + bottom) / 2
        pen.text(place, text, "white", font, stroke_width=max(1, round(scale)), stroke_fill="black")
    return np.asarray(drawn)


def _places(box, width, height, shape):
    """Yield boxes for a caption, moved into the picture: above, inside the top, above right, below."""
    y1, x1, y2, x2 = (int(side) for side in box)
    if height > shape[0] or width > shape[1]:
        return
    for top, left in ((y1 - height, x1), (y1, x1), (y1 - height, x2 - width), (y2, x1)):
        top = min(max(top, 0), shape[0] - height)
        left = min(max(left, 0), shape[1] - width)
        yield np.array([top, left, top + height, left + width])


def _overlaps(area, taken):
    top, left, bottom, right = taken.T
    beside = (bottom <= area[0]) | (top >= area[2]) | (right <= area[1]) | (left >= area[3])
    return not beside.all()
