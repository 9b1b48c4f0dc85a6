"""Examples of a data set at the network's scale, and a store that keeps them in memory between epochs."""

import threading
from dataclasses import dataclass, replace

import numpy as np

from mrcnn.pipeline.loading import load_example
from mrcnn.pipeline.masks import extract_bboxes, resize_mask
from mrcnn.pipeline.transforms import scale_image, scale_of, scaled_shape

_UNSCALED = [(0, 0), (0, 0), (0, 0)]


@dataclass
class Scaled:
    """An image [h, w, channels] and masks [h, w, N] after scaling, before padding or cropping.

    class_ids: [N]. original_shape: of the image before. scale: the factor.
    """

    image: np.ndarray
    masks: np.ndarray
    class_ids: np.ndarray
    original_shape: tuple
    scale: float


def load_scaled(dataset, config, image_id):
    """Load an example and scale it as the Config says. Raises what ``load_example`` raises."""
    image, masks, class_ids = load_example(dataset, image_id, config.IMAGE_CHANNEL_COUNT)
    height, width = image.shape[:2]
    scale = scale_of(
        height, width, config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE,
        config.IMAGE_RESIZE_MODE,
    )  # fmt: skip
    scaled = image if scale == 1 else scale_image(image, scaled_shape(height, width, scale))
    masks = masks if scale == 1 else resize_mask(masks, scale, _UNSCALED)
    return Scaled(scaled, masks, class_ids, image.shape, scale)


class Store:
    """Loads examples as ``load_scaled`` does, and keeps the first ones in memory as far as they fit.

    gigabytes: the most memory that it takes, in 10^9 bytes. Masks are kept as bits within their boxes. Random
    orders gain nothing from replacing what is kept, so nothing is replaced. It may be called in threads.
    """

    def __init__(self, gigabytes):
        self._free = gigabytes * 1e9
        self._kept = {}
        self._lock = threading.Lock()

    def __call__(self, dataset, config, image_id):
        kept = self._kept.get(image_id)
        if kept is not None:
            return _unpacked(kept)
        scaled = load_scaled(dataset, config, image_id)
        if self._free > 0:
            self._keep(image_id, _packed(scaled))
        return scaled

    def _keep(self, image_id, packed):
        needed = packed.image.nbytes + sum(bits.nbytes for _, bits in packed.masks)
        with self._lock:
            if image_id in self._kept:  # another thread was faster
                return
            if needed > self._free:
                self._free = 0
                return
            self._free -= needed
            self._kept[image_id] = packed


def _packed(scaled):
    """Return a Scaled with a copy of the image, and with masks as a list of (box, bits)."""
    masks = [
        ((y1, x1, y2, x2), np.packbits(scaled.masks[y1:y2, x1:x2, i]))
        for i, (y1, x1, y2, x2) in enumerate(extract_bboxes(scaled.masks))
    ]
    return replace(scaled, image=scaled.image.copy(), masks=masks)


def _unpacked(packed):
    """Return the Scaled that was packed; augmentation may change its arrays."""
    masks = np.zeros((len(packed.masks), *packed.image.shape[:2]), bool)
    for mask, ((y1, x1, y2, x2), bits) in zip(masks, packed.masks):
        shape = y2 - y1, x2 - x1
        mask[y1:y2, x1:x2] = np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape)
    return replace(packed, image=packed.image.copy(), masks=np.moveaxis(masks, 0, -1))
