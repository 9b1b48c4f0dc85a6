"""The five losses with matterport's names and arguments: see mrcnn.modeling.losses.

B: images, A: anchors, P: RPN_TRAIN_ANCHORS_PER_IMAGE, T: ROIs, C: classes.
"""

from keras import ops

from mrcnn.modeling import losses
from mrcnn.ops.matching import POSITIVE


def rpn_class_loss_graph(rpn_match, rpn_class_logits):
    """Compute rpn_class_loss. rpn_match: [B, A, 1]. rpn_class_logits: [B, A, (background, foreground)]."""
    return losses.rpn_class_loss(rpn_match[..., 0], rpn_class_logits)


def rpn_bbox_loss_graph(config, target_bbox, rpn_match, rpn_bbox):
    """Compute rpn_bbox_loss.

    config: has no effect. target_bbox: [B, P, 4], the deltas of each image's positive anchors in their order,
    zero-padded. rpn_match: [B, A, 1]. rpn_bbox: [B, A, 4].
    """
    match = rpn_match[..., 0]
    place = ops.cumsum(ops.cast(match == POSITIVE, "int32"), axis=1) - 1
    place = ops.clip(place, 0, ops.shape(target_bbox)[1] - 1)
    return losses.rpn_bbox_loss(match, ops.take_along_axis(target_bbox, place[..., None], axis=1), rpn_bbox)


def mrcnn_class_loss_graph(target_class_ids, pred_class_logits, active_class_ids):
    """Compute mrcnn_class_loss with the active classes of each image.

    target_class_ids: [B, T], zero-padded. pred_class_logits: [B, T, C]. active_class_ids: [B, C].
    """
    return losses.mrcnn_class_loss(ops.cast(target_class_ids, "int32"), pred_class_logits, active_class_ids)


def mrcnn_bbox_loss_graph(target_bbox, target_class_ids, pred_bbox):
    """Compute mrcnn_bbox_loss. target_bbox: [B, T, 4]. target_class_ids: [B, T]. pred_bbox: [B, T, C, 4]."""
    return losses.mrcnn_bbox_loss(ops.cast(target_class_ids, "int32"), target_bbox, pred_bbox)


def mrcnn_mask_loss_graph(target_masks, target_class_ids, pred_masks):
    """Compute mrcnn_mask_loss.

    target_masks: [B, T, height, width] of 0 and 1. target_class_ids: [B, T]. pred_masks: [B, T, height,
    width, C].
    """
    return losses.mrcnn_mask_loss(ops.cast(target_class_ids, "int32"), target_masks, pred_masks)
