"""From class probabilities and deltas of the ROIs to the final detections.

B: images, N: ROIs, C: classes, D: places for detections.
"""

import keras
from keras import layers, ops

from mrcnn.ops import boxes as box_ops
from mrcnn.ops import image_meta as meta_ops
from mrcnn.ops.nms import nms, soft_nms

NMS_METHODS = ("hard", "soft_linear", "soft_gaussian")


def refine(rois, probabilities, deltas, window, std_dev, background_wins=True):
    """Each ROI as the object it was taken for: moved by its best class's deltas and cut to the window.

    rois: [B, N, (y1, x1, y2, x2)] normalised. probabilities: [B, N, C]. deltas: [B, N, C, 4].
    window: [B, 1, 4] normalised. std_dev: [4], the deltas' unit. background_wins: the best class may be the
    background, 0; else it is the best of the others.
    Returns boxes [B, N, 4], class_ids [B, N] and scores [B, N].
    """
    first = 0 if background_wins else 1
    class_ids = ops.argmax(probabilities[:, :, first:], axis=2) + first
    scores = ops.max(probabilities[:, :, first:], axis=2)
    deltas = ops.take_along_axis(deltas, class_ids[:, :, None, None], axis=2)[:, :, 0]
    boxes = box_ops.decode_deltas(rois, deltas * ops.convert_to_tensor(std_dev), box_ops.MAX_LOG_SIZE)
    return box_ops.clip(boxes, window), class_ids, scores


def is_candidate(rois, class_ids, scores, min_confidence):
    """Which ROIs [B, N] enter NMS: those with area, of a class, and at least so sure of it."""
    return (class_ids > 0) & (scores >= min_confidence) & (box_ops.area(rois) > 0)


@keras.saving.register_keras_serializable("mrcnn")
class DetectionLayer(layers.Layer):
    """Refines the ROIs by their best class's deltas, drops the weak ones and applies NMS per class.

    Inputs: rois [B, N, (y1, x1, y2, x2)] normalised, probabilities [B, N, C], deltas [B, N, C, 4],
    image_meta [B, M]. Output: [B, D, (y1, x1, y2, x2, class_id, score)] by decreasing score, padded
    with zeros.

    nms_method: "hard" drops what overlaps a better detection by more than nms_threshold. "soft_linear"
    and "soft_gaussian" (with sigma) lower its score instead and drop it where that falls below
    min_confidence; see ops.nms.soft_nms. The output has the lowered scores.

    background_wins: an ROI that is background more than any class is dropped, as in matterport's network.
    Without it a min_confidence below 0.5 finds all that is at least so sure, which AP and recall ask for;
    from 0.5 up there is no difference.
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
        boxes, class_ids, scores = refine(
            rois, probabilities, deltas, window, self.std_dev, self.background_wins
        )
        valid = is_candidate(rois, class_ids, scores, self.min_confidence)
        index, scores, keep = self._suppress(boxes, scores, valid, class_ids)
        columns = ops.concatenate([boxes, ops.cast(class_ids, "float32")[..., None]], axis=2)
        chosen = ops.take_along_axis(columns, index[..., None], axis=1)
        detections = ops.concatenate([chosen, scores[..., None]], axis=2)
        return detections * ops.cast(keep, "float32")[..., None]

    def _suppress(self, boxes, scores, valid, class_ids):
        """The index, the scores and the validity of the detections, [B, D] each."""
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


@keras.saving.register_keras_serializable("mrcnn")
class DetectionBoxes(layers.Layer):
    """The boxes of detections: [B, D, 6] to [B, D, 4]."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, detections):
        return detections[..., :4]
