"""Measure detection of many photographs, from JPEG files to results, against the network alone.

    python benchmarks/stream.py --backbone resnet50 --size 512
    python benchmarks/stream.py --images 200 --batch 8 --precision mixed_bfloat16

In turns, it runs the network on batches that are in memory, detects in JPEG files of two megapixels and
encodes the results for COCO, does that with a PNG picture of each, and evaluates a data set of photographs of
as many sizes from 0.3 to 2 megapixels, with eight mask PNGs each. Weights are random, so that each photograph
has 100 detections at random places. It prints images per second, seconds of processor time per
image, and both against the network alone: on a CPU that other programs share, the second ratio counts.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

from mrcnn import startup


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet101")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--precision", default="float32", help="or mixed_bfloat16")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--images", type=int, default=16, help="photographs of a run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind, in turns")
    args = parser.parse_args(argv)
    startup.start()
    from benchmarks import networks

    settings = ["DETECTION_MIN_CONFIDENCE=0.0", "DETECTION_BACKGROUND_WINS=false"]
    model = networks.build("inference", args.backbone, args.size, args.precision, args.batch, settings)
    model.class_names = ["BG", *(f"class {number}" for number in range(1, 81))]
    with tempfile.TemporaryDirectory() as folder:
        kinds = kinds_of(model, Path(folder), args)
        for run in kinds.values():
            run(args.batch)  # builds the graph, or reads files for the first time
        taken = {kind: [] for kind in kinds}
        for _ in range(args.runs):
            for kind, run in kinds.items():
                begun = time.perf_counter(), time.process_time()
                run(args.images)
                taken[kind].append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
    print(f"{args.images} photographs, {args.backbone} at {args.size}, {args.precision}, batch {args.batch}")
    middle = {
        kind: [statistics.median(column) / args.images for column in zip(*taken[kind])] for kind in taken
    }
    alone = middle["network alone"]
    for kind, (seconds, processor) in middle.items():
        ratios = f"{seconds / alone[0]:.2f} of the time, {processor / alone[1]:.3f} of the processor time"
        print(f"{kind:28} {1 / seconds:7.2f} images/s  {processor:.2f} s of processor time  {ratios}")


def kinds_of(model, folder, args):
    """Return {kind: function of a number of photographs}."""
    from benchmarks.host import write_photograph
    from mrcnn.datasets.images import read_image
    from mrcnn.detection import overlay
    from mrcnn.detection.molding import fit
    from mrcnn.detection.results import coco_results
    from mrcnn.evaluation import coco
    from mrcnn.files import write_bytes

    path = write_photograph(folder / "photo.jpg", 2)
    fitted = fit(read_image(path), model.config)
    dataset = write_data_set(folder, max(args.images, args.batch))

    def network(count):
        for _ in range(0, count, args.batch):
            model._detector([fitted] * args.batch)

    def stream(count, picture=False):
        def finish(found):
            if picture:
                drawn = overlay.draw(found.image, found.detections, model.class_names)
                write_bytes(folder / f"{found.source}.png", overlay.encode(drawn), durable=False)
            return coco_results(found.source, found.detections)

        for _ in model.detect_stream(range(count), lambda _: read_image(path, apply_exif=True), finish):
            pass

    return {
        "network alone": network,
        "JPEG to COCO": stream,
        "JPEG to COCO and pictures": lambda count: stream(count, picture=True),
        "evaluate": lambda count: coco.evaluate(model, dataset, range(count), progress=False),
    }


def write_data_set(folder, count):
    """Write photographs of as many sizes with mask PNGs in the layout of a download; return the Dataset."""
    from benchmarks.loader import blob
    from pumpkin.dataset import PumpkinDataset

    place = folder / "data" / "val" / "pumpkin"
    (place / "masks").mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng([1, number])
        height, width = np.linspace([480, 640], [1200, 1700], count)[number].astype(int)
        noise = rng.uniform(0, 255, (24, 32, 3))
        image = cv2.resize(noise, (int(width), int(height)), interpolation=cv2.INTER_CUBIC).clip(0, 255)
        cv2.imwrite(str(place / f"{number:016x}.jpg"), image.astype(np.uint8))
        for instance in range(8):
            mask = blob((height, width), rng) * np.uint8(255)
            cv2.imwrite(str(place / "masks" / f"{number:016x}_m05zsy_{instance:08x}.png"), mask)
    dataset = PumpkinDataset()
    dataset.load_pumpkins(folder / "data", "val")
    dataset.prepare()
    return dataset


if __name__ == "__main__":
    main()
