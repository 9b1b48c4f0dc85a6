"""COCO's average precision (AP) of detections on a data set.

Masks are [H, W, N] bool, boxes [N, (y1, x1, y2, x2)] pixels.
"""

import functools

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from faster_coco_eval.core import mask as rle

from mrcnn.detection.detections import Detections
from mrcnn.detection.results import coco_results, encode_mask
from mrcnn.detection.stream import Found
from mrcnn.pipeline.errors import ImageError
from mrcnn.pipeline.loading import load_example, load_image, load_masks
from mrcnn.pipeline.masks import extract_bboxes
from mrcnn.progress_bar import progress_bar

# COCO's numbers: AP over all IoU thresholds, at 0.50, at 0.75, of small (< 32 x 32 px), medium and large
# (> 96 x 96 px) gt, and average recall over all thresholds.
METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR")
# What is compared: masks, boxes, outlines. "boundary" takes the lower of two masks' IoU and that of their
# pixels within 2 % of the image's diagonal from their outlines (Cheng et al., "Boundary IoU", 2021).
KINDS = {"segm": "mask", "bbox": "box", "boundary": "boundary"}
MAX_DETECTIONS = 100
_ALL_DETECTIONS = 1_000_000  # in an image
# DETECTION_MIN_CONFIDENCE of every evaluation: AP ranks weak detections, too.
MIN_CONFIDENCE = 0.05

_AT_50, _AT_75 = 0, 5  # places among COCO's IoU thresholds 0.50, 0.55, ... 0.95
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)  # places among its ranges of area


class EvaluationError(ValueError):
    """Raised when there is nothing to evaluate, or when detections do not belong to the images."""


def evaluate(
    detect,
    dataset,
    image_ids=None,
    progress=True,
    batch_size=1,
    max_detections=MAX_DETECTIONS,
    kinds=KINDS,
    tiling=None,
    tta=None,
):
    """Measure COCO's average precision on a data set, for masks, boxes and outlines.

    detect: a MaskRCNN, which reads, detects and encodes at the same time; or a function that takes a list of
    images [H, W, 3] uint8 and returns for each a dict of rois, class_ids, scores and masks, like
    MaskRCNN.detect. image_ids: of the data set; None uses all. batch_size: images per call of such a
    function; only their masks are held in memory. max_detections: detections with the highest scores that
    count in each image. kinds: keys of KINDS. tiling: the Tiling of large images, of a MaskRCNN alone; all
    detections in tiles count, because COCO's limit is that of one image of the network's size. tta: the
    Augmenting, of a MaskRCNN alone. Returns the dict of ``score``. Raises EvaluationError before detecting if
    the data set has no instance.
    """
    found = detect_all(detect, dataset, image_ids, progress, batch_size, tiling, tta)
    return score(*found, limit_of(max_detections, tiling), kinds)


def limit_of(max_detections, tiling):
    """Return how many detections of an image count: all of them if large images are cut into tiles."""
    return max_detections if tiling is None else _ALL_DETECTIONS


def detect_all(detect, dataset, image_ids=None, progress=True, batch_size=1, tiling=None, tta=None):
    """Return the gt of ``coco_ground_truth`` and the ``coco_results`` of all images: half of evaluate."""
    image_ids = [int(i) for i in (dataset.image_ids if image_ids is None else image_ids)]
    _require_an_instance(dataset, image_ids)
    if hasattr(detect, "detect_stream"):
        stream = functools.partial(detect.detect_stream, tiling=tiling, tta=tta)
    else:
        stream = functools.partial(_in_batches, detect, batch_size)
    pairs = stream(
        image_ids,
        read=functools.partial(load_image, dataset),
        finish=functools.partial(_encoded, dataset),
    )
    images, annotations, results = [], [], []
    with progress_bar(len(image_ids), "evaluate", "image", progress) as bar:
        for (size, own), found in pairs:
            images.append(size)
            annotations.extend(own)
            results.extend(found)
            bar.update(1)
    return _ground_truth(dataset, images, annotations), results


def readable(dataset, image_ids):
    """Return those of some images that can be loaded with their masks."""
    found = []
    for image_id in image_ids:
        try:
            load_example(dataset, image_id)
            found.append(image_id)
        except (ImageError, OSError):
            continue
    return found


def _in_batches(detect, batch_size, sources, read, finish):
    """Do what MaskRCNN.detect_stream does with a function that detects in a list of images."""
    for start in range(0, len(sources), batch_size):
        batch = sources[start : start + batch_size]
        images = [read(source) for source in batch]
        for source, image, result in zip(batch, images, detect(images), strict=True):
            yield finish(Found(source, image, result))


def _encoded(dataset, found):
    """Return the gt of an image, see truths_of, and its coco_results."""
    truths = truths_of(dataset, found.source)
    _require_equal_sizes(truths[0], found.image, found.detections)
    return truths, coco_results(found.source, found.detections)


def score(ground_truth, results, max_detections=MAX_DETECTIONS, kinds=KINDS):
    """Compute COCO's metrics of detections against gt.

    ground_truth: from ``coco_ground_truth``. results: from ``coco_results``, those of all images in one list.
    kinds: keys of KINDS.
    Returns {"segm": {...}, "bbox": {...}, ..., "images": ..., "instances": ...}. The inner dicts hold METRICS
    (between 0 and 1, or -1 without gt of that size) and per_class, the AP by class name.
    Crowds count neither for nor against. Raises EvaluationError if there is no instance.
    """
    instances = _require_instances(ground_truth)
    scores = {kind: _score(kind, ground_truth, results, max_detections) for kind in kinds}
    return {**scores, "images": len(ground_truth["images"]), "instances": instances}


def coco_ground_truth(dataset, image_ids=None):
    """Convert the instances of a data set to COCO's format, with one image in memory at a time.

    Masks are run-length encoded; a negative class id makes a crowd. Returns {"images": [...],
    "categories": [...], "annotations": [...]}.
    """
    ids = dataset.image_ids if image_ids is None else image_ids
    pairs = [truths_of(dataset, int(image_id)) for image_id in ids]
    return _ground_truth(dataset, [size for size, _ in pairs], [row for _, own in pairs for row in own])


def truths_of(dataset, image_id):
    """Return the size of an image and its annotations, without ids, in COCO's format."""
    masks, class_ids = load_masks(dataset, image_id)
    size = {"id": image_id, "height": masks.shape[0], "width": masks.shape[1]}
    return size, _truths(image_id, masks, class_ids)


def _ground_truth(dataset, images, annotations):
    """Return the dict of coco_ground_truth; annotations get their ids."""
    categories = [{"id": int(i), "name": _class_label(dataset, i)} for i in dataset.class_ids[1:]]
    numbered = [{"id": number, **row} for number, row in enumerate(annotations, start=1)]
    return {"images": images, "categories": categories, "annotations": numbered}


def _truths(image_id, masks, class_ids):
    """Return the annotations of one image, without ids."""
    boxes = extract_bboxes(masks) if len(class_ids) else []
    rows = zip(boxes, class_ids, np.moveaxis(masks, -1, 0))
    return [
        {
            "image_id": image_id,
            "category_id": abs(int(class_id)),
            "bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
            "area": float(np.count_nonzero(mask)),
            "iscrowd": int(class_id < 0),
            "segmentation": encode_mask(mask),
        }
        for (y1, x1, y2, x2), class_id, mask in rows
    ]


def _class_label(dataset, class_id):
    """Return a class's name, with its source if another class has the same name."""
    name = dataset.class_names[class_id]
    alike = list(dataset.class_names).count(name) > 1
    return f"{name} ({dataset.class_info[class_id]['source']})" if alike else name


def _require_an_instance(dataset, image_ids):
    """Read masks up to the first instance. Raises EvaluationError if there is none."""
    if not any((load_masks(dataset, image_id)[1] > 0).any() for image_id in image_ids):
        raise _nothing_to_find(len(image_ids))


def _require_instances(ground_truth):
    """Return the number of instances except crowds. Raises EvaluationError if there are none."""
    instances = sum(not truth["iscrowd"] for truth in ground_truth["annotations"])
    if not instances:
        raise _nothing_to_find(len(ground_truth["images"]))
    return instances


def _nothing_to_find(images):
    return EvaluationError(f"None of the {images} images holds an instance to find, so there is no AP.")


def _require_equal_sizes(info, image, result):
    """Raise EvaluationError if gt or detected masks lack their image's size: they would never overlap."""
    size = image.shape[:2]
    detected = result.size if isinstance(result, Detections) else result["masks"].shape
    # The base class returns masks without a size for images without instances.
    for kind, shape in (("gt", (info["height"], info["width"])), ("detected", detected[:2])):
        if shape not in (size, (0, 0)):
            raise EvaluationError(
                f"Image {info['id']} is {size[0]} x {size[1]}, but its {kind} masks are "
                f"{shape[0]} x {shape[1]}; they must be of one size."
            )


def score_some(ground_truth, results, annotation_ids, max_detections=MAX_DETECTIONS):
    """Compute AP and AP50 of masks for some of the instances; the others count neither for nor against.

    annotation_ids: of the instances that count. Every detection that matches no instance counts against them.
    Returns {"AP": ..., "AP50": ...}, with -1 if no instance counts.
    """
    # COCO can ignore gt by area only, so instances that count get the area 1 and the others 0.
    chosen = [{**t, "area": float(t["id"] in annotation_ids)} for t in ground_truth["annotations"]]
    found = [{**annotation, "area": 1.0} for annotation in _as_annotations("segm", results)]
    precision, _ = _run_coco(
        "segm", {**ground_truth, "annotations": chosen}, found, max_detections, areas=[[0.5, 1.5]]
    )
    return {"AP": _mean_of_known(precision), "AP50": _mean_of_known(precision[_AT_50])}


def _run_coco(kind, ground_truth, annotations, max_detections, areas=None):
    """Return precision [IoU thresholds, recalls, classes, areas] and recall [IoU thresholds, classes, areas].

    annotations: the detections in the form of gt. areas: ranges of area; None uses COCO's.
    """
    truth = COCO(ground_truth, use_deepcopy=True)  # the evaluator modifies its input
    found = COCO({**ground_truth, "annotations": annotations})
    evaluator = COCOeval_faster(truth, found, kind)
    evaluator.params.maxDets = [max_detections]
    if areas is not None:
        evaluator.params.areaRng = areas
    evaluator.evaluate()
    evaluator.accumulate()
    return evaluator.eval["precision"][..., 0], evaluator.eval["recall"][..., 0]


def _score(kind, ground_truth, results, max_detections):
    """Return METRICS and per_class of one of KINDS."""
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
    """Convert results to the form of gt. Masks are assigned to sizes by their own area, not their box's."""
    return [
        {
            **result,
            "id": number,
            "iscrowd": 0,
            "area": float(
                result["bbox"][2] * result["bbox"][3] if kind == "bbox" else rle.area(result["segmentation"])
            ),
        }
        for number, result in enumerate(results, start=1)
    ]


def _mean_of_known(values):
    """Return the mean without the -1 that marks classes without gt, or -1 if there is nothing else."""
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0


def table_lines(scores):
    """Format the result of evaluate() as lines of text."""
    names = list(METRICS)
    lines = [f"{'':9}" + "".join(f"{name:>8}" for name in names)]
    for kind in filter(scores.get, KINDS):
        values = (scores[kind][name] for name in names)
        lines.append(
            f"{KINDS[kind]:9}" + "".join(f"{value:8.3f}" if value >= 0 else f"{'-':>8}" for value in values)
        )
    if len(scores["segm"]["per_class"]) > 1:
        lines += [f"{name:20}{ap:8.3f}" for name, ap in scores["segm"]["per_class"].items() if ap >= 0]
    return lines
