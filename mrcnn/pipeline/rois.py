"""Random ROIs in place of proposals, to train or inspect the heads without the RPN."""

import numpy as np

# The share of ROIs drawn around instances; the rest lie anywhere in the image.
_SHARE_AT_INSTANCES = 0.9


def random_rois(image_shape, count, gt_boxes, rng):
    """Draw random boxes, most of them around instances: [count, (y1, x1, y2, x2)] int32 pixels.

    A box around an instance lies within the image and within the instance's box enlarged by its own size on
    every side.
    image_shape: (height, width, ...). gt_boxes: [N, 4] pixels. rng: a NumPy Generator.
    """
    height, width = image_shape[:2]
    each = int(_SHARE_AT_INSTANCES * count / len(gt_boxes)) if len(gt_boxes) else 0
    areas = []
    for y1, x1, y2, x2 in np.asarray(gt_boxes, int):
        grown = y1 - (y2 - y1), x1 - (x2 - x1), y2 + (y2 - y1), x2 + (x2 - x1)
        areas += [np.clip(grown, 0, [height, width, height, width])] * each
    areas += [(0, 0, height, width)] * (count - len(areas))
    low, high = np.array(areas, int).reshape(-1, 2, 2).transpose(1, 0, 2)
    # Two distinct numbers within the bounds, every pair with the same probability.
    first = rng.integers(low, high, endpoint=True)
    second = rng.integers(low, high)
    second += second >= first
    return np.concatenate([np.minimum(first, second), np.maximum(first, second)], axis=1).astype(np.int32)
