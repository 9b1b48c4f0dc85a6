"""From class probabilities and deltas of the ROIs to the final detections.

B: images, N: ROIs, C: classes, D: places for detections.
"""

import keras
from keras import layers, ops

from mrcnn.ops import boxes as box_ops
from mrcnn.ops import image_meta as meta_ops
from mrcnn.ops.nms import nms


@keras.saving.register_keras_serializable("mrcnn")
class DetectionLayer(layers.Layer):
    """Refines the ROIs by their best class's deltas, drops the weak ones and applies NMS per class.

    Inputs: rois [B, N, (y1, x1, y2, x2)] normalised, probabilities [B, N, C], deltas [B, N, C, 4],
    image_meta [B, M]. Output: [B, D, (y1, x1, y2, x2, class_id, score)] by decreasing score, padded
    with zeros.
    """

    def __init__(self, max_instances, min_confidence, nms_threshold, std_dev=(0.1, 0.1, 0.2, 0.2), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.max_instances = max_instances
        self.min_confidence = min_confidence
        self.nms_threshold = nms_threshold
        self.std_dev = [float(value) for value in std_dev]

    def call(self, inputs):
        rois, probabilities, deltas, image_meta = inputs
        meta = meta_ops.parse(image_meta)
        window = box_ops.normalize(meta["window"][:, None, :], meta["image_shape"][:, None, :2])

        class_ids = ops.argmax(probabilities, axis=2)
        scores = ops.max(probabilities, axis=2)
        deltas = ops.take_along_axis(deltas, class_ids[:, :, None, None], axis=2)[:, :, 0]
        boxes = box_ops.decode_deltas(
            rois, deltas * ops.convert_to_tensor(self.std_dev), box_ops.MAX_LOG_SIZE
        )
        boxes = box_ops.clip(boxes, window)

        valid = (class_ids > 0) & (scores >= self.min_confidence) & (box_ops.area(rois) > 0)
        index, keep = nms(
            boxes, scores, self.max_instances, self.nms_threshold, valid=valid, class_ids=class_ids
        )
        columns = [boxes, ops.cast(class_ids, "float32")[..., None], scores[..., None]]
        detections = ops.take_along_axis(ops.concatenate(columns, axis=2), index[..., None], axis=1)
        return detections * ops.cast(keep, "float32")[..., None]

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.max_instances, 6)


@keras.saving.register_keras_serializable("mrcnn")
class DetectionBoxes(layers.Layer):
    """The boxes of detections: [B, D, 6] to [B, D, 4]."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, detections):
        return detections[..., :4]
