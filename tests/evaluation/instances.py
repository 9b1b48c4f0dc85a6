"""Instances and detections as filled boxes, and what the network would have made of them."""

import numpy as np

from mrcnn.evaluation import coco
from mrcnn.evaluation.stages import Stages
from mrcnn.pipeline.masks import extract_bboxes

SIZE = 100


def filled(*boxes):
    """Masks [100, 100, N] that fill boxes (y1, x1, y2, x2)."""
    masks = np.zeros((SIZE, SIZE, len(boxes)), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    return masks


def truths_of(masks, class_ids, first=1):
    results = results_of(masks, class_ids, np.ones(len(class_ids)))
    return [
        {**result, "id": first + i, "iscrowd": 0, "area": float(masks[..., i].sum())}
        for i, result in enumerate(results)
    ]


def results_of(masks, class_ids, scores):
    found = {"rois": extract_bboxes(masks), "class_ids": class_ids, "scores": scores, "masks": masks}
    return coco.coco_results(0, found)


def stages(proposals, boxes=None, class_ids=None, candidates=None, kept=None):
    """Stages of an image; by default ROIs of class 1 that stayed where they were, entered NMS and left it."""
    count = len(proposals)
    return Stages(
        proposals=np.reshape(proposals, (-1, 4)).astype(float),
        boxes=np.reshape(proposals if boxes is None else boxes, (-1, 4)).astype(float),
        class_ids=np.ones(count, int) if class_ids is None else np.asarray(class_ids),
        scores=np.full(count, 0.9),
        candidates=np.ones(count, bool) if candidates is None else np.asarray(candidates),
        kept=np.ones(count, bool) if kept is None else np.asarray(kept),
    )


LEFT, RIGHT = (10, 10, 50, 50), (10, 30, 50, 70)  # IoU of the two 1 / 3
SHIFTED = (10, 32, 50, 72)
