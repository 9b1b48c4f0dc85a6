"""Draw detections on the photograph's own pixels, in milliseconds: for the files of many photographs.

mrcnn.visualize draws the same with Matplotlib, for windows and notebooks.
"""

import cv2
import numpy as np
from PIL import Image, ImageDraw

from mrcnn.drawing import font_for, random_colors

_TINT = 0.35  # opacity of an instance's colour in its mask
_PLATE = 0.55  # opacity of the plate behind a caption
_DARK = (30, 30, 30)
_LETTERS, _SMALLEST = 12, 8  # pixels: height of the letters in a picture of 1000 px, and in any
_LEAST_SCALE = 0.7
_CROWDED = 0.1  # share of the picture that captions may hide
_BEYOND = 1.5  # width of a caption against that of its box, in a crowd
_SUBPIXEL = 4  # bits of a contour's coordinates below a pixel
_NARROW = 500  # pixels of a picture's width below which a dark line would hide too much
_FEW = 16  # points of a contour below which smoothing would shrink it


def draw(image, found, class_names):
    """Return a copy of an image with tinted and outlined masks, dashed boxes, classes and scores.

    image: [H, W, 3] uint8. found: its Detections. class_names: indexed by class id.
    """
    picture = np.ascontiguousarray(image[:, :, :3]).copy()
    scale = max(_LEAST_SCALE, picture.shape[1] / 1000)
    colors = [tuple(round(255 * value) for value in color) for color in random_colors(len(found.rois))]
    for box, crop, color in zip(found.rois, found.crops, colors):
        _tint(picture, box, crop, color)
    for box, crop, color in zip(found.rois, found.crops, colors):
        _outline(picture, box, crop, color, scale)
        _dash(picture, box, color, scale)
    return _captioned(picture, found.rois, _captions(found, class_names, picture, scale), colors, scale)


def _captions(found, class_names, picture, scale):
    """Return the text at each detection: class and score, or in a crowd what fits its box, even nothing."""
    scores = [f"{score:.2f}" for score in found.scores]
    texts = [f"{class_names[i]} {score}" for i, score in zip(found.class_ids, scores)]
    sizes = [_size_of(text, scale)[1:] for text in texts]
    if sum(width * height for width, height in sizes) <= _CROWDED * picture.shape[0] * picture.shape[1]:
        return texts
    chosen = []
    for (_, x1, _, x2), *choices in zip(found.rois, texts, scores):
        room = _BEYOND * (x2 - x1)
        chosen.append(next((text for text in choices if _size_of(text, scale)[1] <= room), ""))
    return chosen


def _size_of(text, scale):
    """Return the font of a caption, and its width and height with a margin, in pixels."""
    font = font_for(text, max(_SMALLEST, round(_LETTERS * scale)))
    left, top, right, bottom = font.getbbox(text)
    pad = max(1, round(2 * scale))
    return font, right - left + 2 * pad, bottom - top + 2 * pad


def encode(picture):
    """Encode a picture [H, W, 3] uint8 RGB, or [H, W, 4] with alpha, as PNG; return bytes."""
    order = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, order))
    if not done:
        raise ValueError(f"A picture of shape {picture.shape} cannot be a PNG.")
    return data.tobytes()


def _tint(picture, box, crop, color, opacity=_TINT):
    y1, x1, y2, x2 = box
    pixels = picture[y1:y2, x1:x2]
    tinted = cv2.addWeighted(pixels, 1 - opacity, np.full_like(pixels, color), opacity, 0)
    np.copyto(pixels, tinted, where=crop[:, :, None])


def _outline(picture, box, crop, color, scale):
    """Draw the contours of a mask, closed at its box, over a dark line if there is room for it."""
    framed = np.pad(crop.astype(np.uint8), 1)  # contours close within the frame
    contours, _ = cv2.findContours(framed, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    first = np.array([box[1] - 1, box[0] - 1])
    apart = max(1, round(2 * scale))  # pixels between corners: fewer than a line is wide
    lines = [
        np.round((_smooth(contour[:, 0])[::apart] + first) * 2**_SUBPIXEL).astype(np.int32)
        for contour in contours
    ]
    strokes = ((_DARK, 2.6), (color, 1.2))
    for line_color, width in strokes if picture.shape[1] >= _NARROW else strokes[1:]:
        thickness = max(1, round(width * scale))
        cv2.polylines(picture, lines, True, line_color, thickness, cv2.LINE_AA, _SUBPIXEL)


def _smooth(points):
    """Smooth the pixel steps of a closed contour [P, (x, y)]: each point becomes the mean of five."""
    if len(points) < _FEW:
        return points
    return sum(np.roll(points, shift, axis=0) for shift in range(-2, 3)) / 5


def _dash(picture, box, color, scale):
    """Draw the outline of a box in dashes."""
    y1, x1, y2, x2 = box
    width, dash = max(1, round(scale)), max(1, round(4 * scale))
    rows, columns = (a + np.flatnonzero(np.arange(b - a) // dash % 3 < 2) for a, b in ((y1, y2), (x1, x2)))
    for start in (y1, max(y1, y2 - width)):
        picture[start : start + width, columns] = color
    for start in (x1, max(x1, x2 - width)):
        picture[rows, start : start + width] = color


def _captioned(picture, boxes, texts, colors, scale):
    """Write a text at each box: above it, or at the first other position with room; none without room."""
    written, taken = [], np.zeros((0, 4), int)
    for box, text, color in zip(boxes, texts, colors):
        if not text:
            continue
        font, width, height = _size_of(text, scale)
        for area in _places(box, width, height, picture.shape):
            if not _overlaps(area, taken):
                taken = np.vstack([taken, area])
                written.append((area, text, font))
                _tint(picture, area, np.ones((height, width), bool), color, _PLATE)
                break
    drawn = Image.fromarray(picture)
    pen = ImageDraw.Draw(drawn)
    for area, text, font in written:
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
