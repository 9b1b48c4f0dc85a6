"""Which gt each box belongs to, and whether it is positive, negative or neutral.

B: images, N: boxes (anchors or proposals), G: gt instances, padded.
"""

from keras import ops

POSITIVE, NEUTRAL, NEGATIVE = 1, 0, -1

# A box that touches a crowd by more than this is no negative: the crowd holds unmarked instances.
CROWD_IOU = 0.001


def match(iou, is_instance, is_crowd, positive_iou, negative_iou, best_is_positive=False):
    """Label each box by its IoU with the gt instances of its image.

    iou: [B, N, G]. is_instance, is_crowd: [B, G] bool; both false marks padding.
    positive_iou: boxes at or above it are positive. negative_iou: boxes below it, that do not touch
    a crowd, are negative; the others are neutral.
    best_is_positive: the box (or the tied boxes) of the highest IoU of each gt is positive too,
    however low that IoU is, as long as they touch (Ren et al. 2015, section 3.1.2).

    Returns (label [B, N] int32 of POSITIVE, NEUTRAL, NEGATIVE; gt_index [B, N] int32 of the instance
    of highest IoU). Without instances every box is negative.
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
