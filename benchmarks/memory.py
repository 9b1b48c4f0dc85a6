"""Measure the memory of a process that detects in one image after another.

    python benchmarks/memory.py [--images 500]

Each image has another size, as photographs do; with IMAGE_RESIZE_MODE=pad64 the network's input changes its
size too. Memory is flat if the process holds as much in the last hundred images as in the second hundred.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

from mrcnn import startup

# Small heads: 500 images take minutes instead of half an hour.
SMALL = [
    "TOP_DOWN_PYRAMID_SIZE=64",
    "RPN_CHANNELS=64",
    "FPN_CLASSIF_FC_LAYERS_SIZE=256",
    "MASK_HEAD_CHANNELS=64",
]


def main(argv=None):
    args = parse(argv)
    startup.start()
    import keras

    from benchmarks import networks

    settings = [*SMALL, "DETECTION_MIN_CONFIDENCE=0.0", f"IMAGE_RESIZE_MODE={args.mode}"]
    settings += [f"DETECTION_MAX_INSTANCES={args.instances}"]
    model = networks.build("inference", args.backbone, args.size, settings=settings)
    print(f"{args.backbone} at {args.size}, {args.mode}, {keras.backend.backend()}")
    print("| images | found | held, MB |")
    print("|---|---|---|")
    held, found = [], 0
    for number in range(args.images):
        image = photograph(number)
        found += len(model.detect([image])[0]["scores"])
        held.append(resident_mb())
        if (number + 1) % args.every == 0:
            print(f"| {number + 1} | {found} | {max(held[-args.every :]):.0f} |", flush=True)
    after = len(held) // 5  # caches are full and threads have started
    slope, _ = np.polyfit(np.arange(len(held))[after:], held[after:], 1)
    print(f"From image {after + 1} on: {1000 * slope:+.1f} kB per image")


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="light")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--mode", default="square", help="IMAGE_RESIZE_MODE: square or pad64")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--instances", type=int, default=100, help="detections per image")
    parser.add_argument("--every", type=int, default=100, help="images per line, which shows their maximum")
    return parser.parse_args(argv)


def resident_mb():
    """Return the resident memory of this process in 10^6 bytes, as reported by Linux."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def photograph(number):
    """Return noise with sides of 150 to 500 px."""
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (*rng.integers(150, 500, 2), 3), dtype=np.uint8)


if __name__ == "__main__":
    main()
