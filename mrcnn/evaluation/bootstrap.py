"""Compare models on the same images: an interval for each AP and for each difference (Efron 1979).

Images are drawn with replacement, as many as there are, and AP is computed from them; all models get the same
draws, so that what is hard for all of them does not widen the interval of a difference.
M: models, R: resamples, I: images.
"""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95  # of an interval
_SEED = 0


@dataclass(frozen=True)
class Interval:
    """A value with the bounds between which it lies in LEVEL of the resamples."""

    value: float
    low: float
    high: float

    def excludes_zero(self):
        """Return whether zero lies outside."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """The result. aps: the Interval of each model. best: the place of the highest AP.

    behind: the Interval of best minus each model. winner: ``best`` if it beats every other model, or None.
    """

    aps: tuple
    best: int
    behind: tuple
    winner: int | None


def compare(tallies, resamples=RESAMPLES, seed=_SEED):
    """Compare models by mask AP; return a Comparison.

    tallies: a Tally for each model, of the same images in one order; each has instances. Raises ValueError
    for other images.
    """
    if len({tally.image_ids for tally in tallies}) != 1:
        raise ValueError("the models must be evaluated on the same images.")
    values = np.array([tally.ap() for tally in tallies])
    drawn = resample(tallies, resamples, seed)
    best = int(np.argmax(values))
    aps = [interval(value, own) for value, own in zip(values, drawn)]
    behind = [interval(values[best] - value, drawn[best] - own) for value, own in zip(values, drawn)]
    others = [one for place, one in enumerate(behind) if place != best]
    wins = bool(others) and all(one.low > 0 for one in others)
    return Comparison(tuple(aps), best, tuple(behind), best if wins else None)


def resample(tallies, resamples, seed=_SEED):
    """Return AP [M, R] of resamples, equal for equal seeds; one without any instance is drawn again."""
    images = len(tallies[0].image_ids)
    instances = sum(one.instances for one in tallies[0].classes)
    rng = np.random.default_rng(seed)
    found = np.empty((len(tallies), resamples))
    for place in range(resamples):
        weights = _draw(rng, images)
        while not instances @ weights:
            weights = _draw(rng, images)
        found[:, place] = [tally.ap(weights) for tally in tallies]
    return found


def _draw(rng, images):
    """Return how often each image is drawn, [I]."""
    return np.bincount(rng.integers(images, size=images), minlength=images)


def interval(value, drawn):
    """Return the Interval of a value by the percentiles of its resamples."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(value), float(low), float(high))
