"""Train on the same annotations as four tools store them, and compare masks, losses and detections.

    python benchmarks/four_tools.py [--photographs PATH] [--keep DIR]

60 rendered scenes, or the training images of an annotated data set, become a YOLO data set, whose polygons
are the truth. They are written as COCO, labelme and VIA 2 too. From each of the four, scripts/train.py gets
--dataset and a few settings that make it cheap, and scripts/detect.py the weights of its run. Each row of the
table is compared with the first. The exit code is 1 if any differs.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a clone, not installed

TOOLS = ("yolo", "coco", "labelme", "via")
CHEAP = (
    "BACKBONE=light", "IMAGE_MIN_DIM=192", "IMAGE_MAX_DIM=192", "IMAGES_PER_GPU=2", "STEPS_PER_EPOCH=8",
    "VALIDATION_STEPS=2",
)  # fmt: skip
DETECTED = 3  # images


@dataclass
class Row:
    """What is compared of a tool. masks: [(image, class, mask)]. detections: of the first images."""

    read_as: str
    masks: list
    losses: dict
    weights: str
    detections: list
    seconds: float


def main(argv=None):
    args = parse(argv)
    if args.keep:
        return compare(Path(args.keep), args)
    with tempfile.TemporaryDirectory() as folder:
        return compare(Path(folder), args)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", metavar="PATH", help="an annotated data set, instead of scenes")
    parser.add_argument("--scenes", type=int, default=60, help="number of scenes (60)")
    parser.add_argument("--keep", metavar="DIR", help="a new folder for all files, which are kept")
    parser.add_argument("--set", nargs="+", default=CHEAP, metavar="NAME=VALUE", help="settings of training")
    return parser.parse_args(argv)


def compare(out, args):
    """Write the four data sets into a folder, train on each, print the table, and return the exit code."""
    write_sets(out, open_source(out, args))
    rows = {}
    for tool in TOOLS:
        rows[tool] = run(out, tool, args.set)
        print(f"{tool}: {rows[tool].read_as}", flush=True)
    print("\n| tool | masks | loss of the epoch | weights | detections | s |\n|---|---|---|---|---|---|")
    same = [print_row(tool, rows[tool], rows[TOOLS[0]]) for tool in TOOLS]
    return 0 if all(same) else 1


def open_source(out, args):
    """Return the data set to start from."""
    from mrcnn.datasets.formats import find_format, open_dataset
    from mrcnn.datasets.recognition import recognise
    from pumpkin.synthetic.folder import generate

    source = args.photographs
    if source is None:
        source = out / "scenes"
        generate(source, {"train": args.scenes}, seed=5, size=192, progress=False)
    layout = recognise(source)[0]
    splits = find_format(layout).splits(Path(source)) or [None]
    return open_dataset(layout, source, "train" if "train" in splits else splits[0])


def write_sets(out, source):
    """Write the four data sets, none of which has splits. The rings of the first are those of all."""
    from mrcnn.datasets.convert import convert
    from mrcnn.datasets.formats import open_dataset

    convert({None: source}, "yolo", out / "yolo", progress=False)
    truth = open_dataset("yolo", out / "yolo", "train")
    for tool in ("coco", "labelme"):
        convert({None: truth}, tool, out / tool, progress=False)
    write_via(out / "via", truth)


def write_via(folder, dataset):
    """Write a data set as VIA 2 exports it: via_region_data.json beside the images."""
    content = {}
    folder.mkdir()
    for image_id in dataset.image_ids:
        path = Path(dataset.image_info[image_id]["path"])
        data = path.read_bytes()
        (folder / path.name).write_bytes(data)
        height, width = dataset.image_size(image_id)
        regions = [
            region(annotation, width, height) for annotation in dataset.image_info[image_id]["annotations"]
        ]
        content[f"{path.name}{len(data)}"] = {
            "filename": path.name, "size": len(data), "regions": regions, "file_attributes": {},
        }  # fmt: skip
    (folder / "via_region_data.json").write_text(json.dumps(content))


def region(annotation, width, height):
    x, y = (annotation.shape.rings[0] * (width, height)).T.tolist()
    return {
        "shape_attributes": {"name": "polygon", "all_points_x": x, "all_points_y": y},
        "region_attributes": {"class": annotation.name},
    }


def run(out, tool, settings):
    """Read, train and detect by the commands alone; return a Row."""
    start, runs = time.perf_counter(), out / f"runs_{tool}"
    options = ["--dataset", str(out / tool), "--weights", "none", "--epochs", "1", "--out", str(runs)]
    text = command("train", *options, "--set", *settings)
    images = sorted((out / "yolo" / "images").iterdir())[:DETECTED]  # the same files for all
    found = out / f"detections_{tool}"
    options = ["--weights", "last", "--runs", str(runs), "--min-confidence", "0", "--out", str(found)]
    command("detect", *map(str, images), *options)
    seconds = time.perf_counter() - start
    folder = next(runs.iterdir())
    with open(folder / "metrics.csv", newline="") as file:
        losses = {name: row[name] for row in csv.DictReader(file) for name in row if name.endswith("loss")}
    return Row(
        next(line for line in text.splitlines() if line.startswith("Read as")), masks_of(out / tool), losses,
        json.loads((folder / "run.json").read_text())["result"]["weights"],
        json.loads((found / "detections.json").read_text()), seconds,
    )  # fmt: skip


def command(name, *options):
    """Run a script and return its output. Raises SystemExit with its last lines if it fails."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *options], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{name} ended with code {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def masks_of(root):
    """Return (name of the image, class, mask) of each instance, read in the format that is recognised."""
    from mrcnn.datasets.formats import open_dataset
    from mrcnn.datasets.recognition import recognise

    dataset = open_dataset(recognise(root)[0], root, "train")
    found = []
    for image_id in dataset.image_ids:
        masks, class_ids = dataset.load_mask(image_id)
        name = Path(dataset.image_info[image_id]["path"]).name
        found += [(name, dataset.class_names[k], masks[..., i]) for i, k in enumerate(class_ids)]
    return found


def print_row(tool, row, first):
    """Print a row of the table and return whether it equals the first."""
    pairs = list(zip(row.masks, first.masks))
    equal = sum(one[:2] == other[:2] and np.array_equal(one[2], other[2]) for one, other in pairs)
    same = [getattr(row, name) == getattr(first, name) for name in ("losses", "weights", "detections")]
    losses, weights, detections = ("equal" if found else "DIFFER" for found in same)
    cells = [
        tool, f"{equal} of {len(first.masks)} equal", f"{row.losses['loss']}, {losses}",
        f"{row.weights[:8]}, {weights}", f"{count(row.detections)}, {detections}", f"{row.seconds:.0f}",
    ]  # fmt: skip
    print(f"| {' | '.join(cells)} |")
    return equal == len(first.masks) == len(row.masks) and all(same)


def count(detections):
    return sum(len(image["detections"]) for image in detections)


if __name__ == "__main__":
    sys.exit(main())
