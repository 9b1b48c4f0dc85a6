"""Convert photographs to the network's inputs, and its outputs to detections in the photographs."""

from dataclasses import dataclass

import numpy as np

from mrcnn.detection.detections import Detections
from mrcnn.modeling.anchors import image_anchors
from mrcnn.pipeline.masks import fill_box, sample_mask, whole_pixels
from mrcnn.pipeline.transforms import compose_image_meta, mold_image, resize_image

_FAR_EDGE = np.array([0, 0, 1, 1], np.float32)  # of a pixel box, beyond its last pixel


@dataclass
class Fitted:
    """An image at the network's size: before the mean is subtracted.

    image: [h, w, channels] in the photograph's dtype. meta: image meta [M]. window: (y1, x1, y2, x2) of the
    photograph in it. original_shape: the photograph's.
    """

    image: np.ndarray
    meta: np.ndarray
    window: tuple
    original_shape: tuple


def fit(image, config, number=0):
    """Resize and pad a photograph for the network, as the Config of the network says; return a Fitted.

    image: [H, W, channels]. number: of the image in the caller's list, for the message.
    Raises ValueError for an array that is not a colour image.
    """
    require_colors(image, number, config.IMAGE_CHANNEL_COUNT)
    fitted, window, scale, _, _ = resize_image(
        image,
        min_dim=config.IMAGE_MIN_DIM,
        max_dim=config.IMAGE_MAX_DIM,
        min_scale=config.IMAGE_MIN_SCALE,
        mode=detection_mode(config),
    )
    return fitted_of(fitted, window, scale, image.shape, config)


def fitted_of(image, window, scale, original_shape, config):
    """Return the Fitted of an image at the network's size, with its image meta. scale: of the photograph."""
    active = np.zeros([config.NUM_CLASSES], "int32")
    meta = compose_image_meta(0, original_shape, image.shape, window, scale, active)
    return Fitted(image, meta, window, original_shape)


def mold_inputs(images, config):
    """Resize, pad and centre images for the network.

    images: list of [H, W, 3] uint8 RGB, of any sizes.
    Returns three lists: molded images [h, w, 3] float32, image metas [M], windows (y1, x1, y2, x2).
    Raises ValueError for an array that is not a colour image.
    """
    fitted = [fit(image, config, number) for number, image in enumerate(images)]
    molded = [mold_image(one.image, config) for one in fitted]
    return molded, [one.meta for one in fitted], [one.window for one in fitted]


def require_colors(image, number, channels):
    """Raise ValueError for an array that is not [height, width, channels]. number: for the message."""
    shape = np.shape(image)
    if len(shape) != 3 or shape[2] != channels or 0 in shape:
        raise ValueError(
            f"Image {number} must be [height, width, {channels}], received shape {shape}; "
            "mrcnn.datasets.images.read_image reads any file as RGB."
        )


def detection_mode(config):
    """Return the resize mode of detection, which uses whole images even if training used random crops."""
    return "square" if config.IMAGE_RESIZE_MODE == "crop" else config.IMAGE_RESIZE_MODE


def unmold_detections(detections, mrcnn_mask, original_image_shape, image_shape, window, rule=None):
    """Convert the detections of one image to the coordinates of the original image.

    mrcnn_mask: [D, height, width, classes]. Other arguments are those of ``unmold``.
    Returns boxes [N, 4] int32 pixels, class_ids [N], scores [N], masks [H, W, N] bool.
    """
    class_ids = np.asarray(detections[:, 4], np.int32)
    masks = np.asarray(mrcnn_mask)[np.arange(len(class_ids)), :, :, class_ids]
    found = unmold(detections, masks, original_image_shape, image_shape, window, rule)
    return found.rois, found.class_ids, found.scores, found.masks()


def unmold(detections, masks, original_image_shape, image_shape, window, rule=None):
    """Convert the detections of one image to the coordinates of the original image, as Detections.

    detections: [D, (y1, x1, y2, x2, class_id, score)] normalised, zero-padded. masks: [D, height, width],
    that of each detection's class. original_image_shape, image_shape: before and after molding. window: (y1,
    x1, y2, x2) pixels of the molded image. rule: the MaskRule of the weights, by which masks and boxes are
    mapped without rounding in between; None maps them as matterport's code does.
    """
    count = number_of_detections(detections)
    detections, size = detections[:count], tuple(int(side) for side in original_image_shape[:2])
    if rule is None:
        molded, boxes = None, _to_original(detections[:, :4], original_image_shape, image_shape, window)
    else:
        molded, boxes = _edges(detections[:, :4], original_image_shape, image_shape, window)
    whole = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    rois = boxes[whole] if rule is None else _whole_pixels(boxes[whole], size)
    crops = []
    for index, roi in zip(whole, rois):
        if rule is None:
            crops.append(fill_box(masks[index], (roi[2] - roi[0], roi[3] - roi[1])))
        else:
            first = rule.first_sample(molded[index, 2:] - molded[index, :2])
            crops.append(sample_mask(masks[index], boxes[index], roi, first))
    return Detections(size, rois, detections[whole, 4].astype(np.int32), detections[whole, 5], crops)


def _edges(boxes, original_image_shape, image_shape, window):
    """Convert normalised boxes to continuous pixels of the molded and of the original image, [N, 4] each.

    A normalised box ends at the centres of its outermost pixels, a continuous one at their edges.
    """
    molded = edges_in(boxes, image_shape)
    top, left, bottom, right = np.asarray(window, float)
    height, width = original_image_shape[:2]
    scale = height / (bottom - top), width / (right - left)
    boxes = (molded - [top, left, top, left]) * [*scale, *scale]
    return molded, np.clip(boxes, 0, [height, width, height, width])


def edges_in(boxes, image_shape):
    """Convert normalised boxes [N, 4] to continuous pixels of their image."""
    return np.asarray(boxes, float) * np.tile(np.subtract(image_shape[:2], 1.0), 2) + _FAR_EDGE


def normalized_edges(boxes, image_shape):
    """Convert continuous pixel boxes [N, 4] of an image to normalised ones: the inverse of ``edges_in``."""
    return (boxes - _FAR_EDGE) / np.tile(np.subtract(image_shape[:2], 1.0), 2)


def _whole_pixels(boxes, image_shape):
    """Round boxes [N, 4] to pixels; one without any pixel's centre becomes the pixel that its own lies in."""
    rounded = whole_pixels(boxes).reshape(-1, 4)
    limits = np.array(image_shape[:2]) - 1
    for low, high in ((0, 2), (1, 3)):
        empty = rounded[:, high] <= rounded[:, low]
        center = np.floor((boxes[:, low] + boxes[:, high]) / 2).astype(np.int32)
        rounded[empty, low] = np.minimum(center, limits[low])[empty]
        rounded[empty, high] = rounded[empty, low] + 1
    return rounded


def number_of_detections(detections):
    """Return how many rows of the network's detections [D, 6] are not padding."""
    padding = np.flatnonzero(detections[:, 4] == 0)
    return padding[0] if len(padding) else len(detections)


def _to_original(boxes, original_image_shape, image_shape, window):
    """Convert normalised boxes of the molded image to pixels of the original one, as matterport does.

    The steps are those of ops.boxes.normalize and denormalize, in NumPy: a device takes longer to be asked.
    """
    last = np.tile(np.subtract(image_shape[:2], 1, dtype=np.float32), 2)
    y1, x1, y2, x2 = (np.asarray(window, np.float32) - _FAR_EDGE) / last
    boxes = (boxes - [y1, x1, y1, x1]) / [y2 - y1, x2 - x1, y2 - y1, x2 - x1]
    last = np.tile(np.subtract(original_image_shape[:2], 1, dtype=np.float32), 2)
    return np.round(boxes.astype(np.float32) * last + _FAR_EDGE).astype(np.int32)


class AnchorCache:
    """A cache of normalised anchors by image shape."""

    def __init__(self, config):
        self._config = config
        self._by_shape = {}

    def __call__(self, image_shape):
        """Return the anchors [A, (y1, x1, y2, x2)] of an image of the given shape."""
        key = tuple(int(side) for side in image_shape[:2])
        if key not in self._by_shape:
            self._by_shape[key] = image_anchors(self._config, image_shape)
        return self._by_shape[key]
