"""Matching: assign a gt instance to each box and label the box positive, negative or neutral.

B: images, N: boxes (anchors or proposals) per image, G: gt instances per image, with padding.
"""

from keras import ops

POSITIVE, NEUTRAL, NEGATIVE = 1, 0, -1

# The arguments of ``match`` for anchors (Ren et al. 2015, section 3.1.2) and for proposals (Girshick 2015,
# section 2.3, with all the rest as background).
ANCHORS = {"positive_iou": 0.7, "negative_iou": 0.3, "best_is_positive": True}
PROPOSALS = {"positive_iou": 0.5, "negative_iou": 0.5}

# A box whose IoU with a crowd reaches this is not negative: a crowd contains unmarked instances.
CROWD_IOU = 0.001


def match(iou, is_instance, is_crowd, positive_iou, negative_iou, best_is_positive=False):
    """Label each box by its IoU with the gt instances of its image.

    iou: [B, N, G]. is_instance, is_crowd: [B, G] bool; where both are false, the entry is padding.
    positive_iou: boxes with at least this IoU are positive. negative_iou: boxes below this IoU that
    do not touch a crowd are negative. All other boxes are neutral.
    best_is_positive: the box with the highest IoU for each gt, or all boxes tied for it, is positive
    too, however low that IoU is, as long as it is above 0 (Ren et al. 2015, section 3.1.2).

    Returns (label [B, N] int32: POSITIVE, NEUTRAL or NEGATIVE; gt_index [B, N] int32: the instance
    with the highest IoU). In an image without instances or crowds every box is negative.
    """
    instance_iou = iou * ops.cast(is_instance, iou.dtype)[:, None, :]
    crowd_iou = iou * ops.cast(is_crowd, iou.dtype)[:, None, :]
    highest = ops.max(instance_iou, axis=2)
    gt_index = ops.cast(ops.argmax(instance_iou, axis=2), "int32")

    positive = highest >= positive_iou
    if best_is_positive:
        best_of_gt = ops.max(instance_iou, axis=1, keepdims=True)  # (B, 1, G)
        positive = positive | ops.any((instance_iou == best_of_gt) & (best_of_gt > 0), axis=2)
    negative = (highest < negative_iou) & (ops.max(crowd_iou, axis=2) < CROWD_IOU) & ~positive
    label = ops.where(positive, POSITIVE, ops.where(negative, NEGATIVE, NEUTRAL))
    return ops.cast(label, "int32"), gt_index
