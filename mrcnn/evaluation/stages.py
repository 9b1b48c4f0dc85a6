"""Follow the network through its stages for one image after another, as the clump report needs it.

N: ROIs. Boxes are [N, (y1, x1, y2, x2)] pixels of the image.
"""

import numpy as np
from keras import ops

from mrcnn.modeling import detections as detection_ops
from mrcnn.modeling.network import predict_named
from mrcnn.ops import boxes as box_ops


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
