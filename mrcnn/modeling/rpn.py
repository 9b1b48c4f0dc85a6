"""The region proposal network (RPN, Ren et al. 2015) and the selection of proposals.

B: images, A: anchors per image, S: sampled anchors per image, N: proposals per image.
"""

import keras
import numpy as np
from keras import layers, ops

from mrcnn.backend import Constant, constant
from mrcnn.keras_internals import operation_of, upstream
from mrcnn.modeling.configs import attributes
from mrcnn.ops import boxes as box_ops
from mrcnn.ops.gathering import pick, take_rows
from mrcnn.ops.nms import nms, sort_by_score


def build_rpn(depth, anchors_per_location, anchor_stride=1, channels=512):
    """Build the RPN that all pyramid levels share, as a model named rpn_model.

    depth: channels of a pyramid level. anchors_per_location: number of ratios. anchor_stride: cells between
    neighbouring anchors. channels: of the shared convolution.
    The model takes a feature map [B, H, W, depth] and returns class logits [B, anchors, (background,
    foreground)], their probabilities, and deltas [B, anchors, (dy, dx, log dh, log dw)].
    """
    feature = keras.Input((None, None, depth), name="input_rpn_feature_map")
    outputs = rpn_outputs(feature, anchors_per_location, anchor_stride, channels)
    return keras.Model(feature, outputs, name="rpn_model")


def rpn_outputs(feature, anchors_per_location, anchor_stride=1, channels=512):
    """Build the layers of the RPN on a feature map [B, H, W, depth]; return its outputs, see build_rpn."""
    shared = layers.Conv2D(
        channels, 3, padding="same", activation="relu", strides=anchor_stride, name="rpn_conv_shared"
    )(feature)
    raw = layers.Conv2D(2 * anchors_per_location, 1, name="rpn_class_raw")(shared)
    logits = layers.Reshape((-1, 2), dtype="float32", name="rpn_class_logits")(raw)
    probabilities = layers.Softmax(dtype="float32", name="rpn_class_xxx")(logits)
    deltas = layers.Conv2D(4 * anchors_per_location, 1, name="rpn_bbox_pred")(shared)
    deltas = layers.Reshape((-1, 4), dtype="float32", name="rpn_bbox_deltas")(deltas)
    return [logits, probabilities, deltas]


def run_rpn(rpn, pyramid):
    """Apply the RPN to all levels: class logits, probabilities and deltas, each [B, A, ...], finest first."""
    names = ("rpn_class_logits", "rpn_class", "rpn_bbox")
    by_level = [rpn(level) for level in pyramid]
    return [
        layers.Concatenate(axis=1, dtype="float32", name=name)(list(outputs))
        for name, outputs in zip(names, zip(*by_level))
    ]


@keras.saving.register_keras_serializable("mrcnn")
class SampledRPN(layers.Layer):
    """Computes the RPN's outputs for some anchors, from the cells around them only.

    The losses use a few hundred anchors. If they were taken from the RPN's maps, their gradient would be that
    of convolutions over whole maps, nearly all of it zero; here it involves only the sampled anchors' cells.

    shapes: [levels, (height, width)], cells of the pyramid. anchor_stride: cells between anchors.
    Inputs: index [B, S] of anchors; an output of run_rpn, which identifies the RPN whose weights are used;
    the levels of the pyramid. The first call must be on symbolic tensors. The RPN stays the owner of the
    weights.
    Outputs: logits [B, S, (background, foreground)], deltas [B, S, (dy, dx, log dh, log dw)], float32.
    """

    def __init__(self, shapes, anchor_stride=1, **kwargs):
        super().__init__(**kwargs)
        self.rpn_layers = None  # found in the graph at the first call
        self.shapes = np.asarray(shapes).tolist()
        self.anchor_stride = anchor_stride
        self.patches = Constant(cell_patches(shapes, anchor_stride))

    def __call__(self, inputs, **kwargs):
        if self.rpn_layers is None:
            before = (operation_of(tensor) for tensor in upstream(inputs[1]))
            rpn = next(operation for operation in before if isinstance(operation, keras.Model))
            names = ("rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred")
            # Keep them in a function: Keras would track them as sublayers.
            self.rpn_layers = lambda: [rpn.get_layer(name) for name in names]
        return super().__call__(inputs, **kwargs)

    def call(self, inputs):
        index, _, *pyramid = inputs
        shared, to_logits, to_deltas = self.rpn_layers()
        ratios = to_deltas.filters // 4
        patches = self._patches(pyramid, index // ratios)
        kernel = ops.reshape(shared.kernel, (-1, shared.filters))
        hidden = ops.relu(ops.add(ops.matmul(patches, kernel), shared.bias))
        return tuple(
            self._of_ratio(layer, hidden, index % ratios, ratios) for layer in (to_logits, to_deltas)
        )

    def _patches(self, pyramid, cell):
        """Gather the cells under the kernel around each of ``cell`` [B, S]: [B, S, 9 * channels]."""
        channels = pyramid[0].shape[-1]
        maps = [ops.reshape(level, (-1, level.shape[1] * level.shape[2], channels)) for level in pyramid]
        maps.append(ops.zeros_like(maps[0][:, :1]))  # the cell outside every level
        table = ops.concatenate(maps, axis=1)
        near = ops.take(self.patches.tensor(), cell, axis=0)  # (B, S, 9)
        image = ops.cumsum(ops.ones_like(near), axis=0) - 1
        rows = take_rows(ops.reshape(table, (-1, channels)), near + image * table.shape[1])
        return ops.reshape(rows, (-1, cell.shape[1], near.shape[-1] * channels))

    def _of_ratio(self, layer, hidden, ratio, ratios):
        """Apply a 1x1 convolution for one anchor of each cell: hidden [B, S, channels], ratio [B, S]."""
        kernel = ops.reshape(layer.kernel, (-1, layer.filters))
        values = ops.cast(ops.add(ops.matmul(hidden, kernel), layer.bias), "float32")
        values = ops.reshape(values, (-1, ratio.shape[1], ratios, layer.filters // ratios))
        return pick(values, ratio[..., None, None], axis=2)

    def get_config(self):
        return {**super().get_config(), **attributes(self, "shapes", "anchor_stride")}

    def compute_output_spec(self, inputs):
        return tuple(keras.KerasTensor((*inputs[0].shape, size), dtype="float32") for size in (2, 4))


def cell_patches(shapes, stride, side=3):
    """List the cells under a kernel at each of its positions on all levels of a pyramid, with padding "same".

    shapes: [levels, (height, width)]. stride: cells between neighbouring positions. side: of the kernel.
    Returns [positions, side * side] int32: cell numbers, counted through all levels. Positions outside a
    level have the total number of cells.
    """
    found, start, outside = [], 0, int(np.prod(shapes, axis=1).sum())
    for height, width in np.asarray(shapes).tolist():
        rows, columns = (_under_kernel(size, stride, side) for size in (height, width))
        rows, columns = rows[:, None, :, None], columns[None, :, None, :]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        cells = np.where(inside, start + rows * width + columns, outside)
        found.append(cells.reshape(-1, side * side))
        start += height * width
    return np.concatenate(found).astype("int32")


def _under_kernel(size, stride, side):
    """List the cells along one axis under a kernel at each of its positions: [positions, side]."""
    positions = -(-size // stride)
    before = max((positions - 1) * stride + side - size, 0) // 2  # the other half of the padding comes after
    return np.arange(positions)[:, None] * stride - before + np.arange(side)


@keras.saving.register_keras_serializable("mrcnn")
class ProposalLayer(layers.Layer):
    """Selects proposals: refines the anchors with the highest scores and applies NMS.

    proposal_count: N. nms_threshold: IoU above which NMS suppresses a box. pre_nms_limit: number of anchors
    with the highest scores that enter NMS. std_dev: unit of the deltas.
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
        """Return the K candidates for NMS by decreasing score.

        inputs: as for the layer. Returns scores [B, K], anchors, refined boxes and clipped boxes, each
        [B, K, 4] normalised.
        """
        probabilities, deltas, anchors = (ops.stop_gradient(x) for x in inputs)
        scores, index = sort_by_score(probabilities[:, :, 1], self.pre_nms_limit)
        deltas = ops.take_along_axis(deltas, index[..., None], axis=1) * constant(self.std_dev)
        anchors = ops.take_along_axis(anchors, index[..., None], axis=1)
        boxes = box_ops.decode_deltas(anchors, deltas, box_ops.MAX_LOG_SIZE)
        return scores, anchors, boxes, box_ops.clip(boxes, constant([0.0, 0.0, 1.0, 1.0]))

    def suppress(self, boxes, scores):
        """Apply NMS to the candidates: index [B, N] of the proposals, and which entries are used [B, N]."""
        return nms(boxes, scores, self.proposal_count, self.nms_threshold)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.proposal_count, 4)

    def get_config(self):
        names = ("proposal_count", "nms_threshold", "pre_nms_limit", "std_dev")
        return {**super().get_config(), **attributes(self, *names)}
