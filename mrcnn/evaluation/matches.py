"""Match the predictions of one image with its gt, and compute matterport's AP of one image.

Masks are [H, W, N] bool, boxes [N, (y1, x1, y2, x2)] pixels.
"""

import numpy as np
from keras import ops

from mrcnn.ops import boxes as box_ops

_PIXELS_AT_ONCE = 1 << 16  # bounds the memory for overlaps of masks


def compute_iou(box, boxes, box_area=None, boxes_area=None):
    """Compute the IoU of one box [4] with boxes [N, 4]: [N]. The given areas have no effect."""
    return compute_overlaps(np.asarray(box)[None], boxes)[0]


def compute_overlaps(boxes1, boxes2):
    """Compute the IoU of boxes [N, 4] with boxes [M, 4]: [N, M] float32."""
    return ops.convert_to_numpy(box_ops.iou(np.asarray(boxes1, "float32"), np.asarray(boxes2, "float32")))


def compute_overlaps_masks(masks1, masks2):
    """Compute the IoU of masks [H, W, N] with masks [H, W, M]: [N, M] float32, 0 if both are empty."""
    flat1, flat2 = (
        np.reshape(masks, (np.prod(masks.shape[:2]), masks.shape[2])) for masks in (masks1, masks2)
    )
    intersection = np.zeros((flat1.shape[1], flat2.shape[1]))
    area1, area2 = np.zeros(flat1.shape[1]), np.zeros(flat2.shape[1])
    for start in range(0, len(flat1), _PIXELS_AT_ONCE):
        part1, part2 = (
            (flat[start : start + _PIXELS_AT_ONCE] > 0.5).astype(np.float32) for flat in (flat1, flat2)
        )
        intersection += part1.T @ part2
        area1 += part1.sum(axis=0)
        area2 += part2.sum(axis=0)
    union = area1[:, None] + area2[None, :] - intersection
    return (intersection / np.maximum(union, 1)).astype(np.float32)


def trim_zeros(x):
    """Remove the rows of zeros from an array [N, ...]."""
    return x[_rows_in_use(x)]


def _rows_in_use(x):
    """Return the indices of the rows that are not all zero, as padding is."""
    return np.flatnonzero(np.any(x != 0, axis=tuple(range(1, x.ndim))))


def compute_matches(
    gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks,
    iou_threshold=0.5, score_threshold=0.0,
):  # fmt: skip
    """Match the predictions of an image with its gt, in order of decreasing score.

    A prediction takes the unmatched gt of its class with the highest mask IoU, which must reach both
    iou_threshold and score_threshold: despite its name, the latter is a bound on the IoU too. Boxes of zeros
    are padding.
    Returns gt_match [gt], the index of its prediction or -1; pred_match [predictions], the index of its gt or
    -1 (predictions by decreasing score); overlaps [predictions, gt].
    """
    gt, pred = _rows_in_use(gt_boxes), _rows_in_use(pred_boxes)
    pred = pred[np.argsort(pred_scores[pred], kind="stable")[::-1]]
    gt_class_ids, pred_class_ids = gt_class_ids[gt], pred_class_ids[pred]

    overlaps = compute_overlaps_masks(pred_masks[..., pred], gt_masks[..., gt])
    pred_match = np.full(len(pred), -1.0)
    gt_match = np.full(len(gt), -1.0)
    for i in range(len(pred)):
        for j in np.argsort(overlaps[i])[::-1]:
            if overlaps[i, j] < max(iou_threshold, score_threshold):
                break
            if gt_match[j] < 0 and pred_class_ids[i] == gt_class_ids[j]:
                gt_match[j], pred_match[i] = i, j
                break
    return gt_match, pred_match, overlaps


def compute_ap(
    gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks, iou_threshold=0.5
):  # fmt: skip
    """Compute average precision of one image at one IoU threshold (VOC 2010: area under the monotone curve).

    Returns mAP (0 without gt), precisions, recalls, overlaps.
    """
    gt_match, pred_match, overlaps = compute_matches(
        gt_boxes, gt_class_ids, gt_masks, pred_boxes, pred_class_ids, pred_scores, pred_masks, iou_threshold
    )
    hits = np.cumsum(pred_match > -1)
    precisions = np.concatenate([[0], hits / (np.arange(len(pred_match)) + 1), [0]])
    recalls = np.concatenate([[0], hits.astype(np.float32) / max(len(gt_match), 1), [1]])
    # Make precision fall monotonically as recall grows.
    precisions = np.maximum.accumulate(precisions[::-1])[::-1]
    steps = np.flatnonzero(recalls[:-1] != recalls[1:]) + 1
    mean_ap = np.sum((recalls[steps] - recalls[steps - 1]) * precisions[steps])
    return mean_ap, precisions, recalls, overlaps


def compute_ap_range(
    gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask,
    iou_thresholds=None, verbose=1,
):  # fmt: skip
    """Return the mean of compute_ap over IoU thresholds; None uses 0.5 to 0.95 in steps of 0.05."""
    iou_thresholds = np.arange(0.5, 1.0, 0.05) if iou_thresholds is None else iou_thresholds
    values = []
    for threshold in iou_thresholds:
        value = compute_ap(
            gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask, threshold
        )[0]
        values.append(value)
        if verbose:
            print(f"AP @{threshold:.2f}:\t {value:.3f}")
    mean = np.mean(values)
    if verbose:
        print(f"AP @{iou_thresholds[0]:.2f}-{iou_thresholds[-1]:.2f}:\t {mean:.3f}")
    return mean


def compute_recall(pred_boxes, gt_boxes, iou):
    """Compute the share of gt boxes that some predicted box matches at the given IoU.

    Returns recall (0 without gt) and the indices of the predictions that match a gt box.
    """
    overlaps = compute_overlaps(pred_boxes, gt_boxes)
    if not overlaps.size:
        return 0.0, np.zeros(0, np.intp)
    best_iou, best_gt = overlaps.max(axis=1), overlaps.argmax(axis=1)
    positive = np.flatnonzero(best_iou >= iou)
    return len(set(best_gt[positive])) / len(gt_boxes), positive
