"""All that an evaluation knows: COCO's scores, and what reports and comparisons compute from the matches."""

import dataclasses
from functools import cached_property

from mrcnn.evaluation import coco, confidence, mistakes, overlaps, tally
from mrcnn.evaluation.stages import Watched


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of a model on some images.

    ground_truth, results: as in coco.score. scores: of it, with "clumps" if the network was watched.
    least: the smallest score of a detection that was asked for. max_detections: as in coco.evaluate.
    """

    ground_truth: dict
    results: list
    scores: dict
    least: float = coco.MIN_CONFIDENCE
    max_detections: int = coco.MAX_DETECTIONS

    @cached_property
    def tally(self):
        """The Tally of the masks."""
        return tally.count(self.ground_truth, self.results, self.max_detections)

    @cached_property
    def threshold(self):
        """The Threshold of best F1, or None if no detection is correct."""
        return confidence.best_f1(*self.tally.pooled(), least=self.least)

    @cached_property
    def judged(self):
        """The Judged of each image, of detections from the threshold on."""
        score = self.threshold.score if self.threshold else self.least
        return mistakes.judge_all(self.ground_truth, self.results, score)

    @cached_property
    def calibration(self):
        """The rows and the error of confidence.calibration."""
        scores, hits, _ = self.tally.pooled()
        return confidence.calibration(scores, hits)

    @property
    def names(self):
        """The names of the classes by category id."""
        return {category["id"]: category["name"] for category in self.ground_truth["categories"]}

    def advice(self):
        """Return the sentence on the threshold."""
        best = self.threshold
        if best is None:
            return "No detection is correct, so there is no smallest score of best F1."
        return (
            f"Best F1 {best.f1:.3f} with scores of {best.score:.3f} or more: {best.correct:,} of "
            f"{best.detections:,} detections are correct (precision {best.precision:.3f}), and "
            f"{best.correct:,} of {best.instances:,} instances are found (recall {best.recall:.3f})."
        )

    def facts(self):
        """Return scores, threshold, calibration and numbers of mistakes, for JSON."""
        rows, error = self.calibration
        counts = [one.mistakes() for one in self.judged]
        return {
            **self.scores,
            "best_f1": dataclasses.asdict(self.threshold) if self.threshold else None,
            "calibration": {"error": error, "bins": rows},
            "confusion": mistakes.confusion(self.judged, self.ground_truth["categories"]).tolist(),
            "mistakes": {kind: sum(count[kind] for count in counts) for kind in mistakes.KINDS},
        }


def measure(
    model, dataset, image_ids=None, progress=True, tiling=None, watch=False, least=coco.MIN_CONFIDENCE,
    tta=None,
):  # fmt: skip
    """Detect in images and return the Outcome.

    Arguments and errors as of coco.evaluate. watch: whether to follow instances through the network, see
    overlaps; the images are then detected one by one. least: the smallest score.
    """
    limit = coco.limit_of(coco.MAX_DETECTIONS, tiling)
    watched = Watched(model) if watch else None
    detect = watched.detect if watch else model
    ground_truth, results = coco.detect_all(detect, dataset, image_ids, progress, tiling=tiling, tta=tta)
    scores = coco.score(ground_truth, results, limit)
    if watch:
        scores["clumps"] = overlaps.score_slices(ground_truth, results, watched.stages, limit)
    return Outcome(ground_truth, results, scores, least, limit)
