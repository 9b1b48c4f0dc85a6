"""Judge each instance and each detection of an image: found, or wrong in one of four ways.

G: instances of an image, without crowds, D: its detections from a smallest score on. IoU is that of masks.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from faster_coco_eval.core import mask as rle

from mrcnn.evaluation.fates import IOU

FOUND = "found"
IN_CROWD = "in a crowd"  # counts neither for nor against
_NEAR = 0.1  # IoU from which a detection of the right class is meant for an instance

MISSED, FALSE, CLASS, OUTLINE = "missed", "false positive", "wrong class", "badly outlined"
KINDS = {
    MISSED: "an instance without any detection of its own",
    FALSE: "a detection of nothing, or of an instance that a better one has found",
    CLASS: "a detection whose IoU with an instance of another class is 0.5 or more",
    OUTLINE: "a detection of the right class whose IoU with its instance is 0.1 to 0.5",
}
BACKGROUND = "background"


@dataclass(frozen=True)
class Judged:
    """What became of the instances and detections of one image.

    truths: its annotations without crowds. results: its detections. kinds: of the truths, FOUND or a key of
    KINDS. verdicts: of the results, FOUND, IN_CROWD or a key of KINDS. partners: of the results, the place
    of the truth that each belongs to, or -1.
    """

    image_id: int
    truths: tuple
    results: tuple
    kinds: tuple
    verdicts: tuple
    partners: tuple

    def mistakes(self):
        """Return the number of mistakes by kind; a pair of an instance and a detection is one."""
        alone = [kind for kind in self.kinds if kind == MISSED]
        wrong = [verdict for verdict in self.verdicts if verdict in KINDS]
        return {kind: (alone + wrong).count(kind) for kind in KINDS}

    def classes(self):
        """Return the category ids that a mistake is about."""
        found = {t["category_id"] for t, kind in zip(self.truths, self.kinds) if kind != FOUND}
        return found | {r["category_id"] for r, word in zip(self.results, self.verdicts) if word in KINDS}


def judge_all(ground_truth, results, score=0.0):
    """Return the Judged of each image. ground_truth, results: as in coco.score. score: the smallest one."""
    truths, found = defaultdict(list), defaultdict(list)
    for truth in ground_truth["annotations"]:
        truths[truth["image_id"]].append(truth)
    for result in results:
        if result["score"] >= score:
            found[result["image_id"]].append(result)
    return [judge(image["id"], truths[image["id"]], found[image["id"]]) for image in ground_truth["images"]]


def judge(image_id, truths, results):
    """Return the Judged of an image. truths, results: its annotations and detections in COCO's format."""
    crowds = [truth for truth in truths if truth["iscrowd"]]
    truths = [truth for truth in truths if not truth["iscrowd"]]
    results = sorted(results, key=lambda result: -result["score"])
    overlaps, same = _overlaps(results, truths), _same_class(results, truths)
    kinds, verdicts = [MISSED] * len(truths), [FALSE] * len(results)
    partners = [-1] * len(results)

    def pair(possible, word):
        """Give each detection that is still false the free instance with the highest IoU."""
        for place, row in enumerate(np.where(possible, overlaps, -1.0)):
            free = np.where([kind == MISSED for kind in kinds], row, -1.0)
            if verdicts[place] == FALSE and free.max(initial=-1.0) >= 0:
                partners[place] = int(np.argmax(free))
                kinds[partners[place]] = verdicts[place] = word

    pair(same & (overlaps >= IOU), FOUND)
    for place in np.flatnonzero(_covered(results, crowds)):
        if verdicts[place] == FALSE:
            verdicts[place] = IN_CROWD
    pair(~same & (overlaps >= IOU), CLASS)
    pair(same & (overlaps >= _NEAR) & (overlaps < IOU), OUTLINE)
    return Judged(image_id, tuple(truths), tuple(results), tuple(kinds), tuple(verdicts), tuple(partners))


def _overlaps(results, truths, crowd=0):
    """Return the IoU of masks [D, G]; with crowd=1 the covered share of each detection."""
    if not results or not truths:
        return np.zeros((len(results), len(truths)))
    masks, wanted = ([item["segmentation"] for item in items] for items in (results, truths))
    return np.asarray(rle.iou(masks, wanted, [crowd] * len(truths)))


def _same_class(results, truths):
    ours, theirs = ([item["category_id"] for item in items] for items in (results, truths))
    return np.array(ours, int)[:, None] == np.array(theirs, int)


def _covered(results, crowds):
    """Return [D] bool: detections of which a crowd of their class covers half."""
    return (_same_class(results, crowds) & (_overlaps(results, crowds, crowd=1) >= IOU)).any(axis=1)


def confusion(judged, categories):
    """Return counts [C + 1, C + 1]: rows are gt, columns detections, and the last of each is the background.

    judged: the Judged of all images. categories: those of the gt. A badly outlined pair counts as missed and
    as a false positive.
    """
    place = {category["id"]: number for number, category in enumerate(categories)}
    counts = np.zeros((len(place) + 1, len(place) + 1), int)
    for one in judged:
        for result, word, partner in zip(one.results, one.verdicts, one.partners):
            if word != IN_CROWD:
                paired = word in (FOUND, CLASS)
                row = place[one.truths[partner]["category_id"]] if paired else -1
                counts[row, place[result["category_id"]]] += 1
        for truth, kind in zip(one.truths, one.kinds):
            counts[place[truth["category_id"]], -1] += kind in (MISSED, OUTLINE)
    return counts


def worst(judged, count):
    """Return the Judged of at most ``count`` images with most mistakes, by decreasing number of them."""
    wrong = [one for one in judged if any(one.mistakes().values())]
    return sorted(wrong, key=lambda one: (-sum(one.mistakes().values()), one.image_id))[:count]
