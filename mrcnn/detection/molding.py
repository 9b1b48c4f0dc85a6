"""Convert photographs to the network's inputs, and its outputs to detections in the photographs."""

import numpy as np
from keras import ops

from mrcnn.modeling.anchors import image_anchors
from mrcnn.ops import boxes as box_ops
from mrcnn.pipeline.masks import paste_mask, unmold_mask, whole_pixels
from mrcnn.pipeline.transforms import compose_image_meta, mold_image, resize_image


def mold_inputs(images, config):
    """Resize, pad and centre images for the network.

    images: list of [H, W, 3] uint8 RGB, of any sizes.
    Returns three lists: molded images [h, w, 3] float32, image metas [M], windows (y1, x1, y2, x2).
    Raises ValueError for an array that is not a colour image.
    """
    molded, metas, windows = [], [], []
    for number, image in enumerate(images):
        _require_colors(image, number, config.IMAGE_CHANNEL_COUNT)
        resized, window, scale, _, _ = resize_image(
            image,
            min_dim=config.IMAGE_MIN_DIM,
            max_dim=config.IMAGE_MAX_DIM,
            min_scale=config.IMAGE_MIN_SCALE,
            mode=detection_mode(config),
        )
        active = np.zeros([config.NUM_CLASSES], "int32")
        molded.append(mold_image(resized, config))
        metas.append(compose_image_meta(0, image.shape, resized.shape, window, scale, active))
        windows.append(window)
    return molded, metas, windows


def _require_colors(image, number, channels):
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

    rule: the MaskRule of the weights, by which masks and boxes are mapped without rounding in between; None
    maps them as matterport's code does.
    detections: [D, (y1, x1, y2, x2, class_id, score)] normalised, zero-padded.
    mrcnn_mask: [D, height, width, classes]. original_image_shape, image_shape: before and after molding.
    window: (y1, x1, y2, x2) pixels of the molded image.
    Returns boxes [N, 4] int32 pixels, class_ids [N], scores [N], masks [H, W, N] bool.
    """
    count = _number_of_detections(detections)
    class_ids = detections[:count, 4].astype(np.int32)
    scores = detections[:count, 5]
    if rule is not None:
        return _unmold_by(rule, detections[:count], mrcnn_mask, original_image_shape, image_shape, window)
    boxes = _to_original(detections[:count, :4], original_image_shape, image_shape, window)

    whole = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    # Masks are contiguous in memory: writing them interleaved takes ten times as long.
    masks = np.zeros((len(whole), *original_image_shape[:2]), bool)
    for place, index in enumerate(whole):
        mask = mrcnn_mask[index, :, :, class_ids[index]]
        masks[place] = unmold_mask(mask, boxes[index], original_image_shape)
    return boxes[whole], class_ids[whole], scores[whole], np.moveaxis(masks, 0, -1)


def _unmold_by(rule, detections, mrcnn_mask, original_image_shape, image_shape, window):
    """Return what unmold_detections does, by a MaskRule."""
    class_ids = detections[:, 4].astype(np.int32)
    molded, boxes = _edges(detections[:, :4], original_image_shape, image_shape, window)
    whole = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    masks = np.zeros((len(whole), *original_image_shape[:2]), bool)
    for place, index in enumerate(whole):
        mask = mrcnn_mask[index, :, :, class_ids[index]]
        first = rule.first_sample(molded[index, 2:] - molded[index, :2])
        masks[place] = paste_mask(mask, boxes[index], original_image_shape, first)
    pixels = _whole_pixels(boxes[whole], original_image_shape)
    return pixels, class_ids[whole], detections[whole, 5], np.moveaxis(masks, 0, -1)


def _edges(boxes, original_image_shape, image_shape, window):
    """Convert normalised boxes to continuous pixels of the molded and of the original image, [N, 4] each.

    A normalised box ends at the centres of its outermost pixels, a continuous one at their edges.
    """
    last = np.tile(np.subtract(image_shape[:2], 1.0), 2)
    molded = np.asarray(boxes, float) * last + [0, 0, 1, 1]
    top, left, bottom, right = np.asarray(window, float)
    height, width = original_image_shape[:2]
    scale = height / (bottom - top), width / (right - left)
    boxes = (molded - [top, left, top, left]) * [*scale, *scale]
    return molded, np.clip(boxes, 0, [height, width, height, width])


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


def _number_of_detections(detections):
    padding = np.flatnonzero(detections[:, 4] == 0)
    return padding[0] if len(padding) else len(detections)


def _to_original(boxes, original_image_shape, image_shape, window):
    """Convert normalised boxes of the molded image to pixels of the original one."""
    window = ops.convert_to_numpy(
        box_ops.normalize(np.asarray(window, "float32"), np.asarray(image_shape[:2], "float32"))
    )
    y1, x1, y2, x2 = window
    boxes = (boxes - [y1, x1, y1, x1]) / [y2 - y1, x2 - x1, y2 - y1, x2 - x1]
    original = np.asarray(original_image_shape[:2], "float32")
    return ops.convert_to_numpy(box_ops.denormalize(boxes.astype("float32"), original))


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
