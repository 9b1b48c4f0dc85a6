"""How good detections are: COCO's AP, and matterport's AP of one image.

Masks are [H, W, N] bool, boxes [N, (y1, x1, y2, x2)] pixels.
"""

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from faster_coco_eval.core import mask as rle
from keras import ops
from tqdm import tqdm

from mrcnn.ops import boxes as box_ops
from mrcnn.pipeline.masks import extract_bboxes

# The numbers of COCO's evaluation server, by the names that the evaluator gives them.
METRICS = {
    "AP": "AP_all",
    "AP50": "AP_50",
    "AP75": "AP_75",
    "APs": "AP_small",
    "APm": "AP_medium",
    "APl": "AP_large",
    "AR": "AR_all",
}


class EvaluationError(ValueError):
    """There is nothing to evaluate."""


# --- COCO ---------------------------------------------------------------------------------------


def evaluate(detect, dataset, image_ids=None, progress=True, max_detections=100):
    """COCO's average precision of detections on a data set, for masks and for boxes.

    detect: takes a list of images [H, W, 3] uint8, gives for each a dict of rois, class_ids, scores and
    masks, as MaskRCNN.detect. image_ids: of the data set; none: all. max_detections: the best so many of
    each image count; COCO's number is 100.
    Returns {"segm": {...}, "bbox": {...}, "images": ..., "instances": ...}; the inner dicts hold AP, AP50,
    AP75, APs, APm, APl, AR (between 0 and 1, -1 where no gt is of that size) and per_class AP by name.
    Crowds count neither for nor against. Raises EvaluationError if there is no instance to find.
    """
    image_ids = dataset.image_ids if image_ids is None else image_ids
    images, truths, results = [], [], []
    for image_id in tqdm(image_ids, desc="evaluate", unit="image", disable=not progress):
        image = dataset.load_image(image_id)
        images.append({"id": int(image_id), "height": image.shape[0], "width": image.shape[1]})
        truths.extend(_truths(int(image_id), *dataset.load_mask(image_id), first=len(truths) + 1))
        results.extend(coco_results(int(image_id), detect([image])[0]))
    instances = sum(not truth["iscrowd"] for truth in truths)
    if not instances:
        raise EvaluationError(f"None of the {len(image_ids)} images holds an instance to find.")
    ground_truth = {
        "images": images,
        "categories": [{"id": int(i), "name": dataset.class_names[i]} for i in dataset.class_ids[1:]],
        "annotations": truths,
    }
    scores = {kind: _score(kind, ground_truth, results, max_detections) for kind in ("segm", "bbox")}
    return {**scores, "images": len(image_ids), "instances": instances}


def coco_results(image_id, result):
    """Detections of one image in COCO's results format, masks run-length encoded."""
    boxes = np.asarray(result["rois"], float)
    rows = zip(boxes, result["class_ids"], result["scores"], np.moveaxis(result["masks"], -1, 0))
    return [
        {
            "image_id": image_id,
            "category_id": int(class_id),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "score": float(score),
            "segmentation": encode_mask(mask),
        }
        for (y1, x1, y2, x2), class_id, score, mask in rows
    ]


def encode_mask(mask):
    """A mask [H, W] as COCO's compressed run lengths: {"size": [H, W], "counts": text}."""
    encoded = rle.encode(np.asfortranarray(mask, np.uint8))
    counts = encoded["counts"]
    return {
        "size": [int(side) for side in encoded["size"]],
        "counts": counts.decode() if isinstance(counts, bytes) else counts,
    }


def _truths(image_id, masks, class_ids, first):
    """Annotations of one image; the ids count on from ``first``."""
    boxes = extract_bboxes(masks) if len(class_ids) else []
    rows = zip(boxes, class_ids, np.moveaxis(masks, -1, 0))
    return [
        {
            "id": first + i,
            "image_id": image_id,
            "category_id": abs(int(class_id)),
            "bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
            "area": float(mask.sum()),
            "iscrowd": int(class_id < 0),
            "segmentation": encode_mask(mask),
        }
        for i, ((y1, x1, y2, x2), class_id, mask) in enumerate(rows)
    ]


def _score(kind, ground_truth, results, max_detections):
    """The METRICS of one kind, "segm" or "bbox"."""
    names = [category["name"] for category in ground_truth["categories"]]
    if not results:
        return {**dict.fromkeys(METRICS, 0.0), "per_class": dict.fromkeys(names, 0.0)}
    truth = COCO(ground_truth, use_deepcopy=True)
    # The evaluator writes into what it is given.
    evaluator = COCOeval_faster(truth, truth.loadRes([dict(row) for row in results]), kind)
    evaluator.params.maxDets = [1, 10, max_detections]
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    found = evaluator.stats_as_dict
    per_class = evaluator.eval["precision"][:, :, :, 0, -1]  # (IoU thresholds, recalls, classes)
    return {
        **{ours: float(found[theirs]) for ours, theirs in METRICS.items()},
        "per_class": {name: _mean_of_known(per_class[:, :, i]) for i, name in enumerate(names)},
    }


def _mean_of_known(values):
    """The mean without the -1 that marks classes without gt; -1 if nothing else is there."""
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0


def format_table(scores):
    """The numbers of evaluate() as lines of text."""
    names = list(METRICS)
    lines = [f"{'':6}" + "".join(f"{name:>8}" for name in names)]
    for kind, label in (("segm", "mask"), ("bbox", "box")):
        values = (scores[kind][name] for name in names)
        lines.append(
            f"{label:6}" + "".join(f"{value:8.3f}" if value >= 0 else f"{'-':>8}" for value in values)
        )
    if len(scores["segm"]["per_class"]) > 1:
        lines += [f"{name:20}{ap:8.3f}" for name, ap in scores["segm"]["per_class"].items() if ap >= 0]
    return "\n".join(lines)


# --- matterport ---------------------------------------------------------------------------------


def compute_iou(box, boxes, box_area=None, boxes_area=None):
    """IoU of one box [4] with boxes [N, 4]: [N]. The areas are found anew, whatever is given."""
    return compute_overlaps(np.asarray(box)[None], boxes)[0]


def compute_overlaps(boxes1, boxes2):
    """IoU of boxes [N, 4] with boxes [M, 4]: [N, M] float32."""
    return ops.convert_to_numpy(box_ops.iou(np.asarray(boxes1, "float32"), np.asarray(boxes2, "float32")))


def compute_overlaps_masks(masks1, masks2):
    """IoU of masks [H, W, N] with masks [H, W, M]: [N, M], 0 where both are empty."""
    flat1, flat2 = (
        np.reshape(masks > 0.5, (np.prod(masks.shape[:2]), masks.shape[2])).astype(np.float32)
        for masks in (masks1, masks2)
    )
    intersection = flat1.T @ flat2
    union = flat1.sum(axis=0)[:, None] + flat2.sum(axis=0)[None, :] - intersection
    return intersection / np.maximum(union, 1)


def trim_zeros(x):
    """An array [N, ...] without its rows of zeros."""
    return x[np.any(x != 0, axis=tuple(range(1, x.ndim)))]


def compute_matches(
    gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks,
    iou_threshold=0.5, score_threshold=0.0,
):  # fmt: skip
    """Pair the predictions of an image with its gt, the most confident first.

    A prediction takes the free gt of its class and the highest mask IoU of at least iou_threshold.
    Returns gt_match [gt] index of its prediction or -1, pred_match [predictions] index of its gt or -1
    (predictions by decreasing score), overlaps [predictions, gt].
    """
    gt_boxes, pred_boxes = trim_zeros(gt_boxes), trim_zeros(pred_boxes)
    gt_masks, pred_masks = gt_masks[..., : len(gt_boxes)], pred_masks[..., : len(pred_boxes)]
    order = np.argsort(pred_scores[: len(pred_boxes)], kind="stable")[::-1]
    pred_class_ids, pred_masks = pred_class_ids[order], pred_masks[..., order]

    overlaps = compute_overlaps_masks(pred_masks, gt_masks)
    pred_match = np.full(len(pred_boxes), -1.0)
    gt_match = np.full(len(gt_boxes), -1.0)
    for i in range(len(pred_boxes)):
        for j in np.argsort(overlaps[i])[::-1]:
            if overlaps[i, j] < max(iou_threshold, score_threshold):
                break
            if gt_match[j] < 0 and pred_class_ids[i] == gt_class_ids[j]:
                gt_match[j], pred_match[i] = i, j
                break
    return gt_match, pred_match, overlaps


def compute_ap(
    gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks, iou_threshold=0.5
):  # fmt: skip
    """Average precision of one image at one IoU threshold (VOC 2010: area under the monotone curve).

    Returns mAP, precisions, recalls, overlaps.
    """
    gt_match, pred_match, overlaps = compute_matches(
        gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks, iou_threshold
    )
    hits = np.cumsum(pred_match > -1)
    precisions = np.concatenate([[0], hits / (np.arange(len(pred_match)) + 1), [0]])
    recalls = np.concatenate([[0], hits.astype(np.float32) / max(len(gt_match), 1), [1]])
    # Precision may only fall as recall grows.
    precisions = np.maximum.accumulate(precisions[::-1])[::-1]
    steps = np.flatnonzero(recalls[:-1] != recalls[1:]) + 1
    mean_ap = np.sum((recalls[steps] - recalls[steps - 1]) * precisions[steps])
    return mean_ap, precisions, recalls, overlaps


def compute_ap_range(
    gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask,
    iou_thresholds=None, verbose=1,
):  # fmt: skip
    """The mean of compute_ap over IoU thresholds; none: 0.5 to 0.95 by 0.05."""
    iou_thresholds = np.arange(0.5, 1.0, 0.05) if iou_thresholds is None else iou_thresholds
    values = []
    for threshold in iou_thresholds:
        value = compute_ap(
            gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask, threshold
        )[0]
        values.append(value)
        if verbose:
            print(f"AP @{threshold:.2f}:\t {value:.3f}")
    mean = np.mean(values)
    if verbose:
        print(f"AP @{iou_thresholds[0]:.2f}-{iou_thresholds[-1]:.2f}:\t {mean:.3f}")
    return mean


def compute_recall(pred_boxes, gt_boxes, iou):
    """The share of gt boxes that some predicted box meets at the given IoU, and which predictions do.

    Returns recall, indices of the predictions that meet a gt box.
    """
    overlaps = compute_overlaps(pred_boxes, gt_boxes)
    best_iou, best_gt = overlaps.max(axis=1), overlaps.argmax(axis=1)
    positive = np.flatnonzero(best_iou >= iou)
    return len(set(best_gt[positive])) / len(gt_boxes), positive
