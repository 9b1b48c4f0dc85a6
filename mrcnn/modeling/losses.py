"""The five losses of Mask R-CNN (He et al. 2017, section 3), under matterport's names.

To add a loss, write a function and its Loss in a new file; mrcnn.modeling.network lists all of them.

B: images, S: sampled anchors, R: sampled ROIs, P: ROIs with a mask target, C: classes.
Each loss is one number for the whole batch; a batch without samples gives 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import ops

from mrcnn.backend import sum_of_mean_squares
from mrcnn.ops import boxes as box_ops
from mrcnn.ops.gathering import pick
from mrcnn.ops.matching import NEUTRAL, POSITIVE


@dataclass(frozen=True)
class Loss:
    """One of the losses whose weighted sum training minimises.

    function: takes tensors and returns a number. Its name ends in "_loss" and is the loss's name in
    LOSS_WEIGHTS, logs and metrics.csv. label: its name in the line of an epoch. title: its name in
    curves.png.
    Raises ValueError for a function with another name.
    """

    function: Callable
    label: str
    title: str

    def __post_init__(self):
        if not self.name.endswith("_loss"):  # LOSS_WEIGHTS knows losses by this ending
            raise ValueError(f'The name of a loss\'s function must end in "_loss", got {self.name!r}.')
        # A saved model finds the function by its name.
        keras.saving.register_keras_serializable("mrcnn")(self.function)

    @property
    def name(self):
        """The loss's name."""
        return self.function.__name__

    def __call__(self, *tensors, **settings):
        """Apply the loss to symbolic tensors, as a layer that has its name. settings: of the function."""
        return LossLayer(self.function, settings, name=self.name)(list(tensors))


def smooth_l1(target, prediction, beta=1.0):
    """Compute 0.5 d^2 / beta where |d| < beta and |d| - 0.5 beta elsewhere, by element.

    Girshick, "Fast R-CNN" (2015), equation 3, has beta 1.
    """
    distance = ops.abs(ops.subtract(target, prediction))
    return ops.where(distance < beta, (0.5 / beta) * ops.square(distance), distance - 0.5 * beta)


def giou(target, prediction):
    """Compute the generalised IoU of boxes that are given as deltas of the same box.

    It is IoU - (hull - union) / hull, where the hull is the smallest box around both (Rezatofighi et al.,
    "Generalized Intersection over Union", 2019). Deltas place a box in units of its reference, and ratios of
    areas do not depend on units, so the reference itself is not needed.

    target, prediction: [..., (dy, dx, log dh, log dw)], not divided by a unit. Returns [...] from -1 to 1.
    """
    unit = ops.convert_to_tensor([[0.0, 0.0, 1.0, 1.0]], "float32")
    y1, x1, y2, x2 = box_ops.coordinates(box_ops.decode_deltas(unit, target, box_ops.MAX_LOG_SIZE))
    v1, u1, v2, u2 = box_ops.coordinates(box_ops.decode_deltas(unit, prediction, box_ops.MAX_LOG_SIZE))
    height = ops.maximum(ops.minimum(y2, v2) - ops.maximum(y1, v1), 0.0)
    width = ops.maximum(ops.minimum(x2, u2) - ops.maximum(x1, u1), 0.0)
    common = height * width
    union = (y2 - y1) * (x2 - x1) + (v2 - v1) * (u2 - u1) - common
    hull = (ops.maximum(y2, v2) - ops.minimum(y1, v1)) * (ops.maximum(x2, u2) - ops.minimum(x1, u1))
    return common / union - (hull - union) / hull


def box_distance(target, prediction, kind="smooth_l1", beta=1.0, std_dev=(1.0, 1.0, 1.0, 1.0)):
    """Compute how far predicted deltas are from their targets: [...] for [..., 4].

    target, prediction: [..., (dy, dx, log dh, log dw)] in units of std_dev. kind: "smooth_l1" and "l1", mean
    over the four deltas, or "giou", 1 - the generalised IoU of the boxes. beta: of smooth_l1.
    """
    if kind == "giou":
        unit = ops.convert_to_tensor(std_dev, "float32")
        return 1.0 - giou(ops.multiply(target, unit), ops.multiply(prediction, unit))
    distance = (
        ops.abs(ops.subtract(target, prediction)) if kind == "l1" else smooth_l1(target, prediction, beta)
    )
    return ops.mean(distance, axis=-1)


def rpn_class_loss(match, logits):
    """Cross-entropy of foreground and background, mean over the anchors that are not neutral.

    match: [B, S] of POSITIVE, NEUTRAL, NEGATIVE. logits: [B, S, (background, foreground)].
    """
    foreground = ops.cast(match == POSITIVE, "int32")
    loss = ops.sparse_categorical_crossentropy(foreground, logits, from_logits=True)
    return _mean_where(loss, match != NEUTRAL)


def rpn_bbox_loss(match, target, prediction, **settings):
    """Distance of the deltas, mean over the positive anchors.

    match: [B, S]. target, prediction: [B, S, (dy, dx, log dh, log dw)]. settings: of box_distance.
    """
    return _mean_where(box_distance(target, prediction, **settings), match == POSITIVE)


def mrcnn_class_loss(target_class_ids, logits, active_class_ids, sampled=None):
    """Cross-entropy of the ROIs' classes, mean over ROIs whose predicted class is active in their image.

    target_class_ids: [B, R] int. logits: [B, R, C]. active_class_ids: [B, C], 1 for the classes that
    the image's data set marks. sampled: [B, R] bool, false for unused entries; None: all are used.
    """
    loss = ops.sparse_categorical_crossentropy(target_class_ids, logits, from_logits=True)
    predicted = ops.argmax(logits, axis=2)
    active = ops.take_along_axis(ops.cast(active_class_ids, "float32"), predicted, axis=1) > 0
    return _mean_where(loss, active if sampled is None else active & sampled)


def mrcnn_bbox_loss(target_class_ids, target, prediction, **settings):
    """Distance of the true class's deltas, mean over positive ROIs.

    target_class_ids: [B, R]. target: [B, R, (dy, dx, log dh, log dw)]. prediction: [B, R, C, 4]. settings: of
    box_distance.
    """
    prediction = pick(prediction, target_class_ids[:, :, None, None], axis=2)
    return _mean_where(box_distance(target, prediction, **settings), target_class_ids > 0)


def mrcnn_mask_loss(target_class_ids, target, prediction):
    """Binary cross-entropy of the true class's mask, mean over the pixels of positive ROIs.

    target_class_ids: [B, P]. target: [B, P, height, width] from 0 to 1.
    prediction: [B, P, height, width, C] probabilities.
    """
    class_index = ops.maximum(target_class_ids, 0)[:, :, None, None, None]
    prediction = pick(prediction, class_index, axis=4)
    loss = ops.binary_crossentropy(ops.cast(target, prediction.dtype), prediction)
    return _mean_where(ops.mean(loss, axis=(2, 3)), target_class_ids > 0)


def l2_penalty(weights, decay):
    """Compute matterport's weight decay: decay * sum(w^2) / size(w) over all weights but gamma and beta."""
    penalised = [w for w in weights if w.path.rsplit("/", 1)[-1] not in ("gamma", "beta")]
    return decay * sum_of_mean_squares(penalised)


def _mean_where(values, mask):
    mask = ops.cast(mask, values.dtype)
    return ops.sum(values * mask) / ops.maximum(ops.sum(mask), 1.0)


@keras.saving.register_keras_serializable("mrcnn")
class LossLayer(keras.layers.Layer):
    """A loss as a layer, so that it has a name in the graph. Always float32.

    function: takes the layer's inputs one by one and returns a number. settings: its further arguments.
    """

    def __init__(self, function, settings=None, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.function = function
        self.settings = dict(settings or {})

    def call(self, inputs):
        return self.function(*inputs, **self.settings)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((), dtype="float32")

    def get_config(self):
        function = keras.saving.serialize_keras_object(self.function)
        return {**super().get_config(), "function": function, "settings": self.settings}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "function": keras.saving.deserialize_keras_object(config["function"])})


LOSSES = (
    Loss(rpn_class_loss, "rpn class", "RPN: object or not"),
    Loss(rpn_bbox_loss, "rpn box", "RPN: boxes"),
    Loss(mrcnn_class_loss, "class", "heads: classes"),
    Loss(mrcnn_bbox_loss, "box", "heads: boxes"),
    Loss(mrcnn_mask_loss, "mask", "heads: masks"),
)
