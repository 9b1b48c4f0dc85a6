"""Match detections with gt once; AP of any choice of the images then takes milliseconds.

T: the IoU thresholds, D: detections of a class in all images, by decreasing score, I: images.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from faster_coco_eval.core import mask as rle

from mrcnn.evaluation.coco import MAX_DETECTIONS

IOUS = np.linspace(0.5, 0.95, 10)  # COCO's
RECALLS = np.linspace(0, 1, 101)  # where COCO reads precision
_CERTAIN = 1 - 1e-10  # COCO's limit of a threshold: masks whose IoU rounds to 1 are equal


@dataclass(frozen=True)
class ClassTally:
    """The matches of a class. name: of the class. instances: [I], without crowds.

    scores: [D]. images: [D], the places of their images. hits: [T, D] bool, those that match an instance.
    counted: [T, D] bool; the others match a crowd, and count neither for nor against.
    """

    name: str
    instances: np.ndarray
    scores: np.ndarray
    images: np.ndarray
    hits: np.ndarray
    counted: np.ndarray

    def curves(self, weights=None):
        """Return recall and precision [T, D] of the detections down to each score; None without instances.

        weights: [I], how many times each image counts; None counts each once.
        """
        weights = np.ones(len(self.instances)) if weights is None else weights
        wanted = float(self.instances @ weights)
        if not wanted:
            return None
        own = weights[self.images]
        true = np.cumsum(self.hits * own, axis=1)
        false = np.cumsum((self.counted & ~self.hits) * own, axis=1)
        return true / wanted, true / (true + false + np.spacing(1))

    def precisions(self, weights=None):
        """Return precision at each of RECALLS, [T, 101], as COCO interpolates it; None without instances."""
        curves = self.curves(weights)
        if curves is None:
            return None
        recall, precision = curves
        found = np.zeros((len(recall), len(RECALLS)))
        # The best precision at this recall or a higher one.
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        for row in range(len(recall)):
            places = np.searchsorted(recall[row], RECALLS)
            reached = places < recall.shape[1]
            found[row, reached] = precision[row, places[reached]]
        return found


@dataclass(frozen=True)
class Tally:
    """The matches of all classes. image_ids: [I], in the order of the places."""

    image_ids: tuple
    classes: tuple

    def ap(self, weights=None, iou=None):
        """Return the mask AP of COCO, between 0 and 1, or -1 without instances.

        weights: as in ClassTally.curves. iou: the place of one of IOUS; None takes the mean over all.
        """
        found = [one.precisions(weights) for one in self.classes]
        known = [rows if iou is None else rows[iou] for rows in found if rows is not None]
        return float(np.mean(known)) if known else -1.0

    def pooled(self, iou=0):
        """Return scores and hits of all classes together by decreasing score, and the number of instances.

        iou: the place of one of IOUS. Detections that match a crowd are left out.
        """
        scores = np.concatenate([one.scores[one.counted[iou]] for one in self.classes] or [np.zeros(0)])
        hits = np.concatenate(
            [one.hits[iou][one.counted[iou]] for one in self.classes] or [np.zeros(0, bool)]
        )
        order = np.argsort(-scores, kind="stable")
        return scores[order], hits[order], int(sum(one.instances.sum() for one in self.classes))


def count(ground_truth, results, max_detections=MAX_DETECTIONS):
    """Match the masks of all images and return the Tally.

    ground_truth, results: as in coco.score. max_detections: of an image and class, those with the highest
    scores.
    """
    image_ids = sorted(image["id"] for image in ground_truth["images"])
    truths, found = _by_image_and_class(ground_truth["annotations"]), _by_image_and_class(results)
    classes = []
    for category in ground_truth["categories"]:
        keys = [(image_id, category["id"]) for image_id in image_ids]
        rows = [_match(truths[key], found[key], max_detections) for key in keys]
        instances = np.array([sum(not t["iscrowd"] for t in truths[key]) for key in keys], int)
        classes.append(_joined(category["name"], instances, rows))
    return Tally(tuple(image_ids), tuple(classes))


def _by_image_and_class(annotations):
    found = defaultdict(list)
    for annotation in annotations:
        found[annotation["image_id"], annotation["category_id"]].append(annotation)
    return found


def _joined(name, instances, rows):
    """Return the ClassTally of the matches of all images, in one order of scores."""
    images = np.repeat(np.arange(len(rows)), [len(scores) for scores, _, _ in rows])
    scores = np.concatenate([np.zeros(0), *(row[0] for row in rows)])
    hits, counted = (
        np.concatenate([np.zeros((len(IOUS), 0), bool), *(row[k] for row in rows)], axis=1) for k in (1, 2)
    )
    order = np.argsort(-scores, kind="stable")
    return ClassTally(name, instances, scores[order], images[order], hits[:, order], counted[:, order])


def _match(truths, results, max_detections):
    """Return scores [D], hits and counted [T, D] of the detections of one image and class, as COCO has them.

    In order of decreasing score each takes the free instance with the highest IoU, or else a crowd that
    covers it.
    """
    results = sorted(results, key=lambda result: -result["score"])[:max_detections]
    truths = sorted(truths, key=lambda truth: truth["iscrowd"])
    hits = np.zeros((len(IOUS), len(results)), bool)
    counted = np.ones_like(hits)
    crowd = np.array([truth["iscrowd"] for truth in truths], bool)
    if truths and results:
        masks, wanted = ([item["segmentation"] for item in items] for items in (results, truths))
        overlaps = np.asarray(rle.iou(masks, wanted, [int(one) for one in crowd]))
        for row, threshold in enumerate(np.minimum(IOUS, _CERTAIN)):
            free = np.ones(len(truths), bool)
            for place, own in enumerate(overlaps):
                best = _best(own, free & (own >= threshold), crowd)
                if best is not None:
                    hits[row, place], counted[row, place] = not crowd[best], not crowd[best]
                    free[best] = crowd[best]  # many detections may lie in one crowd
    return np.array([result["score"] for result in results], float), hits, counted


def _best(overlaps, possible, crowd):
    """Return the place of the best possible gt, a crowd only if there is no other; None if there is none."""
    for group in (possible & ~crowd, possible & crowd):
        if group.any():
            places = np.flatnonzero(group)
            return places[
                len(places) - 1 - np.argmax(overlaps[places][::-1])
            ]  # of equal ones COCO takes the last
    return None
