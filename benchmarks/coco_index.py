"""Measure the time and memory in which a generated COCO file of COCO's own size is opened.

    python benchmarks/coco_index.py [--images 118000] [--instances 860000]

The file has as many images, annotations, numbers and bytes as COCO's instances_train2017.json, and its images
are empty files. A process of its own opens them, so that the peak of its memory is that of the index.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a clone, not installed

CLASSES = 80
NUMBERS = 40  # of an instance's ring


def main(argv=None):
    args = parse(argv)
    if args.open:
        return open_index(args.open)
    with tempfile.TemporaryDirectory() as folder:
        path = generate(Path(folder), args.images, args.instances)
        print(f"{args.images:,} images, {args.instances:,} instances, {path.stat().st_size / 1e6:,.0f} MB")
        subprocess.run([sys.executable, __file__, "--open", folder], check=True)
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=118_000)
    parser.add_argument("--instances", type=int, default=860_000)
    parser.add_argument("--open", help="open the data set in this folder, and print what it takes")
    return parser.parse_args(argv)


def open_index(folder):
    from mrcnn.datasets.coco import Coco

    start, cpu = time.perf_counter(), time.process_time()
    dataset = Coco()
    dataset.load_split(Path(folder), "train")
    dataset.prepare()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    instances = sum(len(info["annotations"]) for info in dataset.image_info)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    opened = f"{dataset.num_images:,} images, {instances:,} instances"
    print(f"{opened}: opened in {seconds:.1f} s ({cpu:.1f} s of CPU time), in at most {peak / 1e9:.2f} GB")
    return 0


def generate(folder, images, instances):
    """Write annotations/instances_train2017.json and empty images; return the path of the former."""
    names = [f"{number:012}.jpg" for number in range(images)]
    (folder / "train2017").mkdir()
    for name in names:
        (folder / "train2017" / name).touch()
    path = folder / "annotations" / "instances_train2017.json"
    path.parent.mkdir()
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"info": {"year": 2017}, "licenses": [], "images": [')
        file.write(", ".join(json.dumps(image_entry(number, name)) for number, name in enumerate(names)))
        file.write('], "annotations": [')
        rng = np.random.default_rng(0)
        for number in range(instances):
            file.write(", " * bool(number) + json.dumps(annotation_entry(number, images, rng)))
        file.write('], "categories": [')
        file.write(", ".join(json.dumps(category_entry(number)) for number in range(1, CLASSES + 1)))
        file.write("]}")
    return path


def image_entry(number, name):
    return {
        "license": 3,
        "file_name": name,
        "coco_url": f"http://images.cocodataset.org/train2017/{name}",
        "height": 480,
        "width": 640,
        "date_captured": "2013-11-14 11:18:45",
        "flickr_url": "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg",
        "id": number,
    }


def annotation_entry(number, images, rng):
    numbers = rng.uniform(0, 480, NUMBERS).round(2).tolist()
    return {
        "segmentation": [numbers],
        "area": 702.1057499999998,
        "iscrowd": 0,
        "image_id": int(rng.integers(images)),
        "bbox": numbers[:4],
        "category_id": int(rng.integers(1, CLASSES + 1)),
        "id": number,
    }


def category_entry(number):
    return {"supercategory": "thing", "id": number, "name": f"thing {number}"}


if __name__ == "__main__":
    sys.exit(main())
