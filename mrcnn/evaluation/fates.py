"""Decide at which stage the network loses an instance: the one rule of the clump report and of explanations.

N: ROIs, G: gt instances of an image, without crowds, D: detections. Boxes are [N, (y1, x1, y2, x2)] pixels.
"""

import numpy as np
from faster_coco_eval.core import mask as rle

from mrcnn.evaluation.matches import compute_overlaps

IOU = 0.5  # IoU of boxes or masks from which one counts as the other

# The fate of an instance: it is found, or lost at one stage of the network.
FATES = {
    "found": "a detection of its class has a mask IoU of 0.5 or more with it",
    "no proposal": "no proposal was nearest to it, with a box IoU of 0.5 or more",
    "weak": "proposed, but under DETECTION_MIN_CONFIDENCE or taken for something else",
    "moved": "proposed and sure, but the refined box went elsewhere",
    "NMS": "its box was dropped by NMS, or came after DETECTION_MAX_INSTANCES others",
    "mask": "its box was kept, but no mask has an IoU of 0.5 with it",
}
MERGED = "missed, and one mask covers half of it and half of another instance"


def fates_of(truths, results, stages):
    """Determine the fate of each instance of an image: a list of keys of FATES, and [G] bool for MERGED.

    truths, results: of the image, in COCO's format. stages: the image's entry in Watched.stages.

    A box belongs to the instance with which its IoU is highest, if that is 0.5 or more. The proposals of a
    neighbour therefore do not count for an instance, however much they overlap it.
    """
    gt = boxes_of(truths)
    classes = np.array([truth["category_id"] for truth in truths])
    found, merged = _match_masks(truths, results)
    sure = stages["candidates"]
    proposed = _owned(stages["proposals"], gt)
    # Rows are ROIs or detections, columns instances.
    right_class = stages["class_ids"][:, None] == classes
    detected = _owned(boxes_of(results), gt)
    detected &= np.array([r["category_id"] for r in results], int).reshape(-1, 1) == classes
    candidate = _owned(stages["boxes"], gt) & right_class & sure[:, None]
    reasons = [
        ("found", found),
        ("mask", detected.any(axis=0)),
        ("NMS", candidate.any(axis=0)),
        ("no proposal", ~proposed.any(axis=0)),
        ("moved", (proposed & right_class & sure[:, None]).any(axis=0)),
        ("weak", np.ones(len(truths), bool)),
    ]
    return [next(name for name, true in reasons if true[i]) for i in range(len(truths))], merged


def boxes_of(annotations):
    """Convert COCO's [x, y, width, height] to boxes [N, (y1, x1, y2, x2)]."""
    x, y, width, height = np.array([a["bbox"] for a in annotations], float).reshape(-1, 4).T
    return np.stack([y, x, y + height, x + width], axis=-1)


def _owned(boxes, gt):
    """Return [N, G] bool: the instance that each box belongs to."""
    owned = np.zeros((len(boxes), len(gt)), bool)
    if owned.size:
        overlaps = compute_overlaps(boxes, gt)
        best = overlaps.argmax(axis=1)
        owned[np.arange(len(boxes)), best] = overlaps.max(axis=1) >= IOU
    return owned


def _match_masks(truths, results):
    """Return which instances are found and which are merged into a neighbour's mask, [G] bool each.

    As in COCO, detections in order of decreasing score take the free instance of their class with the
    highest IoU.
    """
    found, merged = np.zeros(len(truths), bool), np.zeros(len(truths), bool)
    if not truths or not results:
        return found, merged
    masks, gt_masks = ([item["segmentation"] for item in items] for items in (results, truths))
    classes = np.array([truth["category_id"] for truth in truths])
    same = np.array([result["category_id"] for result in results])[:, None] == classes
    overlaps = np.where(same, rle.iou(masks, gt_masks, [0] * len(truths)), 0)
    for row in overlaps[np.argsort([-result["score"] for result in results], kind="stable")]:
        free = np.where(found, 0, row)
        if free.max() >= IOU:
            found[free.argmax()] = True
    # Against a "crowd" COCO's overlap is the covered share of the other mask.
    covers = same & (rle.iou(gt_masks, masks, [1] * len(results)).T >= 0.5)  # (D, G)
    merged = ~found & covers[covers.sum(axis=1) > 1].any(axis=0)
    return found, merged
