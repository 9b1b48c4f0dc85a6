"""Follow one instance through the network, stage by stage, to where it is lost.

The fate of an instance is decided by evaluation.fates, as in the clump report. The steps say why.

N: ROIs, G: instances of the image, A: anchors. Boxes are (y1, x1, y2, x2) pixels of the image.
"""

from dataclasses import dataclass

import numpy as np

from mrcnn.evaluation.fates import IOU, Claims, owned
from mrcnn.evaluation.matches import compute_iou
from mrcnn.ops.matching import ANCHORS

# Why an instance has its fate: {reason: (fate, meaning)}.
REASONS = {
    "found": ("found", "it is detected"),
    "anchors": ("no proposal", "no anchor resembles it"),
    "RPN boxes": ("no proposal", "the RPN moves no anchor onto it"),
    "PRE_NMS_LIMIT": ("no proposal", "too many anchors have a higher RPN score"),
    "NMS of proposals": ("no proposal", "a proposal with a higher RPN score overlaps it"),
    "POST_NMS_ROIS_INFERENCE": ("no proposal", "too many proposals have a higher RPN score"),
    "background": ("weak", "it is taken for background"),
    "other class": ("weak", "it is taken for another class"),
    "DETECTION_MIN_CONFIDENCE": ("weak", "its score is too low"),
    "moved": ("moved", "its refined box went elsewhere"),
    "NMS": ("NMS", "a detection of its class with a higher score overlaps it"),
    "DETECTION_MAX_INSTANCES": ("NMS", "too many detections have a higher score"),
    "mask": ("mask", "its box is kept, but its mask is wrong"),
}
STAGES = ("anchors", "RPN boxes", "proposals", "class", "confidence", "refined box", "NMS", "mask")


@dataclass(frozen=True)
class Step:
    """What a stage makes of an instance.

    stage: of STAGES. passed: whether the instance is still there after it. text: what happened. box: the one
    that the text is about, (y1, x1, y2, x2), or None.
    """

    stage: str
    passed: bool
    text: str
    box: tuple | None = None


class Followed:
    """One instance of a traced image, and the evidence of what becomes of it.

    trace: the image's evaluation.stages.Trace. boxes: [G, 4] of its instances. class_ids: [G], 0 where the
    class is unknown. found: [G] bool. index: which of them is followed. mask_ious: [G], the highest IoU of a
    detected mask of its class with each, or None without gt masks.

    fate: a key of FATES. reason: a key of REASONS. steps: Steps up to the one that lost it.
    """

    def __init__(self, trace, boxes, class_ids, found, index, mask_ious=None):
        self.trace, self.boxes, self.index = trace, np.asarray(boxes, float).reshape(-1, 4), index
        self.box, self.class_id = self.boxes[index], int(class_ids[index])
        self.config, self.names = trace.model.config, _names_of(trace)
        self.mask_iou = None if mask_ious is None else float(mask_ious[index])
        self.claims = Claims.of(self.boxes, class_ids, trace.stages)
        self.fate = self.claims.fates(found)[index]
        self.roi = self._best_roi()
        self.ranked = trace.ranked
        self.reason, self.steps = self._follow()

    def _follow(self):
        """Return the reason, and the Steps up to the stage that it names."""
        steps = []
        for follow in (
            self._anchors, self._rpn_boxes, self._proposals, self._class, self._confidence, self._refined,
            self._nms, self._mask,
        ):  # fmt: skip
            reason, step = follow()
            if step is not None:
                steps.append(step)
            if reason is not None:
                return reason, tuple(steps)
        return "found", tuple(steps)

    def _best_roi(self):
        """Return the ROI of the instance that comes furthest, the best of several, or None."""
        claims, stages = self.claims, self.trace.stages
        for rows, scores in (
            (claims.kept, stages.scores),
            (claims.refined, stages.scores),
            (claims.sure, stages.scores),
            (claims.proposed, self._score_as_object()),
        ):
            own = np.flatnonzero(rows[:, self.index])
            if len(own):
                return own[scores[own].argmax()]
        return None

    def _score_as_object(self):
        """Return each ROI's probability of the instance's class, or of the best class if it is unknown."""
        probabilities = self.trace.probabilities
        return probabilities[:, self.class_id] if self.class_id else probabilities[:, 1:].max(axis=1)

    # --- The stages: each returns the reason if it lost the instance, and its Step ---------------

    def _anchors(self):
        ious = compute_iou(self.box, self.ranked.anchors)
        best = int(ious.argmax())
        lost = self.fate == "no proposal" and not len(self._own_rpn_boxes())
        lost = lost and ious[best] < ANCHORS["negative_iou"]
        text = f"the best of {len(ious):,} has an IoU of {ious[best]:.2f} with it"
        return self._step("anchors", "anchors" if lost else None, text, self.ranked.anchors[best])

    def _rpn_boxes(self):
        own, ious = self._own_rpn_boxes(), compute_iou(self.box, self.ranked.boxes)
        if not len(own):
            best = int(ious.argmax())
            text = f"none belongs to it; the highest IoU is {ious[best]:.2f}"
            reason = "RPN boxes" if self.fate == "no proposal" else None
            return self._step("RPN boxes", reason, text, self.ranked.boxes[best])
        first, score = own[0], self.ranked.scores[own[0]]
        text = f"{len(own)} of {len(ious):,} belong to it; the best has rank {first + 1:,}, RPN score "
        text += f"{score:.3f}, IoU {ious[first]:.2f}"
        if self.fate == "no proposal" and first >= self.ranked.limit:
            text += f"; only the first {self.ranked.limit:,} go on"
            return self._step("RPN boxes", "PRE_NMS_LIMIT", text, self.ranked.boxes[first])
        return self._step("RPN boxes", None, text, self.ranked.boxes[first])

    def _own_rpn_boxes(self):
        """Return the places of the RPN's boxes that belong to the instance, before NMS, by rank."""
        near = np.flatnonzero(compute_iou(self.box, self.ranked.boxes) >= IOU)
        own = near[owned(self.ranked.boxes[near], self.boxes)[:, self.index]]
        # A proposal at the very bound may lie on either side of it, by its last bit.
        return own[~np.isin(own, self.ranked.proposals)] if self.fate == "no proposal" else own

    def _proposals(self):
        count = int(self.claims.proposed[:, self.index].sum())
        if self.fate == "no proposal":
            return self._lost_proposal(self._own_rpn_boxes()[0])
        ious = compute_iou(self.box, self.trace.stages.proposals)
        shown = int(ious.argmax()) if self.roi is None else self.roi
        text = f"{count} of {len(ious)} belong to it; the highest IoU is {ious.max(initial=0):.2f}"
        return self._step("proposals", None, text, self.trace.stages.proposals[shown])

    def _lost_proposal(self, place):
        """Return what the NMS of proposals did to the RPN box at a place in the ranking."""
        better = self.ranked.proposals[self.ranked.proposals < place]
        ious = compute_iou(self.ranked.boxes[place], self.ranked.boxes[better])
        threshold, most = self.config.RPN_NMS_THRESHOLD, self.config.POST_NMS_ROIS_INFERENCE
        full = len(self.ranked.proposals) >= most
        if full and ious.max(initial=0) <= threshold:
            text = f"POST_NMS_ROIS_INFERENCE is {most}, and as many have a higher RPN score"
            return self._step("proposals", "POST_NMS_ROIS_INFERENCE", text)
        best = better[ious.argmax()]
        text = f"NMS: one of RPN score {self.ranked.scores[best]:.3f} overlaps it with an IoU of "
        text += f"{ious.max():.2f}, and {threshold:g} is allowed"
        return self._step("proposals", "NMS of proposals", text, self.ranked.boxes[best])

    def _class(self):
        if self.roi is None:
            return None, None
        probabilities = self.trace.probabilities[self.roi]
        winner = int(self.trace.stages.class_ids[self.roi])
        own = self.class_id or 1 + int(probabilities[1:].argmax())
        text = f"{self.names[own]} {probabilities[own]:.3f}, {self.names[0]} {probabilities[0]:.3f}"
        if winner not in (0, own):
            text += f", {self.names[winner]} {probabilities[winner]:.3f}"
        elif winner == own and probabilities[0] > probabilities[own]:
            text += ", which does not count (DETECTION_BACKGROUND_WINS is false)"
        wrong = self.fate == "weak" and winner != own
        return self._step("class", ("other class" if winner else "background") if wrong else None, text)

    def _confidence(self):
        if self.roi is None:
            return None, None
        score, least = self.trace.stages.scores[self.roi], self.config.DETECTION_MIN_CONFIDENCE
        text = f"its score is {score:.3f}, and DETECTION_MIN_CONFIDENCE is {least:g}"
        return self._step("confidence", "DETECTION_MIN_CONFIDENCE" if self.fate == "weak" else None, text)

    def _refined(self):
        if self.roi is None:
            return None, None
        box = self.trace.stages.boxes[self.roi]
        iou = float(compute_iou(self.box, box[None])[0])
        text = f"its IoU is {iou:.2f}"
        others = np.delete(self.boxes, self.index, axis=0)
        nearest = float(compute_iou(box, others).max()) if len(others) else 0.0
        if self.fate == "moved" and nearest > iou:
            text += f", and that with another instance {nearest:.2f}"
        return self._step("refined box", "moved" if self.fate == "moved" else None, text, box)

    def _nms(self):
        if self.roi is None:
            return None, None
        if self.fate != "NMS":
            return self._step("NMS", None, "kept")
        stages, most = self.trace.stages, self.config.DETECTION_MAX_INSTANCES
        rivals = np.flatnonzero(stages.kept & (stages.class_ids == stages.class_ids[self.roi]))
        ious = compute_iou(stages.boxes[self.roi], stages.boxes[rivals])
        soft, threshold = self.config.DETECTION_NMS != "hard", self.config.DETECTION_NMS_THRESHOLD
        if stages.kept.sum() >= most and (soft or ious.max(initial=0) <= threshold):
            text = f"DETECTION_MAX_INSTANCES is {most}, and as many have a higher score"
            return self._step("NMS", "DETECTION_MAX_INSTANCES", text)
        rival = rivals[ious.argmax()]
        text = f"the {self.names[stages.class_ids[rival]]} of score {stages.scores[rival]:.3f} overlaps it "
        text += f"with an IoU of {ious.max():.2f}"
        text += ", which lowers its score too far" if soft else f", and {threshold:g} is allowed"
        return self._step("NMS", "NMS", text, stages.boxes[rival])

    def _mask(self):
        if self.mask_iou is None:
            return None, None
        text = f"the highest IoU of a detected mask of its class is {self.mask_iou:.2f}"
        return self._step("mask", "mask" if self.fate == "mask" else None, text)

    def _step(self, stage, reason, text, box=None):
        return reason, Step(stage, reason is None, text, None if box is None else tuple(map(float, box)))


def _names_of(trace):
    names = trace.model.class_names
    return ["background", *(names[1:] if names else map(str, range(1, trace.model.config.NUM_CLASSES)))]
