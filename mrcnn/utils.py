"""Functions for boxes, masks, images and data sets under matterport's names: ``from mrcnn import utils``.

Arguments and results are NumPy arrays: boxes [N, (y1, x1, y2, x2)], masks [H, W, N]. Only
box_refinement_graph and batch_slice work on tensors.
"""

import numpy as np
from keras import ops

from mrcnn.datasets.dataset import Dataset
from mrcnn.evaluation.matches import (
    compute_ap,
    compute_ap_range,
    compute_iou,
    compute_matches,
    compute_overlaps,
    compute_overlaps_masks,
    compute_recall,
    trim_zeros,
)
from mrcnn.matterport import handed_on, stream
from mrcnn.ops import boxes as box_ops
from mrcnn.ops import nms
from mrcnn.ops.anchors import generate_anchors
from mrcnn.ops.anchors import pyramid_anchors as generate_pyramid_anchors
from mrcnn.pipeline import transforms
from mrcnn.pipeline.masks import expand_mask, extract_bboxes, minimize_mask, resize_mask, unmold_mask
from mrcnn.weights import downloads

__all__ = [
    "COCO_MODEL_URL",
    "Dataset",
    "apply_box_deltas",
    "batch_slice",
    "box_refinement",
    "box_refinement_graph",
    "compute_ap",
    "compute_ap_range",
    "compute_iou",
    "compute_matches",
    "compute_overlaps",
    "compute_overlaps_masks",
    "compute_recall",
    "denorm_boxes",
    "download_trained_weights",
    "expand_mask",
    "extract_bboxes",
    "generate_anchors",
    "generate_pyramid_anchors",
    "minimize_mask",
    "mold_mask",
    "non_max_suppression",
    "norm_boxes",
    "resize",
    "resize_image",
    "resize_mask",
    "trim_zeros",
    "unmold_mask",
]
__getattr__, _handed_on = handed_on.of(__name__)
__all__ += _handed_on


_COCO = downloads.known_file("coco")
COCO_MODEL_URL = f"{_COCO.address}/{_COCO.name}"


# --- Boxes --------------------------------------------------------------------------------------


def apply_box_deltas(boxes, deltas):
    """Apply deltas [N, (dy, dx, log dh, log dw)] to boxes [N, 4]. Returns [N, 4] float32."""
    return ops.convert_to_numpy(box_ops.decode_deltas(np.asarray(boxes), np.asarray(deltas)))


def box_refinement(box, gt_box):
    """Compute the deltas [N, 4] float32 that turn boxes [N, 4] into gt boxes [N, 4]."""
    return ops.convert_to_numpy(box_ops.encode_deltas(np.asarray(box), np.asarray(gt_box)))


def box_refinement_graph(box, gt_box):
    """Compute box_refinement on tensors."""
    return box_ops.encode_deltas(box, gt_box)


def norm_boxes(boxes, shape):
    """Convert pixel boxes [..., 4] to normalised boxes, float32. shape: (height, width) of the image."""
    return ops.convert_to_numpy(box_ops.normalize(np.asarray(boxes), np.asarray(shape)))


def denorm_boxes(boxes, shape):
    """Convert normalised boxes [..., 4] to whole pixels, int32. shape: (height, width) of the image."""
    return ops.convert_to_numpy(box_ops.denormalize(np.asarray(boxes), np.asarray(shape)))


def non_max_suppression(boxes, scores, threshold):
    """Apply NMS and return the indices [K] int32 of the kept boxes by decreasing score.

    boxes: [N, 4]. scores: [N]. threshold: a kept box suppresses boxes whose IoU with it is greater.
    """
    if not len(boxes):
        return np.zeros(0, np.int32)
    index, keep = nms.nms(np.asarray(boxes)[None], np.asarray(scores)[None], len(boxes), threshold)
    return ops.convert_to_numpy(index)[ops.convert_to_numpy(keep)]


# --- Images and masks ---------------------------------------------------------------------------


def resize_image(image, min_dim=None, max_dim=None, min_scale=None, mode="square", rng=None):
    """Scale, pad or crop an image, see mrcnn.pipeline.transforms.resize_image.

    rng: a NumPy Generator that places the crop of mode "crop"; None draws on from the process's stream, so
    that calls differ.
    """
    rng = stream.of_process() if rng is None else rng
    return transforms.resize_image(image, min_dim, max_dim, min_scale, mode, rng)


def resize(
    image, output_shape, order=1, mode="constant", cval=0, clip=True, preserve_range=False,
    anti_aliasing=False, anti_aliasing_sigma=None,
):  # fmt: skip
    """Call scikit-image's resize, by default without anti-aliasing.

    preserve_range: False converts the image to values from 0 to 1. Other arguments: as in scikit-image.
    """
    return transforms.resize(
        image, output_shape, order, preserve_range, mode=mode, cval=cval, clip=clip,
        anti_aliasing=anti_aliasing, anti_aliasing_sigma=anti_aliasing_sigma,
    )  # fmt: skip


def mold_mask(mask, config):
    """Resize a mask [height, width] that fills its box to config.MASK_SHAPE: the inverse of unmold_mask.

    Returns bool.
    """
    whole = [[0, 0, *mask.shape]]
    return minimize_mask(whole, mask[:, :, None], config.MASK_SHAPE)[:, :, 0]


# --- The rest -----------------------------------------------------------------------------------


def batch_slice(inputs, graph_fn, batch_size, names=None):
    """Call a function on each image of a batch and stack the results.

    inputs: a tensor [batch, ...] or a list of them. graph_fn: takes one slice of each input and returns a
    tensor or several. batch_size: number of images. names: names of the results for TensorFlow 1; has no
    effect. Returns a tensor, or a list if graph_fn returns several. The functions of mrcnn.ops take whole
    batches and are faster.
    """
    inputs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    results = [graph_fn(*(tensor[i] for tensor in inputs)) for i in range(batch_size)]
    if not isinstance(results[0], (list, tuple)):
        return ops.stack(results)
    stacked = [ops.stack(column) for column in zip(*results)]
    return stacked if len(stacked) > 1 else stacked[0]


def download_trained_weights(coco_model_path, verbose=1):
    """Download matterport's COCO weights to a path, unless the complete file already exists.

    verbose: 1 prints the path. Raises downloads.DownloadError, whose message gives an alternative.
    """
    if verbose > 0:
        print(f"Downloading pretrained weights to {coco_model_path}, unless the file already exists")
    downloads.download("coco", coco_model_path)
