"""What scores are worth: the score of best F1, and whether a score is the share of correct detections.

D: detections by decreasing score. A detection is correct if a mask of its class has an IoU of 0.5 or more
with it.
"""

from dataclasses import dataclass

import numpy as np

BINS = 10  # of calibration


@dataclass(frozen=True)
class Threshold:
    """A smallest score, and precision, recall and F1 of the detections that reach it.

    detections: their number. correct: of these. instances: of the gt.
    """

    score: float
    f1: float
    precision: float
    recall: float
    detections: int
    correct: int
    instances: int


def curve(scores, hits, instances):
    """Return the numbers of detections [K] down to each different score, and their precision, recall, F1 [K].

    scores: [D]. hits: [D] bool. instances: their number.
    """
    last = np.flatnonzero(np.append(scores[1:] < scores[:-1], True)[: len(scores)])
    detections, correct = last + 1, np.cumsum(hits)[last] if len(scores) else np.zeros(0, int)
    return (
        detections,
        correct / detections,
        correct / max(instances, 1),
        2 * correct / (detections + instances),
    )


def best_f1(scores, hits, instances, least=0.0):
    """Return the Threshold of the best F1, or None if no detection is correct. Arguments as of ``curve``.

    least: the smallest score that was evaluated. The threshold lies half way between the last score that it
    admits and the next one, so that rounding changes nothing. Of equal F1 the higher score is taken.
    """
    detections, precision, recall, f1 = curve(scores, hits, instances)
    if not np.any(hits):
        return None
    best = int(np.argmax(f1))
    place = int(detections[best])
    following = float(scores[place]) if place < len(scores) else least
    return Threshold(
        score=(float(scores[place - 1]) + following) / 2,
        f1=float(f1[best]),
        precision=float(precision[best]),
        recall=float(recall[best]),
        detections=place,
        correct=int(np.sum(hits[:place])),
        instances=int(instances),
    )


def calibration(scores, hits, bins=BINS):
    """Return the bins of equal width that hold a detection, as dicts, and the calibration error.

    A dict has low and high (the bin's bounds), detections, score (their mean) and correct (the share of
    correct ones). The error is the mean of abs(score - correct), each bin weighed by its detections (Naeini
    et al. 2015); 0 without a detection.
    """
    places = np.minimum((np.asarray(scores) * bins).astype(int), bins - 1)
    rows = []
    for place in np.unique(places):
        own = places == place
        rows.append({
            "low": place / bins,
            "high": (place + 1) / bins,
            "detections": int(own.sum()),
            "score": float(scores[own].mean()),
            "correct": float(hits[own].mean()),
        })  # fmt: skip
    error = sum(row["detections"] * abs(row["score"] - row["correct"]) for row in rows) / max(len(scores), 1)
    return rows, float(error)
