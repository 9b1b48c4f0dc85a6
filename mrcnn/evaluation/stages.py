"""Follow the network through its stages for one image after another, for the clump report and explanations.

N: ROIs, A: anchors. Boxes are [N, (y1, x1, y2, x2)] pixels of the image, not rounded.
"""

import functools
from dataclasses import dataclass

import numpy as np
from keras import ops

from mrcnn.modeling.rpn import ProposalLayer
from mrcnn.ops import boxes as box_ops


@dataclass(frozen=True)
class Stages:
    """What becomes of the ROIs of an image.

    proposals: [N, 4], the boxes of the RPN. boxes [N, 4], class_ids [N], scores [N]: the same ROIs refined.
    candidates: [N] bool, those that entered NMS. kept: [N] bool, those that became detections.
    """

    proposals: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    candidates: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True)
class Ranked:
    """All anchors by decreasing RPN score, of which the first ``limit`` enter the NMS of proposals.

    scores: [A]. anchors: [A, 4]. boxes: [A, 4], refined and clipped. proposals: [N], the places of the
    proposals in this order.
    """

    scores: np.ndarray
    anchors: np.ndarray
    boxes: np.ndarray
    limit: int
    proposals: np.ndarray


class Watched:
    """Detects like MaskRCNN.detect, one image after another, and records the Stages of each in ``stages``."""

    def __init__(self, model):
        self.model = model
        self.stages = []

    def detect(self, images):
        """Detect in a list of images [H, W, 3] uint8; return a dict for each, like MaskRCNN.detect."""
        traces = [Trace(self.model, image) for image in images]
        self.stages += [trace.stages for trace in traces]
        return [trace.result for trace in traces]


class Trace:
    """All that the network computes of one image.

    model: a MaskRCNN for inference. image: [H, W, 3] uint8. outputs: the network's, by name, see
    modeling.network.named_outputs, of a batch of one. stages: its Stages. result: a dict like that of
    MaskRCNN.detect.
    """

    def __init__(self, model, image):
        (self.molded,), (self.meta,), (self.window,) = model.mold_inputs([image])
        self.model, self.image = model, image
        self.anchors = model.get_anchors(self.molded.shape)[None]
        outputs = model.network_outputs(self.molded, self.meta)
        self.outputs = {name: np.asarray(output, "float32") for name, output in outputs.items()}
        self.stages = self._stages()
        detections, masks = self.outputs["mrcnn_detection"][0], self.outputs["mrcnn_mask"][0]
        found = model.unmold_detections(detections, masks, image.shape, self.molded.shape, self.window)
        self.result = dict(zip(("rois", "class_ids", "scores", "masks"), found))

    @property
    def used(self):
        """[N] bool: the ROIs that are not padding. The arrays of ``stages`` have these alone."""
        return np.any(self.outputs["ROI"][0] != 0, axis=-1)

    @property
    def probabilities(self):
        """[N, C]: the class probabilities of the ROIs of ``stages``."""
        return self.outputs["mrcnn_class"][0][self.used]

    @functools.cached_property
    def ranked(self):
        """The Ranked anchors."""
        layer = self.model.keras_model.get_layer("ROI")
        inputs = [self.outputs["rpn_class"], self.outputs["rpn_bbox"], self.anchors]
        inputs = [ops.convert_to_tensor(x, "float32") for x in inputs]
        everything = ProposalLayer(
            layer.proposal_count, layer.nms_threshold, self.anchors.shape[1], layer.std_dev
        )
        scores, anchors, _, boxes = everything.candidates(inputs)
        limit = min(layer.pre_nms_limit, self.anchors.shape[1])
        index, keep = layer.suppress(boxes[:, :limit], scores[:, :limit])
        return Ranked(
            ops.convert_to_numpy(scores)[0],
            self.to_image(anchors[0]),
            self.to_image(boxes[0]),
            limit,
            ops.convert_to_numpy(index)[0][ops.convert_to_numpy(keep)[0]],
        )

    def to_image(self, boxes):
        """Convert normalised boxes of the molded image to pixels of the image in its window."""
        pixels = ops.convert_to_numpy(box_ops.to_pixels(boxes, self._side))
        y1, x1, y2, x2 = self.window
        scale = np.array([self.image.shape[0] / (y2 - y1), self.image.shape[1] / (x2 - x1)] * 2)
        return (pixels - np.array([y1, x1, y1, x1])) * scale

    @property
    def _side(self):
        return np.asarray(self.molded.shape[:2], "float32")

    def _stages(self):
        rois = self.outputs["ROI"]
        window = box_ops.normalize(np.asarray(self.window, "float32")[None, None], self._side)
        layer = self.model.keras_model.get_layer("mrcnn_detection")
        chosen = layer.select(rois, self.outputs["mrcnn_class"], self.outputs["mrcnn_bbox"], window)
        chosen = type(chosen)(*(ops.convert_to_numpy(column)[0] for column in chosen))
        kept = np.zeros(len(rois[0]), bool)
        kept[chosen.index[chosen.keep]] = True
        used = self.used
        return Stages(
            self.to_image(rois[0])[used], self.to_image(chosen.boxes)[used], chosen.class_ids[used],
            chosen.scores[used], chosen.candidates[used], kept[used],
        )  # fmt: skip
