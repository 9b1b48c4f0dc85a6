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

# COCO's numbers: AP over all IoU thresholds, at 0.50, at 0.75, of small (< 32 x 32 px), medium and large
# (> 96 x 96 px) gt, and average recall over all thresholds.
METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR")
MAX_DETECTIONS = 100

_AT_50, _AT_75 = 0, 5  # places among COCO's IoU thresholds 0.50, 0.55, ... 0.95
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)  # places among its ranges of area
_PIXELS_AT_ONCE = 1 << 16  # bounds the memory for overlaps of masks


class EvaluationError(ValueError):
    """There is nothing to evaluate, or the detections do not belong to the images."""


# --- COCO ---------------------------------------------------------------------------------------


def evaluate(detect, dataset, image_ids=None, progress=True, batch_size=1, max_detections=MAX_DETECTIONS):
    """COCO's average precision of detections on a data set, for masks and for boxes.

    detect: takes a list of images [H, W, 3] uint8, gives for each a dict of rois, class_ids, scores and
    masks, as MaskRCNN.detect. image_ids: of the data set; none: all. batch_size: images given to detect at
    once; only their masks are held in memory. max_detections: the best so many of each image count.
    Returns the dict of ``score``. Raises EvaluationError, before it detects, if no instance is to be found.
    """
    return score(*detect_all(detect, dataset, image_ids, progress, batch_size), max_detections)


def detect_all(detect, dataset, image_ids=None, progress=True, batch_size=1):
    """The gt of ``coco_ground_truth`` and the ``coco_results`` of all images: the first half of evaluate."""
    image_ids = [int(i) for i in (dataset.image_ids if image_ids is None else image_ids)]
    ground_truth = coco_ground_truth(dataset, image_ids)
    _require_instances(ground_truth)
    results = []
    with tqdm(total=len(image_ids), desc="evaluate", unit="image", disable=not progress) as bar:
        for start in range(0, len(image_ids), batch_size):
            batch = ground_truth["images"][start : start + batch_size]
            images = [dataset.load_image(info["id"]) for info in batch]
            for info, image, found in zip(batch, images, detect(images), strict=True):
                _require_equal_sizes(info, image, found["masks"])
                results.extend(coco_results(info["id"], found))
            bar.update(len(batch))
    return ground_truth, results


def score(ground_truth, results, max_detections=MAX_DETECTIONS):
    """COCO's numbers for detections against ground truth.

    ground_truth: of ``coco_ground_truth``. results: of ``coco_results``, those of all images in one list.
    Returns {"segm": {...}, "bbox": {...}, "images": ..., "instances": ...}; the inner dicts hold METRICS
    (between 0 and 1, -1 where no gt is of that size) and per_class, the AP by the name of the class.
    Crowds count neither for nor against. Raises EvaluationError if there is no instance to find.
    """
    instances = _require_instances(ground_truth)
    scores = {kind: _score(kind, ground_truth, results, max_detections) for kind in ("segm", "bbox")}
    return {**scores, "images": len(ground_truth["images"]), "instances": instances}


def coco_ground_truth(dataset, image_ids=None):
    """The instances of a data set in COCO's format, masks run-length encoded; one image in memory at a time.

    A negative class id makes a crowd. Returns {"images": [...], "categories": [...], "annotations": [...]}.
    """
    images, annotations = [], []
    for image_id in dataset.image_ids if image_ids is None else image_ids:
        masks, class_ids = dataset.load_mask(image_id)
        images.append({"id": int(image_id), "height": masks.shape[0], "width": masks.shape[1]})
        annotations.extend(_truths(int(image_id), masks, class_ids, first=len(annotations) + 1))
    categories = [{"id": int(i), "name": _class_label(dataset, i)} for i in dataset.class_ids[1:]]
    return {"images": images, "categories": categories, "annotations": annotations}


def coco_results(image_id, result):
    """Detections of one image in COCO's results format, masks run-length encoded.

    result: a dict of rois, class_ids, scores and masks, in the coordinates of the image.
    """
    boxes = np.asarray(result["rois"], float).reshape(-1, 4)
    rows = zip(boxes, result["class_ids"], result["scores"], np.moveaxis(result["masks"], -1, 0))
    return [
        {
            "image_id": image_id,
            "category_id": int(class_id),
            "bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
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


def decode_mask(encoded):
    """The mask [H, W] bool of run lengths: the inverse of ``encode_mask``."""
    return rle.decode(encoded).astype(bool)


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
            "area": float(np.count_nonzero(mask)),
            "iscrowd": int(class_id < 0),
            "segmentation": encode_mask(mask),
        }
        for i, ((y1, x1, y2, x2), class_id, mask) in enumerate(rows)
    ]


def _class_label(dataset, class_id):
    """A class's name, with its source where another class has the same name."""
    name = dataset.class_names[class_id]
    alike = list(dataset.class_names).count(name) > 1
    return f"{name} ({dataset.class_info[class_id]['source']})" if alike else name


def _require_instances(ground_truth):
    """The number of instances that are no crowds; EvaluationError if there are none."""
    instances = sum(not truth["iscrowd"] for truth in ground_truth["annotations"])
    if not instances:
        raise EvaluationError(
            f"None of the {len(ground_truth['images'])} images holds an instance to find, so there is no AP."
        )
    return instances


def _require_equal_sizes(info, image, detected):
    """EvaluationError if gt or detected masks do not have their image's size: they would never overlap."""
    size = image.shape[:2]
    # The base class gives masks of no size for images without instances.
    for kind, shape in (("gt", (info["height"], info["width"])), ("detected", detected.shape[:2])):
        if shape not in (size, (0, 0)):
            raise EvaluationError(
                f"Image {info['id']} is {size[0]} x {size[1]}, but its {kind} masks are "
                f"{shape[0]} x {shape[1]}; they must be of one size."
            )


def score_some(ground_truth, results, annotation_ids, max_detections=MAX_DETECTIONS):
    """AP and AP50 of masks for some of the instances; the others count neither for nor against.

    annotation_ids: of the instances that count. Every detection that matches none at all counts against them.
    Returns {"AP": ..., "AP50": ...}, -1 where no instance counts.
    """
    # COCO leaves gt out by its area alone, so those that count get the area 1, the others 0.
    chosen = [{**t, "area": float(t["id"] in annotation_ids)} for t in ground_truth["annotations"]]
    found = [{**annotation, "area": 1.0} for annotation in _as_annotations("segm", results)]
    precision, _ = _run_coco(
        "segm", {**ground_truth, "annotations": chosen}, found, max_detections, areas=[[0.5, 1.5]]
    )
    return {"AP": _mean_of_known(precision), "AP50": _mean_of_known(precision[_AT_50])}


def _run_coco(kind, ground_truth, annotations, max_detections, areas=None):
    """Precision [IoU thresholds, recalls, classes, areas] and recall [IoU thresholds, classes, areas].

    annotations: the detections in the form of gt. areas: ranges of area; none: COCO's.
    """
    truth = COCO(ground_truth, use_deepcopy=True)  # the evaluator writes into what it is given
    found = COCO({**ground_truth, "annotations": annotations})
    evaluator = COCOeval_faster(truth, found, kind)
    evaluator.params.maxDets = [max_detections]
    if areas is not None:
        evaluator.params.areaRng = areas
    evaluator.evaluate()
    evaluator.accumulate()
    return evaluator.eval["precision"][..., 0], evaluator.eval["recall"][..., 0]


def _score(kind, ground_truth, results, max_detections):
    """The METRICS and per_class of one kind, "segm" or "bbox"."""
    precision, recall = _run_coco(kind, ground_truth, _as_annotations(kind, results), max_detections)
    values = {
        "AP": precision[..., _ALL],
        "AP50": precision[_AT_50, ..., _ALL],
        "AP75": precision[_AT_75, ..., _ALL],
        "APs": precision[..., _SMALL],
        "APm": precision[..., _MEDIUM],
        "APl": precision[..., _LARGE],
        "AR": recall[..., _ALL],
    }
    names = [category["name"] for category in ground_truth["categories"]]
    per_class = {name: _mean_of_known(precision[:, :, i, _ALL]) for i, name in enumerate(names)}
    return {**{name: _mean_of_known(values[name]) for name in METRICS}, "per_class": per_class}


def _as_annotations(kind, results):
    """Results in the form of gt. Masks are sorted into sizes by their own area, not by their box's."""
    return [
        {
            **result,
            "id": number,
            "iscrowd": 0,
            "area": float(
                rle.area(result["segmentation"]) if kind == "segm" else result["bbox"][2] * result["bbox"][3]
            ),
        }
        for number, result in enumerate(results, start=1)
    ]


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
    """IoU of masks [H, W, N] with masks [H, W, M]: [N, M] float32, 0 where both are empty."""
    flat1, flat2 = (
        np.reshape(masks, (np.prod(masks.shape[:2]), masks.shape[2])) for masks in (masks1, masks2)
    )
    intersection = np.zeros((flat1.shape[1], flat2.shape[1]))
    area1, area2 = np.zeros(flat1.shape[1]), np.zeros(flat2.shape[1])
    for start in range(0, len(flat1), _PIXELS_AT_ONCE):
        part1, part2 = (
            (flat[start : start + _PIXELS_AT_ONCE] > 0.5).astype(np.float32) for flat in (flat1, flat2)
        )
        intersection += part1.T @ part2
        area1 += part1.sum(axis=0)
        area2 += part2.sum(axis=0)
    union = area1[:, None] + area2[None, :] - intersection
    return (intersection / np.maximum(union, 1)).astype(np.float32)


def trim_zeros(x):
    """An array [N, ...] without its rows of zeros."""
    return x[_rows_in_use(x)]


def _rows_in_use(x):
    """The indices of the rows that are not all zero; padding is."""
    return np.flatnonzero(np.any(x != 0, axis=tuple(range(1, x.ndim))))


def compute_matches(
    gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks,
    iou_threshold=0.5, score_threshold=0.0,
):  # fmt: skip
    """Pair the predictions of an image with its gt, the most confident first.

    A prediction takes the free gt of its class and the highest mask IoU, which must reach iou_threshold
    and score_threshold: in spite of its name that is a bound on the IoU too. Boxes of zeros are padding.
    Returns gt_match [gt] index of its prediction or -1, pred_match [predictions] index of its gt or -1
    (predictions by decreasing score), overlaps [predictions, gt].
    """
    gt, pred = _rows_in_use(gt_boxes), _rows_in_use(pred_boxes)
    pred = pred[np.argsort(pred_scores[pred], kind="stable")[::-1]]
    gt_class_ids, pred_class_ids = gt_class_ids[gt], pred_class_ids[pred]

    overlaps = compute_overlaps_masks(pred_masks[..., pred], gt_masks[..., gt])
    pred_match = np.full(len(pred), -1.0)
    gt_match = np.full(len(gt), -1.0)
    for i in range(len(pred)):
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

    Returns mAP (0 where there is no gt), precisions, recalls, overlaps.
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

    Returns recall (0 where there is no gt) and the indices of the predictions that meet a gt box.
    """
    overlaps = compute_overlaps(pred_boxes, gt_boxes)
    if not overlaps.size:
        return 0.0, np.zeros(0, np.intp)
    best_iou, best_gt = overlaps.max(axis=1), overlaps.argmax(axis=1)
    positive = np.flatnonzero(best_iou >= iou)
    return len(set(best_gt[positive])) / len(gt_boxes), positive
