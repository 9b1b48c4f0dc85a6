"""Evaluate instances that overlap others of their class: how many are found, and where others are lost.

G: gt instances of an image, without crowds. Boxes are [G, (y1, x1, y2, x2)] pixels.

The overlap of instance i is the largest share of its box that the box of another instance of its class
covers: max over j of |b_i and b_j| / |b_i|. Visible masks never overlap, because they exclude hidden parts,
but their boxes do. The measure is therefore the same on photographs and on rendered scenes.
"""

from collections import defaultdict

import numpy as np

from mrcnn.evaluation import coco
from mrcnn.evaluation.fates import FATES, MERGED, boxes_of, fates_of

SLICES = ("none", "under 20 %", "20 to 40 %", "40 % or more")


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
    rows = rows_of(ground_truth, results, stages)
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


def rows_of(ground_truth, results, stages):
    """Return a dict for each instance: id of its annotation, slice, fate, merged.

    The arguments are those of score_slices.
    """
    truths, found = defaultdict(list), defaultdict(list)
    for truth in ground_truth["annotations"]:
        if not truth["iscrowd"]:
            truths[truth["image_id"]].append(truth)
    for result in results:
        found[result["image_id"]].append(result)
    rows = []
    for image, seen in zip(ground_truth["images"], stages, strict=True):
        own = truths[image["id"]]
        overlaps = overlaps_of(boxes_of(own), [truth["category_id"] for truth in own])
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
