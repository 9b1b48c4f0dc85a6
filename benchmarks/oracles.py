"""Say what masks would gain if one part of the network made no mistake, above all in heaps.

    python benchmarks/oracles.py --weights runs/demo... --dataset heavy --split val

Each row changes the detections of one evaluation with the help of gt and scores them again: mask AP50 / AP of
all instances, and of those whose boxes others cover by 40 % or more (see mrcnn/evaluation/overlaps.py). The
last row runs the mask head in the boxes of gt, so that only its own mistakes remain.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

SAME_BOX = 0.3  # IoU from which a detected box takes the gt mask of the box that it overlaps most


def main():
    """Print a row for each oracle."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--set", nargs="+", action="extend", default=[])
    parser.add_argument("--tta", metavar="WORDS", help="flips, scales or both, as of evaluate")
    args = parser.parse_args()

    from mrcnn.detection.augmenting import Augmenting
    from mrcnn.evaluation import coco
    from pumpkin import models
    from pumpkin.config import parse_settings
    from pumpkin.dataset import open_dataset

    weights = models.find_weights(args.weights)
    config = models.config_of(weights, DETECTION_MIN_CONFIDENCE=coco.MIN_CONFIDENCE)
    config.update(parse_settings(args.set), source="--set")
    tta = Augmenting.of(args.tta).lower(config) if args.tta else None
    dataset = open_dataset(config, args.dataset, args.split)
    model = models.open_model(weights, config)
    truth, found = coco.detect_all(model, dataset, progress=False, tta=tta)
    for name, change in ORACLES.items():
        _print_row(name, truth, by_image(truth, found, change))
    _print_row("gt boxes, each scored 1", truth, masks_in_gt_boxes(model, dataset, truth))


def _print_row(name, truth, results):
    from mrcnn.evaluation import coco, overlaps

    whole = coco.score(truth, results, kinds=["segm"])["segm"]
    heavy = coco.score_some(truth, results, ids_in(truth, overlaps.SLICES[-1]))
    cells = (f"{score['AP50']:.3f} / {score['AP']:.3f}" for score in (whole, heavy))
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def ids_in(truth, name):
    """Return the annotation ids of the instances in a slice of overlap."""
    from mrcnn.evaluation import fates, overlaps

    ids = set()
    for own in _own(truth, truth["annotations"]):
        own = [row for row in own if not row["iscrowd"]]
        shares = overlaps.overlaps_of(fates.boxes_of(own), [row["category_id"] for row in own])
        ids |= {row["id"] for row, share in zip(own, shares) if overlaps.slice_of(share) == name}
    return ids


def by_image(truth, results, change):
    """Return the results of all images, changed by a function of an image's truths and results."""
    pairs = zip(_own(truth, truth["annotations"]), _own(truth, results))
    return [row for own, found in pairs for row in change(own, found)]


def _own(truth, rows):
    found = defaultdict(list)
    for row in rows:
        found[row["image_id"]].append(row)
    return [found[image["id"]] for image in truth["images"]]


def as_they_are(truths, results):
    """Return the results."""
    return results


def score_times_iou(truths, results):
    """Multiply each score by the highest IoU of the mask with one of gt: mask scoring without a mistake."""
    return [
        {**row, "score": row["score"] * iou} for row, iou in zip(results, _best_mask_iou(truths, results))
    ]


def only_good(truths, results):
    """Drop the results whose mask has no IoU of 0.5 with any of gt."""
    return [row for row, iou in zip(results, _best_mask_iou(truths, results)) if iou >= 0.5]


def gt_mask_in_box(truths, results):
    """Give each box that lies on a gt box what it holds of that instance's mask: a perfect mask head."""
    from mrcnn.detection.results import decode_mask, encode_mask
    from mrcnn.evaluation.fates import boxes_of
    from mrcnn.evaluation.matches import compute_overlaps

    if not truths or not results:
        return results
    boxes, changed = boxes_of(results).astype(int), []
    for row, (y1, x1, y2, x2), overlaps in zip(results, boxes, compute_overlaps(boxes, boxes_of(truths))):
        if overlaps.max() >= SAME_BOX:
            mask = decode_mask(truths[overlaps.argmax()]["segmentation"])
            inside = np.zeros_like(mask)
            inside[y1:y2, x1:x2] = mask[y1:y2, x1:x2]
            row = {**row, "segmentation": encode_mask(inside)}
        changed.append(row)
    return changed


def _best_mask_iou(truths, results):
    from mrcnn.evaluation.fates import mask_overlaps

    return mask_overlaps(truths, results).max(axis=1, initial=0)


ORACLES = {
    "the network": as_they_are,
    "score times true IoU of the mask": score_times_iou,
    "only masks with an IoU of 0.5 or more": only_good,
    "gt masks in the detected boxes": gt_mask_in_box,
}


def masks_in_gt_boxes(model, dataset, truth):
    """Return results with the masks that the network draws in the gt boxes, as in COCO's format."""
    import keras

    from mrcnn.detection.molding import normalized_edges
    from mrcnn.detection.results import coco_results
    from mrcnn.evaluation.fates import boxes_of
    from mrcnn.pipeline.loading import load_image

    network = model.keras_model
    boxes, *features = network.get_layer("roi_align_mask").input
    body = keras.Model(network.inputs, features)
    head = keras.Model([boxes, *features], network.get_layer("mrcnn_mask").output)
    found = []
    for image, own in zip(truth["images"], _own(truth, truth["annotations"])):
        pixels = load_image(dataset, image["id"])
        (molded,), (meta,), (window,) = model.mold_inputs([pixels])
        own = own[: boxes.shape[1]]
        rows = np.zeros((boxes.shape[1], 6), np.float32)
        rows[: len(own), :4] = normalized_edges(_molded(boxes_of(own), pixels.shape, window), molded.shape)
        rows[: len(own), 4] = [row["category_id"] for row in own]
        rows[: len(own), 5] = 1
        maps = body.predict_on_batch([molded[None], meta[None], model.get_anchors(molded.shape)[None]])
        masks = head.predict_on_batch([rows[None, :, :4], *maps])[0]
        parts = model.unmold_detections(rows, masks, pixels.shape, molded.shape, window)
        result = dict(zip(("rois", "class_ids", "scores", "masks"), parts))
        found += coco_results(image["id"], result)
    return found


def _molded(boxes, shape, window):
    """Convert pixel boxes of a photograph to continuous pixels of the molded image."""
    y1, x1, y2, x2 = window
    scale = [(y2 - y1) / shape[0], (x2 - x1) / shape[1]] * 2
    return boxes * scale + [y1, x1, y1, x1]


if __name__ == "__main__":
    main()
