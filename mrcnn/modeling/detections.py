"""Turn class probabilities and deltas of the ROIs into the final detections.

B: images, N: ROIs per image, C: classes, D: maximum number of detections per image.
"""

from typing import Any, NamedTuple

import keras
from keras import layers, ops

from mrcnn import image_meta as meta_ops
from mrcnn.backend import constant
from mrcnn.choices import NMS_METHODS
from mrcnn.modeling.configs import attributes
from mrcnn.ops import boxes as box_ops
from mrcnn.ops.nms import nms, soft_nms


def refine(rois, probabilities, deltas, window, std_dev, background_wins=True):
    """Assign each ROI its best class, apply that class's deltas and clip the box to the window.

    rois: [B, N, (y1, x1, y2, x2)] normalised. probabilities: [B, N, C]. deltas: [B, N, C, 4].
    window: [B, 1, 4] normalised. std_dev: [4], unit of the deltas. background_wins: the best class may be
    background (0); False chooses among the other classes only.
    Returns boxes [B, N, 4], class_ids [B, N] and scores [B, N].
    """
    first = 0 if background_wins else 1
    class_ids = ops.argmax(probabilities[:, :, first:], axis=2) + first
    scores = ops.max(probabilities[:, :, first:], axis=2)
    deltas = ops.take_along_axis(deltas, class_ids[:, :, None, None], axis=2)[:, :, 0]
    boxes = box_ops.decode_deltas(rois, deltas * constant(std_dev), box_ops.MAX_LOG_SIZE)
    return box_ops.clip(boxes, window), class_ids, scores


def is_candidate(rois, class_ids, scores, min_confidence):
    """Return which ROIs enter NMS, [B, N] bool: those with area, a class and a high enough score.

    rois: [B, N, 4]. class_ids, scores: [B, N]. min_confidence: smallest score.
    """
    return (class_ids > 0) & (scores >= min_confidence) & (box_ops.area(rois) > 0)


class Selection(NamedTuple):
    """What becomes of each ROI on the way to detections.

    boxes [B, N, 4], class_ids and scores [B, N]: refined, see ``refine``. candidates: [B, N] bool, the ROIs
    that enter NMS. index [B, D]: the ROIs that become detections, by decreasing score. final_scores [B, D]:
    as soft NMS lowered them. keep [B, D] bool: the entries of ``index`` in use.
    """

    boxes: Any
    class_ids: Any
    scores: Any
    candidates: Any
    index: Any
    final_scores: Any
    keep: Any


@keras.saving.register_keras_serializable("mrcnn")
class DetectionLayer(layers.Layer):
    """Refines ROIs with their best class's deltas, drops those with low scores and applies NMS per class.

    Inputs: rois [B, N, (y1, x1, y2, x2)] normalised, probabilities [B, N, C], deltas [B, N, C, 4],
    image_meta [B, M]. Output: [B, D, (y1, x1, y2, x2, class_id, score)] by decreasing score, padded
    with zeros.

    nms_method: "hard" drops boxes whose IoU with a detection of higher score exceeds nms_threshold.
    "soft_linear" and "soft_gaussian" (with sigma) lower their scores instead and drop boxes whose score
    falls below min_confidence; see ops.nms.soft_nms. The output has the lowered scores.

    background_wins: drop an ROI whose most probable class is background, as in matterport's network. False
    keeps every ROI with a class score of min_confidence or more, even below 0.5, which AP and recall need.
    From a min_confidence of 0.5 up there is no difference.

    Raises ValueError for an unknown nms_method.
    """

    def __init__(
        self,
        max_instances,
        min_confidence,
        nms_threshold,
        std_dev=(0.1, 0.1, 0.2, 0.2),
        nms_method="hard",
        sigma=0.5,
        background_wins=True,
        **kwargs,
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if nms_method not in NMS_METHODS:
            raise ValueError(f"DETECTION_NMS must be one of {', '.join(NMS_METHODS)}, got {nms_method!r}.")
        self.max_instances = max_instances
        self.min_confidence = min_confidence
        self.nms_threshold = nms_threshold
        self.std_dev = [float(value) for value in std_dev]
        self.nms_method = nms_method
        self.sigma = sigma
        self.background_wins = background_wins

    def call(self, inputs):
        rois, probabilities, deltas, image_meta = inputs
        meta = meta_ops.parse(image_meta)
        window = box_ops.normalize(meta["window"][:, None, :], meta["image_shape"][:, None, :2])
        return self.detect(rois, probabilities, deltas, window)

    def detect(self, rois, probabilities, deltas, window):
        """Compute the output from the first three inputs and each image's window [B, 1, 4], normalised."""
        chosen = self.select(rois, probabilities, deltas, window)
        class_ids = ops.cast(chosen.class_ids, "float32")[..., None]
        columns = ops.concatenate([chosen.boxes, class_ids], axis=2)
        columns = ops.take_along_axis(columns, chosen.index[..., None], axis=1)
        detections = ops.concatenate([columns, chosen.final_scores[..., None]], axis=2)
        return detections * ops.cast(chosen.keep, "float32")[..., None]

    def select(self, rois, probabilities, deltas, window):
        """Return the Selection among the ROIs; the arguments are those of ``detect``."""
        boxes, class_ids, scores = refine(
            rois, probabilities, deltas, window, self.std_dev, self.background_wins
        )
        candidates = is_candidate(rois, class_ids, scores, self.min_confidence)
        return Selection(
            boxes, class_ids, scores, candidates, *self._suppress(boxes, scores, candidates, class_ids)
        )

    def _suppress(self, boxes, scores, valid, class_ids):
        """Return index, scores and validity of the detections, [B, D] each."""
        common = {"valid": valid, "class_ids": class_ids}
        if self.nms_method == "hard":
            index, keep = nms(boxes, scores, self.max_instances, self.nms_threshold, **common)
            return index, ops.take_along_axis(scores, index, axis=1), keep
        common["min_score"] = self.min_confidence
        if self.nms_method == "soft_linear":
            common["iou_threshold"] = self.nms_threshold
        else:
            common["sigma"] = self.sigma
        return soft_nms(boxes, scores, self.max_instances, **common)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.max_instances, 6)

    def get_config(self):
        names = (
            "max_instances", "min_confidence", "nms_threshold", "std_dev", "nms_method", "sigma",
            "background_wins",
        )  # fmt: skip
        return {**super().get_config(), **attributes(self, *names)}


@keras.saving.register_keras_serializable("mrcnn")
class DetectionBoxes(layers.Layer):
    """Extracts the boxes of detections: [B, D, 6] to [B, D, 4]."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, detections):
        return detections[..., :4]


@keras.saving.register_keras_serializable("mrcnn")
class MasksOfClass(layers.Layer):
    """Selects each detection's mask of its own class.

    Inputs: masks [B, D, h, w, C], detections [B, D, (y1, x1, y2, x2, class_id, score)]. Output: [B, D, h, w].
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs):
        masks, detections = inputs
        class_ids = ops.cast(detections[..., 4], "int32")[:, :, None, None, None]
        return ops.take_along_axis(masks, class_ids, axis=4)[..., 0]

    def compute_output_shape(self, input_shape):
        return input_shape[0][:4]
