"""Evaluate instances that overlap others of their class: how many are found, and where others are lost.

N: ROIs, G: gt instances of an image, without crowds, D: detections. Boxes are [N, (y1, x1, y2, x2)] pixels.

The overlap of instance i is the largest share of its box that the box of another instance of its class
covers: max over j of |b_i and b_j| / |b_i|. Visible masks never overlap, because they exclude hidden parts,
but their boxes do. The measure is therefore the same on photographs and on rendered scenes.
"""

from collections import defaultdict

import numpy as np
from faster_coco_eval.core import mask as rle
from keras import ops

from mrcnn.evaluation import coco
from mrcnn.evaluation.matches import compute_overlaps
from mrcnn.modeling import detections as detection_ops
from mrcnn.modeling.network import predict_named
from mrcnn.ops import boxes as box_ops

SLICES = ("none", "under 20 %", "20 to 40 %", "40 % or more")
IOU = 0.5  # IoU of boxes or masks from which one counts as the other

# The fate of an instance: it is found, or lost at one stage of the network.
FATES = {
    "found": "a detection of its class has a mask IoU of 0.5 or more with it",
    "no proposal": "no proposal was nearest to it, with a box IoU of 0.5 or more",
    "weak": "proposed, but under DETECTION_MIN_CONFIDENCE or taken for something else",
    "moved": "proposed and sure, but the refined box went elsewhere",
    "NMS": "its box was dropped by NMS, or came after DETECTION_MAX_INSTANCES others",
    "mask": "its box was kept, but no mask has an IoU of 0.5 with it",
}
MERGED = "missed, and one mask covers half of it and half of another instance"


def evaluate(model, dataset, image_ids=None, progress=True, max_detections=coco.MAX_DETECTIONS):
    """Return the result of coco.evaluate with that of ``score_slices`` as "clumps".

    model: a MaskRCNN for inference. Other arguments and errors are those of coco.evaluate.
    """
    watched = Watched(model)
    ground_truth, results = coco.detect_all(watched.detect, dataset, image_ids, progress)
    scores = coco.score(ground_truth, results, max_detections)
    return {**scores, "clumps": score_slices(ground_truth, results, watched.stages, max_detections)}


class Watched:
    """Detects like MaskRCNN.detect, one image after another, and records the intermediate results.

    stages: a dict for each detected image, in order: proposals [N, 4], the boxes of the RPN; boxes [N, 4],
    the same boxes refined; class_ids [N]; candidates [N] bool, those that entered NMS.
    """

    def __init__(self, model):
        self.model = model
        self.stages = []

    def detect(self, images):
        """Detect in a list of images [H, W, 3] uint8; return a dict for each, like MaskRCNN.detect."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image):
        model = self.model
        (molded,), (meta,), (window,) = model.mold_inputs([image])
        inputs = [molded[None], meta[None].astype("float32"), model.get_anchors(molded.shape)[None]]
        outputs = predict_named(model.keras_model, inputs)
        outputs = {name: np.asarray(output, "float32") for name, output in outputs.items()}
        self.stages.append(self._stages_of(outputs, window, molded.shape, image.shape))
        detections, masks = outputs["mrcnn_detection"][0], outputs["mrcnn_mask"][0]
        result = model.unmold_detections(detections, masks, image.shape, molded.shape, window)
        return dict(zip(("rois", "class_ids", "scores", "masks"), result))

    def _stages_of(self, outputs, window, molded_shape, image_shape):
        config = self.model.config
        rois, probabilities, deltas = (outputs[name] for name in ("ROI", "mrcnn_class", "mrcnn_bbox"))
        side = np.asarray(molded_shape[:2], "float32")
        frame = box_ops.normalize(np.asarray(window, "float32")[None, None], side)
        boxes, class_ids, scores = detection_ops.refine(
            rois, probabilities, deltas, frame, np.asarray(config.BBOX_STD_DEV, "float32"),
            config.DETECTION_BACKGROUND_WINS,
        )  # fmt: skip
        entering = detection_ops.is_candidate(rois, class_ids, scores, config.DETECTION_MIN_CONFIDENCE)
        used = np.any(rois[0] != 0, axis=-1)  # padding is zero
        return {
            "proposals": _to_image(rois[0], window, molded_shape, image_shape)[used],
            "boxes": _to_image(boxes[0], window, molded_shape, image_shape)[used],
            "class_ids": ops.convert_to_numpy(class_ids)[0][used],
            "candidates": ops.convert_to_numpy(entering)[0][used],
        }


def _to_image(boxes, window, molded_shape, image_shape):
    """Convert normalised boxes of the molded image to pixels of the image in its window, not rounded."""
    pixels = ops.convert_to_numpy(box_ops.to_pixels(boxes, np.asarray(molded_shape[:2], "float32")))
    y1, x1, y2, x2 = window
    scale = np.array([image_shape[0] / (y2 - y1), image_shape[1] / (x2 - x1)] * 2)
    return (pixels - np.array([y1, x1, y1, x1])) * scale


def overlaps_of(boxes, class_ids):
    """Compute the overlap of each instance of an image, as this module defines it: [G].

    boxes: [G, (y1, x1, y2, x2)]. class_ids: [G].
    """
    boxes, class_ids = np.asarray(boxes, float).reshape(-1, 4), np.asarray(class_ids)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)  # (G, G)
    shared[(class_ids[:, None] != class_ids[None]) | np.eye(len(boxes), dtype=bool)] = 0
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1)
    return shared.max(axis=1, initial=0) / np.maximum(area, 1)


def fates_of(truths, results, stages):
    """Determine the fate of each instance of an image: a list of keys of FATES, and [G] bool for MERGED.

    truths, results: of the image, in COCO's format. stages: the image's entry in Watched.stages.

    A box belongs to the instance with which its IoU is highest, if that is 0.5 or more. The proposals of a
    neighbour therefore do not count for an instance, however much they overlap it.
    """
    gt = _boxes(truths)
    classes = np.array([truth["category_id"] for truth in truths])
    found, merged = _match_masks(truths, results)
    sure = stages["candidates"]
    proposed = _owned(stages["proposals"], gt)
    # Rows are ROIs or detections, columns instances.
    right_class = stages["class_ids"][:, None] == classes
    detected = _owned(_boxes(results), gt)
    detected &= np.array([r["category_id"] for r in results], int).reshape(-1, 1) == classes
    candidate = _owned(stages["boxes"], gt) & right_class & sure[:, None]
    reasons = [
        ("found", found),
        ("mask", detected.any(axis=0)),
        ("NMS", candidate.any(axis=0)),
        ("no proposal", ~proposed.any(axis=0)),
        ("moved", (proposed & right_class & sure[:, None]).any(axis=0)),
        ("weak", np.ones(len(truths), bool)),
    ]
    return [next(name for name, true in reasons if true[i]) for i in range(len(truths))], merged


def _boxes(annotations):
    """Convert COCO's [x, y, width, height] to boxes [N, (y1, x1, y2, x2)]."""
    x, y, width, height = np.array([a["bbox"] for a in annotations], float).reshape(-1, 4).T
    return np.stack([y, x, y + height, x + width], axis=-1)


def _owned(boxes, gt):
    """Return [N, G] bool: the instance that each box belongs to."""
    owned = np.zeros((len(boxes), len(gt)), bool)
    if owned.size:
        overlaps = compute_overlaps(boxes, gt)
        best = overlaps.argmax(axis=1)
        owned[np.arange(len(boxes)), best] = overlaps.max(axis=1) >= IOU
    return owned


def _match_masks(truths, results):
    """Return which instances are found and which are merged into a neighbour's mask, [G] bool each.

    As in COCO, detections in order of decreasing score take the free instance of their class with the
    highest IoU.
    """
    found, merged = np.zeros(len(truths), bool), np.zeros(len(truths), bool)
    if not truths or not results:
        return found, merged
    masks, gt_masks = ([item["segmentation"] for item in items] for items in (results, truths))
    classes = np.array([truth["category_id"] for truth in truths])
    same = np.array([result["category_id"] for result in results])[:, None] == classes
    overlaps = np.where(same, rle.iou(masks, gt_masks, [0] * len(truths)), 0)
    for row in overlaps[np.argsort([-result["score"] for result in results], kind="stable")]:
        free = np.where(found, 0, row)
        if free.max() >= IOU:
            found[free.argmax()] = True
    # Against a "crowd" COCO's overlap is the covered share of the other mask.
    covers = same & (rle.iou(gt_masks, masks, [1] * len(results)).T >= 0.5)  # (D, G)
    merged = ~found & covers[covers.sum(axis=1) > 1].any(axis=0)
    return found, merged


def slice_of(overlap):
    """Return the slice that an overlap from 0 to 1 belongs to."""
    if overlap <= 0:
        return SLICES[0]
    return SLICES[1] if overlap < 0.2 else SLICES[2] if overlap < 0.4 else SLICES[3]


def score_slices(ground_truth, results, stages, max_detections=coco.MAX_DETECTIONS):
    """Compute AP and fates of the instances in each slice of overlap, and of all instances.

    ground_truth: from coco.coco_ground_truth. results: of all images. stages: from Watched, an entry for
    each image of ground_truth. Returns a list of dicts: overlap (one of SLICES or "all"), instances, AP and
    AP50 of masks, fates (a count by key of FATES), merged (a count).

    In the AP of a slice, instances of other slices count neither for nor against, and a detection without a
    match counts against every slice. Compare the AP of one slice between models, not between slices.
    """
    rows = _rows(ground_truth, results, stages)
    slices = []
    for name in (*SLICES, "all"):
        inside = [row for row in rows if name in ("all", row["slice"])]
        ids = {row["id"] for row in inside}
        fates = [row["fate"] for row in inside]
        slices.append(
            {
                "overlap": name,
                "instances": len(inside),
                **coco.score_some(ground_truth, results, ids, max_detections),
                "fates": {fate: fates.count(fate) for fate in FATES},
                "merged": sum(row["merged"] for row in inside),
            }
        )
    return slices


def _rows(ground_truth, results, stages):
    """Return a dict for each instance: id of its annotation, slice, fate, merged."""
    truths, found = defaultdict(list), defaultdict(list)
    for truth in ground_truth["annotations"]:
        if not truth["iscrowd"]:
            truths[truth["image_id"]].append(truth)
    for result in results:
        found[result["image_id"]].append(result)
    rows = []
    for image, seen in zip(ground_truth["images"], stages, strict=True):
        own = truths[image["id"]]
        overlaps = overlaps_of(_boxes(own), [truth["category_id"] for truth in own])
        fates, merged = fates_of(own, found[image["id"]], seen)
        rows += [
            {"id": truth["id"], "slice": slice_of(overlap), "fate": fate, "merged": bool(into)}
            for truth, overlap, fate, into in zip(own, overlaps, fates, merged)
        ]
    return rows


def table_lines(slices):
    """Format the result of score_slices as lines of text, with fates in percent of the slice's instances."""
    names = [*FATES, "merged"]
    widths = [max(9, len(name) + 2) for name in names]
    head = "".join(f"{name:>{width}}" for name, width in zip(names, widths))
    lines = [f"{'overlap':14}{'instances':>9}{'AP':>8}{'AP50':>8}{head}"]
    for row in slices:
        counts = [*row["fates"].values(), row["merged"]]
        cells = [f"{row[name]:8.3f}" if row[name] >= 0 else f"{'-':>8}" for name in ("AP", "AP50")]
        cells += [
            f"{100 * count / row['instances']:{width - 2}.1f} %" if row["instances"] else f"{'-':>{width}}"
            for count, width in zip(counts, widths)
        ]
        lines.append(f"{row['overlap']:14}{row['instances']:9}" + "".join(cells))
    lines += [f"  {name}: {meaning}" for name, meaning in {**FATES, "merged": MERGED}.items()]
    return lines
