"""Compare detection in a large mosaic, with and without tiles, to detection in its images one by one.

    python benchmarks/tiles.py --weights runs/nuclei20261128T0421 --dataset nuclei
    python benchmarks/tiles.py --weights runs/nuclei20261128T0421 --dataset nuclei --enlarged 8

The images of a split are laid side by side, turned and flipped, until they fill the mosaic. --enlarged
magnifies the first one: its instances are larger than what tiles have in common. Each row is a process of its
own, which reads PNG files and detects in them.

found: the share of the instances that a detection of its own matches with a mask IoU of 0.5 or more; large:
of those in the magnified image. right: the share of the detections that match an instance. twice: detections
beyond the first that lie to more than half in one instance, and that it lies to more than half in.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a clone, not installed

ROWS = {
    "one by one": {"one_by_one": True, "tile": None, "whole": True},
    "whole": {"one_by_one": False, "tile": None, "whole": True},
    "tiles and whole": {"one_by_one": False, "tile": "auto", "whole": True},
    "tiles alone": {"one_by_one": False, "tile": "auto", "whole": False},
}
IOU = 0.5


def main(argv=None):
    args = parse(argv)
    with tempfile.TemporaryDirectory() as folder:
        count, truths, large = write_mosaic(args, Path(folder))
        print(f"{args.width} x {args.height} pixels, {count} images, {len(truths)} instances, {large} large")
        print(
            f"{'':16}{'found':>8}{'large':>8}{'right':>8}{'twice':>7}{'detections':>12}{'s':>8}{'peak GB':>9}"
        )
        for name in args.rows:
            work = [sys.executable, "-c", "from benchmarks import tiles; tiles.detect()"]
            task = json.dumps({"weights": args.weights, "folder": folder, **ROWS[name]})
            done = subprocess.run(work, input=task, check=True, capture_output=True, text=True, cwd=ROOT)
            done = json.loads(done.stdout.splitlines()[-1])
            found, right, twice = score(truths, done["rows"])
            print(
                f"{name:16}{found.mean():8.3f}{found[:large].mean() if large else np.nan:8.3f}{right:8.3f}"
                f"{twice:7}{len(done['rows']):12}{done['seconds']:8.1f}{done['peak']:9.2f}",
                flush=True,
            )


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", required=True, type=absolute, help="a weights file or a run's folder")
    parser.add_argument("--dataset", required=True, type=absolute, help="the nuclei, see docs/performance.md")
    parser.add_argument("--layout", default="nuclei", help="the data set's format")
    parser.add_argument("--split", default="val")
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument(
        "--enlarged", type=int, default=1, metavar="N", help="magnify the first image N times"
    )
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS)
    return parser.parse_args(argv)


def absolute(path):
    return str(Path(path).resolve())


def write_mosaic(args, folder):
    """Write mosaic.png, and its images with their places in their names.

    Returns the number of images, the truth as run lengths in the mosaic, and how many of these are large.
    """
    from mrcnn.datasets.formats import open_dataset

    canvas = np.zeros((args.height, args.width, 3), np.uint8)
    dataset = open_dataset(args.layout, args.dataset, args.split)
    rows, large, y, x, tall, number = [], 0, 0, 0, 0, 0
    while True:
        image, masks = turned(dataset, number, args.enlarged if number == 0 else 1)
        height, width = image.shape[:2]
        if x + width > args.width:
            y, x, tall = y + tall, 0, 0
        if y + height > args.height:
            break
        canvas[y : y + height, x : x + width] = image
        Image.fromarray(image).save(folder / f"image_{number:04}_{y}_{x}.png")
        rows += [placed(mask, y, x) for mask in masks]
        large = len(rows) if number == 0 and args.enlarged > 1 else large
        x, tall, number = x + width, max(tall, height), number + 1
    Image.fromarray(canvas).save(folder / "mosaic.png")
    return number, run_lengths(rows, canvas.shape[:2]), large


def turned(dataset, number, factor):
    """Return an image and its masks [N, H, W], each time that it comes again turned or flipped otherwise."""
    turn, image_id = divmod(number, len(dataset.image_ids))
    image, (masks, _) = dataset.load_image(image_id), dataset.load_mask(image_id)
    masks = np.moveaxis(masks, -1, 0)
    if factor > 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        masks = np.repeat(np.repeat(masks, factor, axis=1), factor, axis=2)
    if turn >= 4:
        image, masks = image[:, ::-1], masks[:, :, ::-1]
    return np.ascontiguousarray(np.rot90(image, turn)), np.rot90(masks, turn, axes=(1, 2))


def placed(mask, y, x):
    """Return the box in the mosaic and the crop of a mask of an image at (y, x)."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    y1, y2, x1, x2 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return (y1 + y, x1 + x, y2 + y, x2 + x), mask[y1:y2, x1:x2]


def run_lengths(rows, size):
    """Return the run lengths of masks in the mosaic, given as boxes and crops."""
    from mrcnn.detection.detections import Detections

    none = np.zeros(len(rows))
    boxes = np.array([box for box, _ in rows], int).reshape(-1, 4)
    return Detections(size, boxes, none, none, [crop for _, crop in rows]).run_lengths()


def detect():
    """Detect as the task on standard input says; print scores and run lengths in the mosaic as JSON."""
    import mrcnn
    from mrcnn.detection import stream

    task = json.loads(sys.stdin.read())
    folder, plan = Path(task["folder"]), stream.plan
    if not task["whole"]:
        stream.plan = lambda *given: replace(plan(*given), whole=not plan(*given).tiles)
    model = mrcnn.load(task["weights"], tile=task["tile"])
    paths = sorted(folder.glob("image_*.png")) if task["one_by_one"] else [folder / "mosaic.png"]
    with Image.open(folder / "mosaic.png") as mosaic:
        size = mosaic.size[::-1]
    rows, scores, start = [], [], time.perf_counter()
    for path, result in zip(paths, model(paths)):
        place = list(map(int, path.stem.split("_")[2:])) or [0, 0]
        rows += zip(result.boxes + np.array([*place, *place]), result.detections.crops)
        scores += result.scores.tolist()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    encoded = run_lengths(rows, size)
    print(json.dumps({"rows": list(zip(scores, encoded)), "seconds": seconds, "peak": peak}))


def score(truths, rows):
    """Return which truths were found [N], the share of the rows that are right, and how many came twice."""
    from faster_coco_eval.core import mask as rle

    rows.sort(key=lambda row: -row[0])
    found = [row[1] for row in rows]
    # COCO's measure for crowds: the share of the first mask that lies in the second.
    in_truth = np.asarray(rle.iou(found, truths, [1] * len(truths))).reshape(len(found), len(truths))
    areas = np.outer(rle.area(found), 1 / rle.area(truths))
    of_truth = in_truth * areas
    iou = of_truth / (1 + areas - of_truth)
    matched = np.zeros(len(truths), bool)
    right = 0
    for row in iou:
        best = np.argmax(np.where(matched, 0, row))
        if not matched[best] and row[best] >= IOU:
            matched[best], right = True, right + 1
    same = (in_truth > 0.5) & (of_truth > 0.5)
    return matched, right / max(len(rows), 1), int(np.maximum(same.sum(axis=0) - 1, 0).sum())


if __name__ == "__main__":
    main()
