"""Draw detections on the photograph's own pixels, in milliseconds: for the files of many photographs.

mrcnn.visualize draws the same with Matplotlib, for windows and notebooks.
"""

import cv2
import numpy as np

from mrcnn.detection import captions, legend, paint
from mrcnn.detection.look import Look
from mrcnn.detection.scaling import scaled
from mrcnn.drawing import colors_of, is_by_class

_LEAST_SCALE = 0.7
_USUAL = Look()


def draw(image, found, class_names, look=_USUAL, steady=False):
    """Return a copy of an image with tinted and outlined masks, dashed boxes, classes and scores.

    image: [H, W, 3] uint8. found: its Detections. class_names: indexed by class id. look: a Look;
    with colours by class there is a legend. steady: whether the picture is one of a video, see legend_of.
    """
    image, found = scaled(image[:, :, :3], found, look.size)
    picture = np.ascontiguousarray(image).copy()
    scale = max(_LEAST_SCALE, picture.shape[1] / 1000)
    by_instance = colors_of(found.class_ids, class_names, look.color_by)
    colors = [tuple(round(255 * value) for value in color) for color in by_instance]
    for box, crop, color in zip(found.rois, found.crops, colors):
        paint.tint(picture, box, crop, color)
    for box, crop, color in zip(found.rois, found.crops, colors):
        paint.outline(picture, box, crop, color, scale)
        paint.dash(picture, box, color, scale)
    texts = captions.texts_for(found, class_names, picture, scale)
    by_class = is_by_class(class_names, look.color_by)
    key = legend.legend_of(found, class_names, picture.shape, scale, steady) if by_class else None
    if key is None:
        return captions.written(picture, found.rois, texts, colors, scale)
    picture = legend.written(picture, key, scale)
    return captions.written(picture, found.rois, texts, colors, scale, [key.area])


def encode(picture):
    """Encode a picture [H, W, 3] uint8 RGB, or [H, W, 4] with alpha, as PNG; return bytes."""
    order = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, order))
    if not done:
        raise ValueError(f"A picture of shape {picture.shape} cannot be a PNG.")
    return data.tobytes()
