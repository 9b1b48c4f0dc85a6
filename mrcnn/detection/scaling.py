"""Scale a photograph and what was found in it, for pictures of another size."""

from dataclasses import replace

import cv2
import numpy as np


def scaled(image, found, size):
    """Return an image [H, W, 3] and its Detections, both scaled so that the longer side has ``size`` pixels.

    None keeps them. Lines and letters that are drawn afterwards are as sharp as in any picture of that size.
    """
    height, width = image.shape[:2]
    if size is None or size == max(height, width):
        return image, found
    factor = size / max(height, width)
    tall, wide = (max(1, round(side * factor)) for side in (height, width))
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(np.ascontiguousarray(image), (wide, tall), interpolation=kind)
    rois = _boxes(found.rois, np.array([tall / height, wide / width] * 2), (tall, wide))
    crops = [_crop(crop, box) for crop, box in zip(found.crops, rois)]
    return picture, replace(found, size=(tall, wide), rois=rois, crops=crops)


def _boxes(rois, factors, size):
    """Return boxes [N, 4] times factors: within the picture, and at least a pixel tall and wide."""
    boxes = np.round(rois * factors).astype(np.int32).reshape(-1, 4)
    first = np.minimum(boxes[:, :2], np.array(size) - 1)
    return np.hstack([first, np.maximum(boxes[:, 2:], first + 1)]).astype(np.int32)


def _crop(crop, box):
    y1, x1, y2, x2 = (int(side) for side in box)
    if not crop.size:
        return np.zeros((y2 - y1, x2 - x1), bool)
    shrinks = crop.shape[0] > y2 - y1
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    shares = cv2.resize(crop.astype(np.float32), (x2 - x1, y2 - y1), interpolation=kind)
    return shares >= 0.5
