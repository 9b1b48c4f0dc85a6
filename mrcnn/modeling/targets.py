"""Training targets for the RPN and the heads, computed in the graph from each image's gt.

B: images, A: anchors, G: gt instances (padded with class id 0), N: proposals, S: sampled anchors,
R: sampled ROIs, of which the first P are positive. Crowds have negative class ids: no box is matched
to them, and no box that touches them counts as background.
"""

import keras
import numpy as np
from keras import layers, ops

from mrcnn.backend import Constant, constant
from mrcnn.modeling.configs import attributes
from mrcnn.ops import boxes as box_ops
from mrcnn.ops.anchors import pyramid_anchors
from mrcnn.ops.matching import ANCHORS, NEGATIVE, POSITIVE, PROPOSALS, match
from mrcnn.ops.roi_align import crop_masks
from mrcnn.ops.sampling import by_turns, sample


class _Sampler(layers.Layer):
    """A float32 layer with its own random generator; the generator's state is saved with the weights."""

    def __init__(self, seed, generator_state=None, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        if generator_state is not None:
            self.seed_generator.state.assign(generator_state)

    def get_config(self):
        state = np.asarray(self.seed_generator.state).tolist()
        return {**super().get_config(), "seed": self.seed, "generator_state": state}

    def _noise_like(self, mask):
        return keras.random.uniform(ops.shape(mask), seed=self.seed_generator)


@keras.saving.register_keras_serializable("mrcnn")
class RPNTargets(_Sampler):
    """Samples the anchors of each image that train the RPN (Ren et al. 2015, section 3.1.2).

    anchors: [A, 4] pixels, or the arguments of ops.anchors.pyramid_anchors. count: largest number of sampled
    anchors; at most half of them are positive. std_dev: unit of the deltas.
    Inputs: gt_class_ids [B, G], gt_boxes [B, G, (y1, x1, y2, x2)] pixels.
    Outputs: index [B, S] of the sampled anchors; label [B, S]: POSITIVE, NEGATIVE, or NEUTRAL for unused
    entries; deltas [B, S, 4] divided by std_dev, zero unless positive. S is count // 2 + count.
    """

    def __init__(self, anchors, count=256, std_dev=(0.1, 0.1, 0.2, 0.2), seed=0, **kwargs):
        super().__init__(seed, **kwargs)
        self.anchors_config = anchors if isinstance(anchors, dict) else np.asarray(anchors).tolist()
        self.anchors = Constant(
            pyramid_anchors(**anchors) if isinstance(anchors, dict) else np.float32(anchors)
        )
        self.count = count
        self.std_dev = [float(value) for value in std_dev]

    def call(self, inputs):
        class_ids, gt_boxes = inputs
        label, gt_index = self.label_anchors(class_ids, gt_boxes)

        noise = self._noise_like(label)
        most_positive = self.count // 2
        positive_index, is_positive = sample(label == POSITIVE, noise, most_positive)
        negatives = self.count - ops.sum(ops.cast(is_positive, "int32"), axis=1)
        negative_index, is_negative = sample(label == NEGATIVE, noise, self.count, limit=negatives)

        index = ops.concatenate([positive_index, negative_index], axis=1)
        sampled_label = ops.concatenate(
            [ops.where(is_positive, POSITIVE, 0), ops.where(is_negative, NEGATIVE, 0)], axis=1
        )
        deltas = self._deltas(index, gt_index, gt_boxes)
        # The gt of other entries may be padding without area, whose deltas are infinite.
        return index, sampled_label, ops.where((sampled_label == POSITIVE)[..., None], deltas, 0.0)

    def label_anchors(self, class_ids, gt_boxes):
        """Label every anchor before sampling: label [B, A] and gt_index [B, A], as match returns them.

        class_ids: [B, G]. gt_boxes: [B, G, 4] pixels.
        """
        iou = box_ops.iou(self.anchors.tensor()[None], gt_boxes)
        return match(iou, class_ids > 0, class_ids < 0, **ANCHORS)

    def _deltas(self, index, gt_index, gt_boxes):
        anchors = ops.take(self.anchors.tensor(), index, axis=0)
        gt_of_sample = ops.take_along_axis(gt_index, index, axis=1)
        gt = ops.take_along_axis(gt_boxes, gt_of_sample[..., None], axis=1)
        return box_ops.encode_deltas(anchors, gt) / constant(self.std_dev)

    def compute_output_spec(self, inputs):
        batch, places = inputs[0].shape[0], self.count // 2 + self.count
        return (
            keras.KerasTensor((batch, places), dtype="int32"),
            keras.KerasTensor((batch, places), dtype="int32"),
            keras.KerasTensor((batch, places, 4), dtype="float32"),
        )

    def get_config(self):
        own = attributes(self, "anchors_config", "count", "std_dev")
        return {**super().get_config(), "anchors": own.pop("anchors_config"), **own}


@keras.saving.register_keras_serializable("mrcnn")
class DetectionTargetLayer(_Sampler):
    """Samples the ROIs of each image that train the heads (He et al. 2017, section 3.1).

    count: R. positive_ratio: intended share of positives; P = int(R * positive_ratio) is their maximum.
    mask_shape: (height, width) of mask targets. use_mini_mask: gt masks cover their box alone, not the whole
    image. mask_target: "corner" samples them from edge to edge of the ROI and rounds them; "aligned" averages
    them over the cells of the ROI, which needs image_shape, (height, width) in pixels. std_dev: unit of the
    deltas. by_instance: sample equally many positives from each instance as far as it has them, and add the
    gt boxes to the proposals so that each instance has at least one (Pang et al., "Libra R-CNN", 2019,
    section 3.1). False samples instances in proportion to their proposals, so a mostly hidden instance is
    rarely sampled. Inputs: proposals [B, N, 4], gt_class_ids [B, G], gt_boxes [B, G, 4] normalised like the
    proposals, gt_masks [B, height, width, G], bool or numbers from 0 to 1. Outputs: rois [B, R, 4]; class_ids
    [B, R], 0 for background; deltas [B, R, 4] divided by std_dev; masks [B, P, *mask_shape] from 0 to 1;
    sampled [B, R] bool, false for unused entries (all zeros).
    """

    def __init__(
        self,
        count,
        positive_ratio,
        mask_shape,
        use_mini_mask=True,
        std_dev=(0.1, 0.1, 0.2, 0.2),
        seed=0,
        by_instance=False,
        mask_target="corner",
        image_shape=None,
        **kwargs,
    ):
        super().__init__(seed, **kwargs)
        if mask_target == "aligned" and image_shape is None:
            raise ValueError(
                'mask_target "aligned" needs image_shape, the (height, width) of images in pixels.'
            )
        self.mask_target = mask_target
        self.image_shape = None if image_shape is None else tuple(int(side) for side in image_shape)
        self.by_instance = by_instance
        self.count = count
        self.positive_ratio = positive_ratio
        self.positive_count = int(count * positive_ratio)
        self.mask_shape = tuple(mask_shape)
        self.use_mini_mask = use_mini_mask
        self.std_dev = [float(value) for value in std_dev]

    def call(self, inputs):
        proposals, class_ids, gt_boxes, gt_masks = inputs
        proposals = ops.stop_gradient(proposals)
        if self.by_instance:
            own = gt_boxes * ops.cast(class_ids > 0, gt_boxes.dtype)[..., None]
            proposals = ops.concatenate([own, proposals], axis=1)
        iou = box_ops.iou(proposals, gt_boxes)
        label, gt_index = match(iou, class_ids > 0, class_ids < 0, **PROPOSALS)
        label = ops.where(box_ops.area(proposals) > 0, label, 0)  # padding is not background
        index, is_positive, is_negative = self._sample(label, gt_index)

        sampled = ops.concatenate([is_positive, is_negative], axis=1)
        rois = _rows(proposals, index) * ops.cast(sampled, "float32")[..., None]
        gt_index = ops.take_along_axis(gt_index, index, axis=1)
        positive = ops.pad(is_positive, [[0, 0], [0, self.count - self.positive_count]])
        roi_class_ids = ops.where(positive, ops.take_along_axis(class_ids, gt_index, axis=1), 0)
        gt_of_roi = _rows(gt_boxes, gt_index)
        deltas = box_ops.encode_deltas(rois, gt_of_roi) / constant(self.std_dev)
        deltas = ops.where(positive[..., None], deltas, 0.0)
        masks = self._masks(rois, gt_of_roi, gt_index, gt_masks, is_positive)
        return rois, ops.cast(roi_class_ids, "int32"), deltas, masks, sampled

    def _sample(self, label, gt_index):
        """Return index [B, R], positives first, and which positive and which negative entries are used."""
        noise = self._noise_like(label)
        positive = label == POSITIVE
        priority = by_turns(noise, positive, gt_index) if self.by_instance else noise
        positive_index, is_positive = sample(positive, priority, self.positive_count)
        positives = ops.sum(ops.cast(is_positive, "int32"), axis=1)
        # The number of negatives keeps the ratio; without positives, all sampled ROIs are background.
        kept_ratio = ops.cast(ops.cast(positives, "float32") / self.positive_ratio, "int32") - positives
        limit = ops.where(positives > 0, kept_ratio, self.count)
        negative_index, is_negative = sample(
            label == NEGATIVE, noise, self.count - self.positive_count, limit=limit
        )
        return ops.concatenate([positive_index, negative_index], axis=1), is_positive, is_negative

    def _masks(self, rois, gt_boxes, gt_index, gt_masks, is_positive):
        """Crop the gt masks of the positive ROIs to the ROIs."""
        rois, gt_boxes, gt_index = (x[:, : self.positive_count] for x in (rois, gt_boxes, gt_index))
        aligned = self.mask_target == "aligned"
        if aligned:
            rois, gt_boxes = self._edges(rois), self._edges(gt_boxes)
        if self.use_mini_mask:
            rois = _relative_to(rois, gt_boxes)
        by_instance = ops.transpose(ops.cast(gt_masks, "float32"), (0, 3, 1, 2))
        masks = crop_masks(by_instance, gt_index, rois, self.mask_shape, self.mask_target)
        masks = masks if aligned else ops.round(masks)
        return ops.where(is_positive[:, :, None, None], masks, 0.0)

    def _edges(self, boxes):
        """Convert normalised boxes, which end at the last pixel's centre, to shares of the image's sides."""
        height, width = self.image_shape
        pixels = box_ops.to_pixels(boxes, self.image_shape)
        return pixels / constant([height, width, height, width])

    def compute_output_spec(self, inputs):
        batch = inputs[0].shape[0]
        return (
            keras.KerasTensor((batch, self.count, 4), dtype="float32"),
            keras.KerasTensor((batch, self.count), dtype="int32"),
            keras.KerasTensor((batch, self.count, 4), dtype="float32"),
            keras.KerasTensor((batch, self.positive_count, *self.mask_shape), dtype="float32"),
            keras.KerasTensor((batch, self.count), dtype="bool"),
        )

    def get_config(self):
        names = (
            "count", "positive_ratio", "mask_shape", "use_mini_mask", "std_dev", "by_instance", "mask_target",
            "image_shape",
        )  # fmt: skip
        return {**super().get_config(), **attributes(self, *names)}


def _rows(values, index):
    return ops.take_along_axis(values, index[..., None], axis=1)


def _relative_to(boxes, frames):
    """Express boxes in the frames of other boxes: a frame itself becomes (0, 0, 1, 1)."""
    origin = ops.concatenate([frames[..., :2], frames[..., :2]], axis=-1)
    size = frames[..., 2:] - frames[..., :2]
    size = ops.where(size > 0, size, 1.0)  # unused entries have size 0
    return (boxes - origin) / ops.concatenate([size, size], axis=-1)
