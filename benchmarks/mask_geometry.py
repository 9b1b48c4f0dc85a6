"""Measure the ceiling that geometry sets: the scores of a network that has learned its targets perfectly.

    python benchmarks/mask_geometry.py --config nuclei --dataset nuclei
    python benchmarks/mask_geometry.py --dataset DIR --split train --set LAYOUT=nuclei IMAGE_MAX_DIM=512

Each gt instance becomes a detection with its own box and its own mask target, as training computes it from
the resized image, and is mapped back to the photograph as detection does it. No network is built. The IoU is
the mean over instances; --jitter moves the edges of the boxes by a share of their sides.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

from mrcnn import startup

startup.start()

from mrcnn.datasets.formats import open_dataset  # noqa: E402
from mrcnn.detection.mask_rule import MaskRule  # noqa: E402
from mrcnn.detection.molding import unmold_detections  # noqa: E402
from mrcnn.detection.results import coco_results  # noqa: E402
from mrcnn.evaluation import coco  # noqa: E402
from mrcnn.modeling.network import head_target_settings  # noqa: E402
from mrcnn.modeling.targets import DetectionTargetLayer  # noqa: E402
from mrcnn.ops import boxes as box_ops  # noqa: E402
from mrcnn.pipeline.loader import load_image_gt  # noqa: E402
from pumpkin.config import load_config  # noqa: E402

ROWS = [
    {"MASK_TARGET": "corner", "MASK_PASTE": "matterport"},
    {"MASK_TARGET": "corner"},
    {"MASK_TARGET": "corner", "MINI_MASK_SHAPE": [28, 28]},
    {"MASK_TARGET": "corner", "USE_MINI_MASK": False},
    {"MASK_TARGET": "aligned"},
    {"MASK_TARGET": "aligned", "MINI_MASK_SHAPE": [28, 28]},
    {"MASK_TARGET": "aligned", "MINI_MASK_SHAPE": [112, 112]},
    {"MASK_TARGET": "aligned", "USE_MINI_MASK": False},
    {
        "MASK_TARGET": "aligned",
        "MINI_MASK_SHAPE": [112, 112],
        "MASK_POOL_SIZE": 28,
        "MASK_SHAPE": [56, 56],
    },
]


def parse():
    """Parse the command line's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--config")
    parser.add_argument("--set", nargs="+", action="extend", default=[])
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--jitter", type=float, default=0.0)
    return parser.parse_args()


def main():
    """Print a row for each setting."""
    args = parse()
    base = load_config(args.config, args.set)
    base.update({"IMAGE_RESIZE_MODE": "square"})  # whole images, as in detection
    split = None if args.split == "all" else args.split
    dataset = open_dataset(base.LAYOUT, args.dataset, split, base.CLASSES)
    image_ids = [int(i) for i in dataset.image_ids[: args.limit]]
    truth = coco.coco_ground_truth(dataset, image_ids)
    print(f"{len(image_ids)} images, {len(truth['annotations'])} instances, boxes moved by {args.jitter}")
    print(
        "| target | paste | mini-mask | mask | mean IoU | mask AP | boundary AP | box AP |\n"
        + "|---" * 8
        + "|"
    )
    for row in ROWS:
        base.update({"MASK_PASTE": "as_trained", "USE_MINI_MASK": True, "MINI_MASK_SHAPE": [56, 56]})
        base.update({"MASK_POOL_SIZE": 14, "MASK_SHAPE": [28, 28]})
        base.update(row)
        results, ious = _measure(dataset, base, image_ids, args.jitter)
        scores = coco.score(truth, results)
        mini = base.MINI_MASK_SHAPE[0] if base.USE_MINI_MASK else "none"
        values = " | ".join(f"{scores[kind]['AP']:.3f}" for kind in ("segm", "boundary", "bbox"))
        setting = f"{base.MASK_TARGET} | {base.MASK_PASTE} | {mini} | {base.MASK_SHAPE[0]}"
        print(f"| {setting} | {np.mean(ious):.4f} | {values} |", flush=True)


def _measure(dataset, config, image_ids, jitter):
    """Return the coco_results of all images and the IoU of each instance that is found."""
    rng = np.random.default_rng(0)
    results, ious = [], []
    for image_id in image_ids:
        found = _detect(dataset, config, image_id, jitter, rng)
        results += coco_results(image_id, found)
        masks, _ = dataset.load_mask(image_id)
        for mask in np.moveaxis(found["masks"], -1, 0):
            common = (masks & mask[:, :, None]).sum(axis=(0, 1))
            union = (masks | mask[:, :, None]).sum(axis=(0, 1))
            ious.append((common / np.maximum(union, 1)).max())
    return results, ious


def _detect(dataset, config, image_id, jitter, rng):
    """Return the detections of a perfect network in one image."""
    image, meta, class_ids, boxes, masks = load_image_gt(dataset, config, image_id)
    boxes = boxes[class_ids > 0].astype(np.float32)
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = boxes + rng.uniform(-jitter, jitter, boxes.shape) * sides if jitter else boxes
    moved = np.clip(moved, 0, np.tile(image.shape[:2], 2)).astype(np.float32)  # as the network clips them
    rois, roi_ids, targets = _targets(config, image.shape, moved, boxes, class_ids, masks)
    detections = np.concatenate([rois, roi_ids[:, None], np.ones((len(rois), 1))], axis=1)
    output = np.repeat(targets[..., None], config.NUM_CLASSES, axis=-1)
    rule = MaskRule.of(config.to_plain()) if config.MASK_PASTE == "as_trained" else None
    window = meta[7:11]
    original = tuple(int(side) for side in meta[1:4])
    found = unmold_detections(detections, output, original, image.shape, window, rule)
    return dict(zip(("rois", "class_ids", "scores", "masks"), found))


def _targets(config, image_shape, rois, boxes, class_ids, masks):
    """Return ROIs [N, 4] normalised, their class ids and mask targets, as training computes them."""
    count = len(boxes)
    settings = {**head_target_settings(config), "count": count, "positive_ratio": 1.0, "by_instance": False}
    settings["image_shape"] = image_shape[:2]
    layer = DetectionTargetLayer(**settings)
    normal = [box_ops.normalize(x[None], image_shape[:2]) for x in (rois, boxes)]
    ids = class_ids[class_ids > 0][None]
    own = masks[:, :, class_ids > 0][None]
    found, found_ids, _, targets, _ = (np.asarray(x)[0] for x in layer([normal[0], ids, normal[1], own]))
    used = found_ids > 0
    return found[used], found_ids[used], targets[used]


if __name__ == "__main__":
    main()
