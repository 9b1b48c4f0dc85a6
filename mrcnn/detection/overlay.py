"""Draw detections on the photograph's own pixels, in milliseconds: for the files of many photographs.

mrcnn.visualize draws the same with Matplotlib, for windows and notebooks.
"""

import cv2
import numpy as np

from mrcnn.detection import captions, paint
from mrcnn.drawing import random_colors

_LEAST_SCALE = 0.7


def draw(image, found, class_names):
    """Return a copy of an image with tinted and outlined masks, dashed boxes, classes and scores.

    image: [H, W, 3] uint8. found: its Detections. class_names: indexed by class id.
    """
    picture = np.ascontiguousarray(image[:, :, :3]).copy()
    scale = max(_LEAST_SCALE, picture.shape[1] / 1000)
    colors = [tuple(round(255 * value) for value in color) for color in random_colors(len(found.rois))]
    for box, crop, color in zip(found.rois, found.crops, colors):
        paint.tint(picture, box, crop, color)
    for box, crop, color in zip(found.rois, found.crops, colors):
        paint.outline(picture, box, crop, color, scale)
        paint.dash(picture, box, color, scale)
    texts = captions.texts_for(found, class_names, picture, scale)
    return captions.written(picture, found.rois, texts, colors, scale)


def encode(picture):
    """Encode a picture [H, W, 3] uint8 RGB, or [H, W, 4] with alpha, as PNG; return bytes."""
    order = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, order))
    if not done:
        raise ValueError(f"A picture of shape {picture.shape} cannot be a PNG.")
    return data.tobytes()
