"""The parts of the network under matterport's names and with matterport's arguments.

Programs build their own networks with them. B: images, N: ROIs, C: classes, T: ROIs that train the heads.
"""

import keras
from keras import ops

from mrcnn import image_meta as meta_ops
from mrcnn.modeling import detections, rpn, targets
from mrcnn.modeling.network import detection_settings, head_target_settings
from mrcnn.modeling.resnet import bottleneck, build_resnet
from mrcnn.modeling.roi_heads import PyramidROIAlign, build_box_head, build_mask_head


def resnet_graph(input_image, architecture, stage5=False, train_bn=True):
    """Build the feature maps [C1, C2, C3, C4, C5] of an image; C5 is None without stage5.

    architecture: "resnet50" or "resnet101". train_bn: see BatchNorm.
    """
    maps = build_resnet(input_image, architecture, train_bn)
    return maps if stage5 else [*maps[:4], None]


def identity_block(input_tensor, kernel_size, filters, stage, block, use_bias=True, train_bn=True):
    """Build a block of a ResNet whose shortcut is the input itself.

    kernel_size: of the middle convolution. filters: channels of the three convolutions; the last is that of
    the input. stage, block: as in 2 and "b", for the names of layers. train_bn: see BatchNorm.
    """
    return bottleneck(
        input_tensor,
        filters,
        f"{stage}{block}",
        train_bn=train_bn,
        kernel_size=kernel_size,
        use_bias=use_bias,
    )


def conv_block(
    input_tensor, kernel_size, filters, stage, block, strides=(2, 2), use_bias=True, train_bn=True
):  # fmt: skip
    """Build a block of a ResNet with a convolution as shortcut; arguments as in identity_block.

    strides: of the first convolution and the shortcut.
    """
    return bottleneck(
        input_tensor, filters, f"{stage}{block}", strides, project=True, train_bn=train_bn,
        kernel_size=kernel_size, use_bias=use_bias,
    )  # fmt: skip


def rpn_graph(feature_map, anchors_per_location, anchor_stride):
    """Build the RPN on one feature map: logits, probabilities and deltas, see rpn.build_rpn."""
    return rpn.rpn_outputs(feature_map, anchors_per_location, anchor_stride)


def build_rpn_model(anchor_stride, anchors_per_location, depth):
    """Build the region proposal network as a model, see mrcnn.modeling.rpn.build_rpn."""
    return rpn.build_rpn(depth, anchors_per_location, anchor_stride)


def fpn_classifier_graph(
    rois, feature_maps, image_meta, pool_size, num_classes, train_bn=True, fc_layers_size=1024
):
    """Build logits [B, N, C], probabilities [B, N, C] and deltas [B, N, C, 4] of ROIs.

    rois: [B, N, (y1, x1, y2, x2)] normalised. feature_maps: [P2, P3, P4, P5].
    """
    align = PyramidROIAlign([pool_size, pool_size], name="roi_align_classifier")
    return build_box_head(align([rois, image_meta, *feature_maps]), num_classes, fc_layers_size, train_bn)


def build_fpn_mask_graph(rois, feature_maps, image_meta, pool_size, num_classes, train_bn=True):
    """Build masks [B, N, 2 * pool_size, 2 * pool_size, C] of ROIs; arguments as in fpn_classifier_graph."""
    align = PyramidROIAlign([pool_size, pool_size], name="roi_align_mask")
    return build_mask_head(align([rois, image_meta, *feature_maps]), num_classes, train_bn=train_bn)


def parse_image_meta_graph(meta):
    """Rows of image meta [B, M] as a dict of tensors: see mrcnn.image_meta."""
    return meta_ops.parse(meta)


@keras.saving.register_keras_serializable("mrcnn.matterport")
class ProposalLayer(rpn.ProposalLayer):
    """An rpn.ProposalLayer that takes its other settings from a Config, if one is given."""

    def __init__(self, proposal_count, nms_threshold, config=None, **kwargs):
        if config is not None:
            kwargs = {"pre_nms_limit": config.PRE_NMS_LIMIT, "std_dev": config.RPN_BBOX_STD_DEV, **kwargs}
        super().__init__(proposal_count, nms_threshold, **kwargs)


@keras.saving.register_keras_serializable("mrcnn.matterport")
class DetectionLayer(detections.DetectionLayer):
    """detections.DetectionLayer with the settings of a Config; without one they are arguments."""

    def __init__(self, config=None, **kwargs):
        settings = {} if config is None else detection_settings(config)
        super().__init__(**{**settings, **kwargs})


@keras.saving.register_keras_serializable("mrcnn.matterport")
class DetectionTargetLayer(targets.DetectionTargetLayer):
    """A targets.DetectionTargetLayer with the settings of a Config and matterport's four outputs.

    rois [B, T, 4], class_ids [B, T], deltas [B, T, 4], masks [B, T, *MASK_SHAPE], zero-padded.
    Without a Config the settings are arguments.
    """

    def __init__(self, config=None, **kwargs):
        settings = {} if config is None else {"seed": config.SEED, **head_target_settings(config)}
        super().__init__(**{**settings, **kwargs})

    def call(self, inputs):
        rois, class_ids, deltas, masks, _ = super().call(inputs)
        missing = self.count - self.positive_count
        return rois, class_ids, deltas, ops.pad(masks, [(0, 0), (0, missing), (0, 0), (0, 0)])

    def compute_output_spec(self, inputs):
        rois, class_ids, deltas, masks, _ = super().compute_output_spec(inputs)
        all_masks = keras.KerasTensor((masks.shape[0], self.count, *self.mask_shape), dtype=masks.dtype)
        return rois, class_ids, deltas, all_masks
