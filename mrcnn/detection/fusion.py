"""Fuse what the network finds in several views of a photograph: weighted boxes fusion, for masks too.

Solovyev et al., "Weighted boxes fusion" (2021). Detections that agree become one: boxes and masks are means
by score. The score is their mean, of which half is lost in proportion to the views that show the object and
miss it.
"""

import numpy as np

from mrcnn.detection.molding import normalized_edges, unmold
from mrcnn.detection.views import back
from mrcnn.pipeline.masks import move_mask

AGREE = 0.6  # IoU of two boxes from which they are of one object; chosen on rendered heaps


def found_in(seen, rule, config, least=None):
    """Return the Detections of a photograph from what the network found in each view, the plain one first.

    seen: (view, Fitted, detections, masks) of each view, see views and molding.unmold. rule: the MaskRule of
    the weights or None. config: of the network. least: see Augmenting. A single view is taken as it is.
    """
    _, plain, detections, masks = seen[0]
    if len(seen) > 1:
        views = [back(*one, plain, rule) for one in seen]
        least = config.DETECTION_MIN_CONFIDENCE if least is None else least
        detections, masks = fuse(views, plain.image.shape, least, config.DETECTION_MAX_INSTANCES, rule)
    return unmold(detections, masks, plain.original_shape, plain.image.shape, plain.window, rule)


def fuse(seen, image_shape, least, limit, rule):
    """Return detections [N, 6] and masks [N, h, w] of the plain view, as the network's, see molding.unmold.

    seen: the Seen of each view. image_shape: of the molded image. least: the smallest score. limit: of
    detections. rule: the MaskRule of the weights or None.
    """
    fused = [_fused(seen, group, rule) for group in _groups(seen)]
    fused = sorted((one for one in fused if one[2] >= least), key=lambda one: -one[2])[:limit]
    if not fused:
        return np.zeros((0, 6), np.float32), seen[0].masks[:0]
    boxes, class_ids, scores, masks = (np.array(column) for column in zip(*fused))
    return np.column_stack([normalized_edges(boxes, image_shape), class_ids, scores]), masks


def _groups(seen):
    """Yield lists of (view, index) of detections that agree with the best of them, at most one of each view.

    A view's own detections are of different objects: the network's NMS has seen them. Of those of another
    view that agree, the one with the highest score is taken, and not the nearest: soft NMS leaves weak copies
    of an object, and one of them may be nearer.
    """
    boxes = np.concatenate([one.boxes for one in seen])
    class_ids, scores = (
        np.concatenate([getattr(one, name) for one in seen]) for name in ("class_ids", "scores")
    )
    origin = [(view, index) for view, one in enumerate(seen) for index in range(len(one.scores))]
    views = np.array([view for view, _ in origin], int)
    free = np.ones(len(origin), bool)
    for best in np.argsort(-scores, kind="stable"):
        if not free[best]:
            continue
        agree = np.where(free & (class_ids == class_ids[best]), _ious(boxes[best], boxes), 0)
        agree[views == views[best]] = 0
        group = [best]
        for view in range(len(seen)):
            own = np.flatnonzero((views == view) & (agree >= AGREE))
            if len(own):
                group.append(own[scores[own].argmax()])
        free[group] = False
        yield [origin[index] for index in group]


def _ious(box, boxes):
    """Return the IoU of a box with each of ``boxes`` [N, 4]; all have an area."""
    common = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    common = np.maximum(common, 0).prod(axis=1)
    return common / ((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - common)


def _fused(seen, group, rule):
    """Return the box, class id, score and mask of detections that agree."""
    members = [(seen[view], index) for view, index in group]
    scores = np.array([one.scores[index] for one, index in members], float)
    weights = np.maximum(scores, 1e-9)  # which may all be 0
    shares = weights / weights.sum()
    box = sum(share * one.boxes[index] for share, (one, index) in zip(shares, members))
    first = None if rule is None else rule.first_sample(box[2:] - box[:2])
    moved = (
        move_mask(one.masks[index], one.boxes[index], box, one.firsts[index], first) for one, index in members
    )
    mask = sum(share * one for share, one in zip(shares, moved))
    views = max(sum(one.shows(box) for one in seen), len(group))
    score = scores.mean() * (1 + len(group) / views) / 2
    return box, members[0][0].class_ids[members[0][1]], score, mask
