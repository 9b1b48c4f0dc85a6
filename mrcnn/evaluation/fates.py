"""Decide at which stage the network loses an instance: the one rule of the clump report and of explanations.

N: ROIs, G: gt instances of an image, without crowds, D: detections. Boxes are [N, (y1, x1, y2, x2)] pixels.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Claims:
    """Which ROIs belong to which instances at each stage, [N, G] bool each.

    A box belongs to the instance with which its IoU is highest, if that is 0.5 or more. The proposals of a
    neighbour therefore do not count for an instance, however much they overlap it.

    proposed: the proposal belongs to the instance. sure: that, and the ROI is a candidate of the instance's
    class. refined: a candidate of its class whose refined box belongs to it. kept: those of ``refined`` that
    became detections.
    """

    proposed: np.ndarray
    sure: np.ndarray
    refined: np.ndarray
    kept: np.ndarray

    @classmethod
    def of(cls, boxes, class_ids, stages):
        """Return the claims of instances with boxes [G, 4] on the ROIs of Stages.

        class_ids: [G]; 0 stands for any class, where it is not known.
        """
        class_ids = np.asarray(class_ids, int)
        proposed = owned(stages.proposals, boxes)
        right = (stages.class_ids[:, None] == class_ids) | (class_ids == 0)
        sure = right & stages.candidates[:, None]
        refined = owned(stages.boxes, boxes) & sure
        return cls(proposed, proposed & sure, refined, refined & stages.kept[:, None])

    def fates(self, found):
        """Return the fate of each instance, a key of FATES. found: [G] bool, those that are found."""
        answers = [
            ("found", found),
            ("mask", self.kept.any(axis=0)),
            ("NMS", self.refined.any(axis=0)),
            ("no proposal", ~self.proposed.any(axis=0)),
            ("moved", self.sure.any(axis=0)),
            ("weak", np.ones(len(found), bool)),
        ]
        return [next(name for name, true in answers if true[i]) for i in range(len(found))]


def fates_of(truths, results, stages):
    """Determine the fate of each instance of an image: a list of keys of FATES, and [G] bool for MERGED.

    truths, results: of the image, in COCO's format. stages: its Stages.
    """
    found, merged = match_masks(truths, results)
    claims = Claims.of(boxes_of(truths), [truth["category_id"] for truth in truths], stages)
    return claims.fates(found), merged


def boxes_of(annotations):
    """Convert COCO's [x, y, width, height] to boxes [N, (y1, x1, y2, x2)]."""
    x, y, width, height = np.array([a["bbox"] for a in annotations], float).reshape(-1, 4).T
    return np.stack([y, x, y + height, x + width], axis=-1)


def owned(boxes, gt):
    """Return [N, G] bool: the instance that each of N boxes belongs to, as Claims says."""
    owned = np.zeros((len(boxes), len(gt)), bool)
    if owned.size:
        overlaps = compute_overlaps(boxes, gt)
        best = overlaps.argmax(axis=1)
        owned[np.arange(len(boxes)), best] = overlaps.max(axis=1) >= IOU
    return owned


def match_masks(truths, results):
    """Return which instances are found and which are merged into a neighbour's mask, [G] bool each.

    As in COCO, detections in order of decreasing score take the free instance of their class with the
    highest IoU.
    """
    found, merged = np.zeros(len(truths), bool), np.zeros(len(truths), bool)
    if not truths or not results:
        return found, merged
    overlaps = mask_overlaps(truths, results)
    for row in overlaps[np.argsort([-result["score"] for result in results], kind="stable")]:
        free = np.where(found, 0, row)
        if free.max() >= IOU:
            found[free.argmax()] = True
    # Against a "crowd" COCO's overlap is the covered share of the other mask.
    masks, gt_masks = (_masks_of(items) for items in (results, truths))
    covers = _same_class(results, truths) & (rle.iou(gt_masks, masks, [1] * len(results)).T >= 0.5)  # (D, G)
    merged = ~found & covers[covers.sum(axis=1) > 1].any(axis=0)
    return found, merged


def mask_overlaps(truths, results):
    """Compute the IoU of the masks of results with those of truths, 0 for another class: [D, G]."""
    if not truths or not results:
        return np.zeros((len(results), len(truths)))
    overlaps = rle.iou(_masks_of(results), _masks_of(truths), [0] * len(truths))
    return np.where(_same_class(results, truths), overlaps, 0)


def _masks_of(items):
    return [item["segmentation"] for item in items]


def _same_class(results, truths):
    classes = (np.array([item["category_id"] for item in items], int) for items in (results, truths))
    return np.equal.outer(*classes)
