"""Paint masks and boxes on the pixels of a picture."""

import cv2
import numpy as np

TINT = 0.35  # opacity of an instance's colour in its mask
_DARK = (30, 30, 30)
_SUBPIXEL = 4  # bits of a contour's coordinates below a pixel
_NARROW = 500  # pixels of a picture's width below which a dark line would hide too much
_FEW = 16  # points of a contour below which smoothing would shrink it


def tint(picture, box, crop, color, opacity=TINT):
    """Tint the pixels of a mask. picture: [H, W, 3] uint8. box: of the mask. crop: the mask in its box."""
    y1, x1, y2, x2 = box
    pixels = picture[y1:y2, x1:x2]
    tinted = cv2.addWeighted(pixels, 1 - opacity, np.full_like(pixels, color), opacity, 0)
    np.copyto(pixels, tinted, where=crop[:, :, None])


def outline(picture, box, crop, color, scale):
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


def dash(picture, box, color, scale):
    """Draw the outline of a box in dashes."""
    y1, x1, y2, x2 = box
    width, dash = max(1, round(scale)), max(1, round(4 * scale))
    rows, columns = (a + np.flatnonzero(np.arange(b - a) // dash % 3 < 2) for a, b in ((y1, y2), (x1, x2)))
    for start in (y1, max(y1, y2 - width)):
        picture[start : start + width, columns] = color
    for start in (x1, max(x1, x2 - width)):
        picture[rows, start : start + width] = color
