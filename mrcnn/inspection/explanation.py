"""Explain what became of an object: one at a place in a photograph, or an annotated instance."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mrcnn.datasets.sheets import save as save_figure
from mrcnn.detection.results import coco_results
from mrcnn.evaluation.coco import truths_of
from mrcnn.evaluation.fates import Claims, boxes_of, mask_overlaps, match_masks
from mrcnn.evaluation.stages import Trace
from mrcnn.inspection import explanation_figure, pages
from mrcnn.inspection.steps import REASONS, Followed
from mrcnn.pipeline.loading import load_image

_MIDDLE = 0.5  # a box is around a point that lies within this share of its sides, in their middle


@dataclass(frozen=True, repr=False)
class Explanation:
    """What became of one object, stage by stage. It prints as a table, and is a picture in notebooks.

    source: the photograph's path, address or number. image: [H, W, 3] uint8. result: a dict like that of
    MaskRCNN.detect. box: (y1, x1, y2, x2) pixels of the object. point: (y, x), from which the box was found,
    or None. class_name: None if it is not known. fate: a key of evaluation.fates.FATES. reason: a key of
    inspection.steps.REASONS. steps: the Steps up to the one that lost it.
    """

    source: Any
    image: np.ndarray
    result: dict
    box: tuple
    point: tuple | None
    class_name: str | None
    fate: str
    reason: str
    steps: tuple

    @property
    def title(self):
        """One line: the object, and why it was missed."""
        what = self.class_name or "object"
        corners = " ".join(str(round(side)) for side in self.box)
        place = f"{what} at {corners} (y1 x1 y2 x2)"
        if self.point is not None:
            y, x = (round(side) for side in self.point)
            place += f", around the point {y} {x}"
        meaning = REASONS[self.reason][1]
        return f"{place}: {meaning}" if self.fate == "found" else f"{place}, lost: {self.reason}, {meaning}"

    def lines(self):
        """Return the table as lines: the title, and one for each step."""
        rows = [f"  {step.stage:12} {'yes' if step.passed else 'NO':4} {step.text}" for step in self.steps]
        return [self.title, f"  {'stage':12} {'kept':4} what happened", *rows]

    def figure(self):
        """Return a Matplotlib Figure: photograph, boxes of the stages around the object, and table."""
        return explanation_figure.draw(self)

    def save(self, path):
        """Write the figure as PNG; its folder is made."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save_figure(self.figure(), Path(path))

    def show(self):
        """Show the figure with Matplotlib: a window, or in a notebook the cell's output."""
        pages.show(self.figure())

    def _repr_png_(self):
        return pages.encode(self.figure())

    def __repr__(self):
        source = [str(self.source)] if isinstance(self.source, (str, Path)) else []
        return "\n".join([*source, *self.lines()])


def explain(model, image, where, source=None):
    """Explain what became of the object at a place of a photograph.

    model: a MaskRCNN for inference. image: [H, W, 3] uint8 RGB. where: (y, x), a point, or (y1, x1, y2, x2),
    a box, in pixels of the image. source: what to call the image.
    A point stands for the box that the network finds most like an object around it. Nothing is known of the
    object's class and mask: it counts as found if a detection's box has an IoU of 0.5 or more with its own.
    Returns an Explanation. Raises ValueError for a place that is not within the image.
    """
    where = _checked(where, image.shape[:2])
    trace = Trace(model, image)
    point = tuple(where) if len(where) == 2 else None
    box = np.clip(_box_around(where, trace), 0, np.tile(image.shape[:2], 2)) if point else where
    found = Claims.of(box[None], [0], trace.stages).kept.any(axis=0)
    return _explanation(trace, Followed(trace, box[None], [0], found, 0), source, point)


def explain_instances(model, dataset, image_id, missed_only=True):
    """Explain what became of the annotated instances of an image, crowds excepted.

    model: a MaskRCNN for inference. dataset: a prepared Dataset. missed_only: leave out those that are found.
    Returns a list of Explanations. Their fates are those of the clump report, evaluation.overlaps.
    """
    image = load_image(dataset, image_id)
    trace = Trace(model, image)
    truths = [truth for truth in truths_of(dataset, image_id)[1] if not truth["iscrowd"]]
    results = coco_results(image_id, trace.result)
    found, _ = match_masks(truths, results)
    boxes, class_ids = boxes_of(truths), [truth["category_id"] for truth in truths]
    ious = mask_overlaps(truths, results).max(axis=0, initial=0)
    source = dataset.image_info[image_id].get("path", image_id)
    return [
        _explanation(trace, Followed(trace, boxes, class_ids, found, index, ious), source)
        for index in range(len(truths))
        if not (missed_only and found[index])
    ]


def _explanation(trace, followed, source, point=None):
    return Explanation(
        source,
        trace.image,
        trace.result,
        tuple(map(float, followed.box)),
        point,
        followed.names[followed.class_id] if followed.class_id else None,
        followed.fate,
        followed.reason,
        followed.steps,
    )


def _checked(where, shape):
    """Return a place as an array of 2 or 4 numbers. Raises ValueError."""
    place = np.asarray(where, float).ravel()
    sides = f"the image is {shape[0]} pixels high and {shape[1]} wide"
    if len(place) not in (2, 4):
        raise ValueError(f"A place is a point (y, x) or a box (y1, x1, y2, x2), received {where!r}.")
    low, high = place[:2], place[-2:]
    if not (np.all(low >= 0) and np.all(high <= shape)):
        raise ValueError(f"The place {_words(place)} is not within the image: {sides}.")
    if len(place) == 4 and not np.all(low < high):
        raise ValueError(f"The box {_words(place)} is empty: give it as y1, x1, y2, x2.")
    return place


def _words(place):
    return ", ".join(f"{side:g}" for side in place)


def _box_around(point, trace):
    """Return the box [4] around a point that the network finds most like an object.

    It is that of a detection whose mask holds the point; else the proposal, or else the RPN's box, with the
    highest score in whose middle the point lies. The score counts less the farther the point is from the
    middle.
    """
    y, x = np.minimum(np.floor(point).astype(int), np.subtract(trace.image.shape[:2], 1))
    holding = np.flatnonzero(trace.result["masks"][y, x])
    if len(holding):
        return trace.result["rois"][holding[0]].astype(float)
    ranked = trace.ranked
    objects = trace.probabilities[:, 1:].max(axis=1)
    for boxes, scores in ((trace.stages.proposals, objects), (ranked.boxes, ranked.scores)):
        middle = 1 - _distances(point, boxes) / _MIDDLE
        if len(boxes) and middle.max() > 0:
            return boxes[(scores * np.maximum(middle, 0)).argmax()]
    return ranked.anchors[_distances(point, ranked.anchors).argmin()]


def _distances(point, boxes):
    """Return how far a point is from the middle of each box, as a share of half its sides: [N]."""
    centers, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.abs(2 * (point - centers) / np.maximum(sides, 1e-6)).max(axis=1, initial=0)
