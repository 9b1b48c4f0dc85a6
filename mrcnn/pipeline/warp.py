"""Move a picture and its masks within their frame by one affine map.

A part is the half-open rectangle (y1, x1, y2, x2), in pixels of the picture, that stays visible. A matrix is
[3, 3] and maps (x, y, 1) of the picture to the frame, with pixel centres at whole numbers. The frame has the
picture's size. N: masks.
"""

import cv2
import numpy as np


def random_part(height, width, least, rng):
    """Choose a random part whose sides are at least ``least`` (a share, 0 to 1) of the picture's sides."""
    sides = [max(1, round(side * rng.uniform(least, 1))) for side in (height, width)]
    top, left = (int(rng.integers(whole - side + 1)) for whole, side in zip((height, width), sides))
    return top, left, top + sides[0], left + sides[1]


def zoom(part, factor, frame, rng):
    """Return the matrix that scales a part and places it at random in the frame.

    If the scaled part is larger than the frame, the frame is placed at random within it.
    """
    y1, x1, y2, x2 = part
    x, y = ((side - factor * size) * rng.uniform(0, 1) for side, size in zip(frame[::-1], (x2 - x1, y2 - y1)))
    return np.array([[factor, 0, x - factor * x1], [0, factor, y - factor * y1], [0, 0, 1]])


def rotation(degrees, frame):
    """Return the matrix of a rotation about the centre of the frame, counter-clockwise on the screen."""
    middle = ((frame[1] - 1) / 2, (frame[0] - 1) / 2)
    return np.concatenate([cv2.getRotationMatrix2D(middle, degrees, 1.0), [[0, 0, 1]]])


def image(pixels, part, matrix):
    """Warp a picture [H, W, 3] into its frame with linear interpolation; uncovered pixels are black."""
    y1, x1, y2, x2 = part
    height, width = pixels.shape[:2]
    # Interpolation alone skips pixels when it shrinks much; average first to avoid aliasing.
    factor = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    seen = np.ascontiguousarray(pixels[y1:y2, x1:x2])
    local = matrix @ _shift(x1, y1)
    if factor < 0.5:
        small = [max(1, round(side * factor)) for side in (x2 - x1, y2 - y1)]
        ratios = (x2 - x1) / small[0], (y2 - y1) / small[1]
        # Pixel centres are whole numbers, so the small picture's first centre is not at 0 of the picture.
        local = local @ _shift(*((ratio - 1) / 2 for ratio in ratios)) @ np.diag([*ratios, 1])
        seen = cv2.resize(seen, small, interpolation=cv2.INTER_AREA)
    return cv2.warpAffine(seen, local[:2], (width, height), flags=cv2.INTER_LINEAR)


def masks(planes, part, matrix):
    """Warp masks [H, W, N] bool like their picture, by nearest pixel; only their boxes are processed."""
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
    """Return the box of a mask within a part, or None if the mask has no pixel there."""
    y1, x1, y2, x2 = part
    rows = np.flatnonzero(mask[y1:y2, x1:x2].any(axis=1))
    if not len(rows):
        return None
    top, bottom = y1 + rows[0], y1 + rows[-1] + 1
    columns = np.flatnonzero(mask[top:bottom, x1:x2].any(axis=0))
    return int(top), int(x1 + columns[0]), int(bottom), int(x1 + columns[-1] + 1)


def _reach(box, matrix, height, width):
    """Return the box in the frame that a box of the picture can reach, clipped to the frame."""
    y1, x1, y2, x2 = box
    corners = np.array([[x1, x2, x1, x2], [y1, y1, y2, y2], [1, 1, 1, 1]]) - [[0.5], [0.5], [0]]
    x, y = (matrix @ corners)[:2]
    left, right = (int(np.clip(v, 0, width)) for v in (np.floor(x.min()), np.ceil(x.max()) + 1))
    top, bottom = (int(np.clip(v, 0, height)) for v in (np.floor(y.min()), np.ceil(y.max()) + 1))
    return top, left, bottom, right
