"""Moving a picture and its masks within their frame by one affine map.

A part is (y1, x1, y2, x2) pixels of the picture, half-open; only it is seen. A matrix is [3, 3] and takes
(x, y, 1) of the picture, a pixel's centre at whole numbers, to the frame; the frame has the picture's size.
N: masks.
"""

import cv2
import numpy as np


def random_part(height, width, least, rng):
    """A random rectangle of which each side is at least a share ``least`` of the picture's."""
    sides = [max(1, round(side * rng.uniform(least, 1))) for side in (height, width)]
    top, left = (int(rng.integers(whole - side + 1)) for whole, side in zip((height, width), sides))
    return top, left, top + sides[0], left + sides[1]


def zoom(part, factor, frame, rng):
    """The matrix that scales a part and puts it at random in the frame, or at random cuts what is larger."""
    y1, x1, y2, x2 = part
    x, y = ((side - factor * size) * rng.uniform(0, 1) for side, size in zip(frame[::-1], (x2 - x1, y2 - y1)))
    return np.array([[factor, 0, x - factor * x1], [0, factor, y - factor * y1], [0, 0, 1]])


def rotation(degrees, frame):
    """The matrix of a turn about the middle of the frame, counter-clockwise on the screen."""
    middle = ((frame[1] - 1) / 2, (frame[0] - 1) / 2)
    return np.concatenate([cv2.getRotationMatrix2D(middle, degrees, 1.0), [[0, 0, 1]]])


def image(pixels, part, matrix):
    """A picture [H, W, 3] moved into its frame, linearly interpolated, black where nothing comes."""
    y1, x1, y2, x2 = part
    height, width = pixels.shape[:2]
    # Shrinking skips pixels: they are averaged first, or fine patterns would glitter.
    factor = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    seen = np.ascontiguousarray(pixels[y1:y2, x1:x2])
    local = matrix @ _shift(x1, y1)
    if factor < 0.5:
        small = [max(1, round(side * factor)) for side in (x2 - x1, y2 - y1)]
        ratios = (x2 - x1) / small[0], (y2 - y1) / small[1]
        # Centres of pixels stand at whole numbers, so the first one of the small picture is not at 0.
        local = local @ _shift(*((ratio - 1) / 2 for ratio in ratios)) @ np.diag([*ratios, 1])
        seen = cv2.resize(seen, small, interpolation=cv2.INTER_AREA)
    return cv2.warpAffine(seen, local[:2], (width, height), flags=cv2.INTER_LINEAR)


def masks(planes, part, matrix):
    """Masks [H, W, N] bool moved likewise, each pixel from the nearest; only their boxes are looked at."""
    height, width, count = planes.shape
    moved = np.zeros((count, height, width), bool)
    for i in range(count):
        box = _box(planes[:, :, i], part)
        if box is None:
            continue
        y1, x1, y2, x2 = box
        top, left, bottom, right = _reach(box, matrix, height, width)
        if bottom <= top or right <= left:
            continue
        local = _shift(-left, -top) @ matrix @ _shift(x1, y1)
        seen = np.ascontiguousarray(planes[y1:y2, x1:x2, i]).view(np.uint8)
        size = (right - left, bottom - top)
        moved[i, top:bottom, left:right] = cv2.warpAffine(seen, local[:2], size, flags=cv2.INTER_NEAREST)
    return np.moveaxis(moved, 0, -1)


def _shift(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)


def _box(mask, part):
    """The box of a mask within a part, or None if it has no pixel there."""
    y1, x1, y2, x2 = part
    rows = np.flatnonzero(mask[y1:y2, x1:x2].any(axis=1))
    if not len(rows):
        return None
    top, bottom = y1 + rows[0], y1 + rows[-1] + 1
    columns = np.flatnonzero(mask[top:bottom, x1:x2].any(axis=0))
    return int(top), int(x1 + columns[0]), int(bottom), int(x1 + columns[-1] + 1)


def _reach(box, matrix, height, width):
    """The box in the frame that a box of the picture can come to, cut to the frame."""
    y1, x1, y2, x2 = box
    corners = np.array([[x1, x2, x1, x2], [y1, y1, y2, y2], [1, 1, 1, 1]]) - [[0.5], [0.5], [0]]
    x, y = (matrix @ corners)[:2]
    left, right = (int(np.clip(v, 0, width)) for v in (np.floor(x.min()), np.ceil(x.max()) + 1))
    top, bottom = (int(np.clip(v, 0, height)) for v in (np.floor(y.min()), np.ceil(y.max()) + 1))
    return top, left, bottom, right
