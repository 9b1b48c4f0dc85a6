"""Time NMS from 6,000 boxes to 1,000 on the current Keras backend, compiled as in the network.

    python benchmarks/nms.py
    KERAS_BACKEND=jax python benchmarks/nms.py --repeats 50

It prints the median milliseconds per image for each kind of boxes:
- random: boxes of all sizes all over the image; 1,000 are soon kept;
- clustered: boxes jittered around 20 objects, with the highest scores in the middle, as a trained RPN
  predicts them;
- many remain: 999 boxes that stay, then thousands that each overlap one of them. Every box must be compared
  with a full list, and none ends the search;
- chain: each box overlaps only its neighbours in the order of scores, the worst case within a tile.
"""

import argparse
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

from mrcnn.ops.nms import nms

BOXES, KEPT, THRESHOLD = 6000, 1000, 0.7


class Nms(keras.layers.Layer):
    """A layer that calls NMS as the proposal layer does."""

    def call(self, boxes, scores):
        return nms(boxes, scores, KEPT, THRESHOLD)


def from_centers(center, size):
    """Convert centres [N, 2] and sizes [N, 2] to boxes within the unit square."""
    return np.clip(np.concatenate([center - size / 2, center + size / 2], axis=1), 0, 1)


def log_uniform(rng, low, high, shape):
    return np.exp(rng.uniform(np.log(low), np.log(high), shape))


def random_boxes(rng):
    center = rng.uniform(0, 1, (BOXES, 2))
    return from_centers(center, log_uniform(rng, 0.02, 0.5, (BOXES, 2))), rng.uniform(size=BOXES)


def clustered_boxes(rng, objects=20):
    around = rng.integers(0, objects, BOXES)
    center = rng.uniform(0.1, 0.9, (objects, 2))[around]
    size = log_uniform(rng, 0.05, 0.5, (objects, 2))[around]
    shift = rng.normal(0, 0.12, (BOXES, 2))
    boxes = from_centers(center + shift * size, size * np.exp(rng.normal(0, 0.2, (BOXES, 2))))
    return boxes, -np.abs(shift).sum(axis=1) + rng.normal(0, 0.05, BOXES)


def many_remaining_boxes(rng):
    stay = KEPT - 1
    side = int(np.ceil(np.sqrt(stay)))
    corner = np.stack(np.unravel_index(np.arange(stay), (side, side)), axis=1) / side
    apart = np.concatenate([corner, corner + 0.9 / side], axis=1)
    around = np.concatenate([np.arange(stay), rng.integers(0, stay, BOXES - stay)])
    boxes = apart[around] + rng.normal(0, 0.01 / side, (BOXES, 4))
    return boxes, np.concatenate([rng.uniform(1, 2, stay), rng.uniform(0, 1, BOXES - stay)])


def chained_boxes(rng):
    start = np.arange(BOXES) / BOXES
    zeros = np.zeros(BOXES)
    # A shift of a tenth gives IoU 0.9 / 1.1 with the neighbour, two shifts 0.8 / 1.2, below the threshold.
    boxes = np.stack([zeros, start, zeros + 1, start + 10 / BOXES], axis=1)
    return boxes, -start + rng.uniform(0, 0.1 / BOXES, BOXES)


KINDS = {
    "random": random_boxes,
    "clustered": clustered_boxes,
    "many remain": many_remaining_boxes,
    "chain": chained_boxes,
}


def measure(model, boxes, scores, repeats):
    """Return the median milliseconds per call and the mean number of kept boxes per image."""
    arrays = [keras.ops.convert_to_tensor(x, "float32") for x in (boxes, scores)]
    seconds = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        _, keep = model.predict_on_batch(arrays)
        seconds.append(time.perf_counter() - start)
    return 1000 * np.median(seconds[3:]), keep.sum() / len(boxes)  # the first three compile and warm up


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20, help="timed calls of each case (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the boxes (default 0)")
    args = parser.parse_args()
    inputs = [keras.Input((BOXES, 4)), keras.Input((BOXES,))]
    model = keras.Model(inputs, Nms()(*inputs))
    backend = keras.backend.backend()
    print(f"NMS on {backend}: {BOXES} boxes to {KEPT}, IoU {THRESHOLD}, median of {args.repeats}")
    print(f"{'boxes':<12} {'batch':>5} {'kept an image':>14} {'ms an image':>12}")
    for name, make in KINDS.items():
        for batch in (1, 2):
            rng = np.random.default_rng(args.seed)
            boxes, scores = (np.stack(x) for x in zip(*(make(rng) for _ in range(batch))))
            milliseconds, kept = measure(model, boxes, scores, args.repeats)
            print(f"{name:<12} {batch:>5} {kept:>14.0f} {milliseconds / batch:>12.1f}", flush=True)


if __name__ == "__main__":
    main()
