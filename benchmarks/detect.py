"""Measure the time, arithmetic and memory of detection in one image.

    python benchmarks/detect.py
    python benchmarks/detect.py --precision mixed_bfloat16
    python benchmarks/detect.py --backbone resnet50 --size 512

The network is that for COCO: 81 classes, 1,000 proposals, and 100 detections whose masks are pasted into the
image. Weights and image are random. Only the time of the last step, pasting masks, depends on them; it is
also measured separately, with 100 masks.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

from mrcnn import startup


def main(argv=None):
    args = parse(argv)
    startup.start()
    import keras

    from benchmarks import flops, networks

    peak = flops.Peak(args.precision)
    peak.measure()
    any_score = ["DETECTION_MIN_CONFIDENCE=0.0"]
    model = networks.build("inference", args.backbone, args.size, args.precision, settings=any_score)
    image = np.random.default_rng(0).integers(0, 256, (args.size, args.size, 3), dtype=np.uint8)
    found = len(model.detect([image])[0]["scores"])  # builds the graph
    seconds = [flops.timed(lambda: model.detect([image])) for _ in range(args.runs)]
    peak.measure()
    title = (
        f"detect: {args.backbone} at {args.size}, {args.precision}, {keras.backend.backend()}, one image per "
        f"batch, {found} detections"
    )
    flop, _ = flops.count(model.keras_model, batch=1)
    networks.report(title, seconds, flop, peak.best)
    pasting = min(flops.timed(lambda: paste(image.shape)) for _ in range(3))
    print(f"Pasting 100 masks of a quarter of the image's area each takes up to {pasting:.2f} s of this.")


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet101")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--precision", default="float32", help="or mixed_bfloat16")
    parser.add_argument("--runs", type=int, default=7)
    return parser.parse_args(argv)


def paste(shape):
    """Unmold 100 masks of half the image's sides."""
    from mrcnn.pipeline.masks import unmold_mask

    mask = np.random.default_rng(0).random((28, 28), np.float32)
    box = (0, 0, shape[0] // 2, shape[1] // 2)
    for _ in range(100):
        unmold_mask(mask, box, shape)


if __name__ == "__main__":
    main()
