"""Measure what detection in one large photograph costs outside of the network, on one core.

    python benchmarks/host.py
    python benchmarks/host.py --megapixels 2 --side 0.25

It writes a JPEG of soft random colours and takes the times of the stream's stages: reading, fitting to the
network's size, mapping 100 detections to the photograph with their masks, encoding these as run lengths, and
drawing the picture. Boxes lie at random; their sides are ``--side`` of the photograph's. Times are processor
time of one thread, medians of several runs, so that other work on the machine hardly counts.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from mrcnn import startup  # noqa: E402

DETECTIONS = 100


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--size", type=int, default=1024, help="IMAGE_MAX_DIM")
    parser.add_argument("--side", type=float, default=0.1, help="sides of the boxes, as a share")
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    startup.keep_memory()  # as the commands do
    with tempfile.TemporaryDirectory() as folder:
        path = write_photograph(Path(folder) / "photo.jpg", args.megapixels)
        taken = [stages(path, args) for _ in range(args.runs)]
    print(
        f"{args.megapixels:g} megapixels to {args.size} px, {DETECTIONS} masks of {args.side:g} of its sides"
    )
    for stage in taken[0]:
        times = [1000 * times[stage] for times in taken]
        print(f"{stage:24} {statistics.median(times):6.0f} ms ({min(times):.0f} to {max(times):.0f})")


def write_photograph(path, megapixels):
    """Write a JPEG of 4 x 3 with that many pixels, a quarter of a byte for each; return its path."""
    rng = np.random.default_rng(0)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    image = cv2.resize(
        rng.uniform(0, 255, (48, 64, 3)), (height * 4 // 3, height), interpolation=cv2.INTER_CUBIC
    )
    image += rng.normal(0, 6, image.shape)
    cv2.imwrite(str(path), image.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path


def stages(path, args):
    """Return {stage: seconds of processor time}."""
    from mrcnn.config import Config
    from mrcnn.datasets.images import read_image
    from mrcnn.detection import overlay
    from mrcnn.detection.mask_rule import MaskRule
    from mrcnn.detection.molding import fit, unmold

    config = Config()
    config.update({"IMAGE_MAX_DIM": args.size, "IMAGE_MIN_DIM": args.size})
    times = {}

    def timed(stage, work):
        begun = time.thread_time()
        result = work()
        times[stage] = time.thread_time() - begun
        return result

    image = timed("read", lambda: read_image(path, apply_exif=True))
    fitted = timed("fit", lambda: fit(image, config))
    rows, masks = detections(args.side)
    found = timed(
        "map and paste",
        lambda: unmold(
            rows, masks, fitted.original_shape, fitted.image.shape, fitted.window, MaskRule("aligned")
        ),
    )
    times["all of these"] = sum(times.values())
    timed("run lengths", found.run_lengths)
    timed("masks [H, W, N]", found.masks)
    timed("draw", lambda: overlay.draw(image, found, ["BG", "thing"]))
    return times


def detections(side):
    """Return rows [100, 6] as the network gives them, within the middle three quarters, and smooth masks."""
    rng = np.random.default_rng(1)
    rows = np.zeros((DETECTIONS, 6), np.float32)
    corner = rng.uniform(0, 1 - side, (DETECTIONS, 2))
    rows[:, :4] = np.concatenate([corner, corner + side], axis=1)
    rows[:, [0, 2]] = 0.125 + 0.75 * rows[:, [0, 2]]  # a photograph of 4 x 3 in a square
    rows[:, 4:] = 1, 0.9
    coarse = rng.uniform(0, 1, (DETECTIONS, 7, 7)).astype(np.float32)
    return rows, np.stack([cv2.resize(mask, (28, 28), interpolation=cv2.INTER_CUBIC) for mask in coarse])


if __name__ == "__main__":
    main()
