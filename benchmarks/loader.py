"""Measure how many images per second the loader prepares with each augmentation, and the time of each stage.

    python benchmarks/loader.py [--presets none light strong] [--size 1024] [--workers 2] [--images 48]

It writes JPEG photographs of about 1024 x 768 pixels, each with eight mask PNGs, to a temporary folder in the
layout of a download. It reads them through PumpkinDataset and Loader: batches in order from a pool of
threads, as Keras does. The stages are timed in another pass on one thread under the profiler, in milliseconds
per image; reading includes decoding.
"""

import argparse
import cProfile
import os
import pstats
import statistics
import sys
import tempfile
import time
from multiprocessing.dummy import Pool
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np

# The functions that count towards each stage; they do not call each other.
STAGES = {
    "read image": ("load_image",),
    "read masks": ("load_mask",),
    "resize": ("resize_image", "resize_mask"),
    "augment": ("apply",),
    "boxes, mini-masks": ("extract_bboxes", "minimize_mask"),
    "mold, stack": ("_padded", "stack"),
}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="+", default=["none", "light", "strong"])
    parser.add_argument("--size", type=int, default=1024, help="IMAGE_MAX_DIM")
    parser.add_argument("--workers", type=int, default=2, help="WORKERS")
    parser.add_argument("--images", type=int, default=48, help="photographs to write")
    parser.add_argument("--runs", type=int, default=5, help="passes; their median is printed")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        write_photographs(Path(folder) / "train" / "pumpkin", args.images)
        dataset = open_photographs(folder)
        print(f"{args.images} photographs, {args.size} px, mini-masks, {args.workers} threads")
        stages = " | ".join(f"{stage}, ms" for stage in STAGES)
        print(f"| augmentation | images/s (least to most) | {stages} | all, ms |")
        print("|---|" + "---|" * (len(STAGES) + 2))
        for preset in args.presets:
            loader = make_loader(dataset, args, preset)
            speeds = [images_a_second(loader, args.workers, run) for run in range(args.runs)]
            stages = stage_times(loader)
            speed = f"{statistics.median(speeds):.1f} ({min(speeds):.1f} to {max(speeds):.1f})"
            print(f"| {preset} | {speed} | {' | '.join(f'{ms:.0f}' for ms in stages)} |", flush=True)


def write_photographs(folder, count):
    """Write images of soft random colours, 1024 x 683 to 1024 px, with eight blobs and their masks."""
    (folder / "masks").mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng([1, number])
        shape = [(768, 1024), (683, 1024), (1024, 768)][number % 3]
        image = cv2.resize(rng.uniform(0, 255, (24, 32, 3)), shape[::-1], interpolation=cv2.INTER_CUBIC)
        image += cv2.GaussianBlur(rng.normal(0, 40, image.shape), (0, 0), 1.5)
        for instance in range(8):
            mask = blob(shape, rng)
            image[mask] = image[mask] * 0.4 + rng.uniform(0, 255, 3) * 0.6
            name = f"{number:016x}_m05zsy_{instance:08x}.png"
            cv2.imwrite(str(folder / "masks" / name), mask * np.uint8(255), [cv2.IMWRITE_PNG_BILEVEL, 1])
        image = image.clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:016x}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])


def blob(shape, rng):
    """Return a mask, bool, of a wavy blob 60 to 400 px across at a random place in a picture."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radius = np.exp(rng.uniform(np.log(30), np.log(200)))
    waves = 1 + 0.1 * np.sin(rng.integers(2, 6) * angles + rng.uniform(0, 6))
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (radius * waves)[:, None]
    points += rng.uniform(0.1, 0.9, 2) * shape[::-1]
    return cv2.fillPoly(np.zeros(shape, np.uint8), [points.astype(np.int32)], 1) > 0


def open_photographs(folder):
    from pumpkin.dataset import PumpkinDataset

    dataset = PumpkinDataset()
    dataset.load_pumpkins(folder, "train")
    dataset.prepare()
    return dataset


def make_loader(dataset, args, preset):
    from mrcnn.config import Config
    from mrcnn.pipeline.loader import Loader

    config = Config()
    config.update({"NAME": "benchmark", "NUM_CLASSES": 2, "IMAGE_MAX_DIM": args.size, "IMAGES_PER_GPU": 2})
    return Loader(dataset, config, augmentation=preset, workers=args.workers)


def images_a_second(loader, workers, run):
    """Return the speed of one pass; the first batches, which start the threads, do not count."""
    warm, steps = workers, len(loader)
    with Pool(workers) as pool:
        batches = pool.imap(loader.batch, range(run * steps, (run + 1) * steps))
        for _ in range(warm):
            next(batches)
        start, images = time.perf_counter(), 0
        for batch in batches:
            images += len(batch["input_image"])
    return images / (time.perf_counter() - start)


def stage_times(loader):
    """Return the milliseconds per image of each of STAGES and in total, on one thread."""
    profile = cProfile.Profile()
    steps = len(loader)
    start = time.perf_counter()
    profile.runcall(lambda: [loader.batch(k) for k in range(steps)])
    seconds = time.perf_counter() - start
    images = len(loader.dataset.image_ids)
    cumulative = {name: 0.0 for names in STAGES.values() for name in names}
    for (_, _, name), (_, _, _, total, _) in pstats.Stats(profile).stats.items():
        if name in cumulative:
            cumulative[name] += total
    times = [sum(cumulative[name] for name in names) for names in STAGES.values()]
    return [1000 * t / images for t in (*times, seconds)]


if __name__ == "__main__":
    main()
