"""Seconds and memory to detect in one image: python benchmarks/detect.py [--backbone NAME] [--size 1024].

Random weights and a random image: what is computed does not depend on them, but for the last step, the
pasting of masks, which is shown beside it on as many masks as the config allows.
"""

import argparse
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pumpkin.startup import import_backend


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet101")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args(argv)
    import_backend()
    import keras

    model = build(args)
    image = np.random.default_rng(0).integers(0, 256, (args.size, args.size, 3), dtype=np.uint8)
    model.detect([image])  # builds the graph
    seconds = [timed(lambda: model.detect([image])) for _ in range(args.runs)]
    pasting = [timed(lambda: paste(image.shape)) for _ in range(3)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{args.backbone} at {args.size}, {args.precision}, {keras.backend.backend()}, one image a batch")
    print(
        f"detect: median {statistics.median(seconds):.2f} s, from {min(seconds):.2f} to {max(seconds):.2f} s"
    )
    print(
        f"of which pasting 100 masks of a quarter of the image's area each takes up to {min(pasting):.2f} s"
    )
    print(f"peak memory of the process: {memory:.1f} GiB")


def build(args):
    """A MaskRCNN as for COCO: 81 classes, 1,000 proposals, 100 detections, no confidence bound."""
    from mrcnn.config import Config
    from mrcnn.model import MaskRCNN

    config = Config()
    config.update(
        {
            "NAME": "benchmark",
            "BACKBONE": args.backbone,
            "IMAGE_MIN_DIM": args.size,
            "IMAGE_MAX_DIM": args.size,
            "IMAGES_PER_GPU": 1,
            "NUM_CLASSES": 81,
            "DETECTION_MIN_CONFIDENCE": 0.0,
            "PRECISION": args.precision,
        }
    )
    return MaskRCNN("inference", config, "runs")


def paste(shape):
    """Unmold 100 masks of half the image's sides."""
    from mrcnn.pipeline.masks import unmold_mask

    mask = np.random.default_rng(0).random((28, 28), np.float32)
    box = (0, 0, shape[0] // 2, shape[1] // 2)
    for _ in range(100):
        unmold_mask(mask, box, shape)


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
