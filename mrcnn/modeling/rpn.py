"""The region proposal network (Ren et al. 2015) and the choice of proposals.

B: images, A: anchors of an image, N: proposals.
"""

import keras
from keras import layers, ops

from mrcnn.ops import boxes as box_ops
from mrcnn.ops.nms import nms, sort_by_score


def build_rpn(depth, anchors_per_location, anchor_stride=1, channels=512):
    """The network that all pyramid levels share, as a model named rpn_model.

    depth: channels of a pyramid level. anchors_per_location: number of ratios.
    Takes a feature map [B, H, W, depth]; returns class logits [B, anchors, (background, foreground)],
    their probabilities, and deltas [B, anchors, (dy, dx, log dh, log dw)].
    """
    feature = keras.Input((None, None, depth), name="input_rpn_feature_map")
    shared = layers.Conv2D(
        channels, 3, padding="same", activation="relu", strides=anchor_stride, name="rpn_conv_shared"
    )(feature)
    raw = layers.Conv2D(2 * anchors_per_location, 1, name="rpn_class_raw")(shared)
    logits = layers.Reshape((-1, 2), dtype="float32", name="rpn_class_logits")(raw)
    probabilities = layers.Softmax(dtype="float32", name="rpn_class_xxx")(logits)
    deltas = layers.Conv2D(4 * anchors_per_location, 1, name="rpn_bbox_pred")(shared)
    deltas = layers.Reshape((-1, 4), dtype="float32", name="rpn_bbox_deltas")(deltas)
    return keras.Model(feature, [logits, probabilities, deltas], name="rpn_model")


def run_rpn(rpn, pyramid):
    """Class logits, probabilities and deltas of all levels, each [B, A, ...], finest level first."""
    names = ("rpn_class_logits", "rpn_class", "rpn_bbox")
    by_level = [rpn(level) for level in pyramid]
    return [
        layers.Concatenate(axis=1, dtype="float32", name=name)(list(outputs))
        for name, outputs in zip(names, zip(*by_level))
    ]


@keras.saving.register_keras_serializable("mrcnn")
class ProposalLayer(layers.Layer):
    """Chooses proposals among the anchors by their score and NMS.

    Inputs: rpn_class [B, A, (background, foreground)], rpn_bbox [B, A, (dy, dx, log dh, log dw)],
    anchors [B, A, (y1, x1, y2, x2)] normalised. Output: [B, proposal_count, 4] normalised, padded
    with zeros.
    """

    def __init__(
        self, proposal_count, nms_threshold, pre_nms_limit=6000, std_dev=(0.1, 0.1, 0.2, 0.2), **kwargs
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.proposal_count = proposal_count
        self.nms_threshold = nms_threshold
        self.pre_nms_limit = pre_nms_limit
        self.std_dev = [float(value) for value in std_dev]

    def call(self, inputs):
        scores, _, _, boxes = self.candidates(inputs)
        index, keep = self.suppress(boxes, scores)
        proposals = ops.take_along_axis(boxes, index[..., None], axis=1)
        return proposals * ops.cast(keep, proposals.dtype)[..., None]

    def candidates(self, inputs):
        """What enters NMS, by decreasing score: scores [B, K], anchors [B, K, 4], boxes, clipped boxes."""
        probabilities, deltas, anchors = (ops.stop_gradient(x) for x in inputs)
        scores, index = sort_by_score(probabilities[:, :, 1], self.pre_nms_limit)
        deltas = ops.take_along_axis(deltas, index[..., None], axis=1) * ops.convert_to_tensor(self.std_dev)
        anchors = ops.take_along_axis(anchors, index[..., None], axis=1)
        boxes = box_ops.decode_deltas(anchors, deltas, box_ops.MAX_LOG_SIZE)
        return scores, anchors, boxes, box_ops.clip(boxes, ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0]))

    def suppress(self, boxes, scores):
        """The index [B, N] of the candidates that are proposals, and which of these places are used."""
        return nms(boxes, scores, self.proposal_count, self.nms_threshold)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.proposal_count, 4)
