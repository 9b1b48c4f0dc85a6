"""Draw the ROIs that would train the heads on an image, with their targets."""

import copy

import numpy as np
from keras import ops

from mrcnn.detection.molding import detection_mode
from mrcnn.drawing import draw_frame, random_colors
from mrcnn.evaluation.matches import compute_overlaps
from mrcnn.inspection.pages import GREY, draw_frames, panels, show_photograph
from mrcnn.modeling.network import head_target_settings
from mrcnn.modeling.targets import DetectionTargetLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.pipeline.loader import load_image_gt

SHOWN = 16  # targets of masks


def rois(trace, dataset, image_id):
    """Draw the sampled ROIs of an image and the targets of their boxes and masks; return a Figure.

    trace: an evaluation.stages.Trace of the image, whose proposals are sampled as in training. dataset: a
    prepared Dataset.
    """
    config = copy.copy(trace.model.config)
    config.IMAGE_RESIZE_MODE = detection_mode(config)
    _, _, class_ids, gt_boxes, gt_masks = load_image_gt(dataset, config, image_id)
    boxes, target_ids, targets, masks = _sampled(trace, config, class_ids, gt_boxes, gt_masks)
    positive = target_ids > 0
    count = len(trace.stages.proposals)
    title = f"{len(boxes)} ROIs sampled of {count} proposals: {positive.sum()} are positive"
    shown = min(SHOWN, int(positive.sum()))
    figure, axes = panels(2, 2, aspect=trace.image.shape[0] / trace.image.shape[1], title=title, strip=shown)
    colors = random_colors(max(1, len(gt_boxes)))
    owners = _owners(targets[positive], trace.to_image(_normalized(gt_boxes, trace)))
    show_photograph(axes[0], trace.image, "background grey, positive ROIs in their instance's colour")
    draw_frames(axes[0], boxes[~positive], GREY, alpha=0.5)
    show_photograph(axes[1], trace.image, "positive ROIs dashed, the targets of boxes solid, of masks below")
    for box, target, owner in zip(boxes[positive], targets[positive], owners):
        draw_frame(axes[0], box, colors[owner], alpha=0.8)
        draw_frame(axes[1], box, colors[owner], "dashed", 0.6)
        draw_frame(axes[1], target, colors[owner])
    for ax, mask, owner in zip(axes[2:], masks, owners):
        ax.imshow(mask, vmin=0, vmax=1, cmap="gray", aspect="auto")
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set(color=colors[owner], linewidth=3)
    return figure


def _sampled(trace, config, class_ids, gt_boxes, gt_masks):
    """Return what training samples: ROIs [R, 4], class ids [R], their targets [R, 4], mask targets [P, h, w].

    Boxes are pixels of the image.
    """
    layer = DetectionTargetLayer(**head_target_settings(config), seed=config.SEED + 1)
    # A row of padding, as in training: an image may have no instance.
    class_ids, gt_boxes = np.append(class_ids, 0), np.append(gt_boxes, np.zeros((1, 4)), axis=0)
    gt_masks = np.append(gt_masks, np.zeros_like(gt_masks, shape=(*gt_masks.shape[:2], 1)), axis=2)
    inputs = [trace.outputs["ROI"], class_ids[None], _normalized(gt_boxes, trace)[None], gt_masks[None]]
    boxes, ids, deltas, masks, sampled = (ops.convert_to_numpy(x)[0] for x in layer(inputs))
    targets = box_ops.decode_deltas(boxes, deltas * np.asarray(config.BBOX_STD_DEV, "float32"))
    return trace.to_image(boxes)[sampled], ids[sampled], trace.to_image(targets)[sampled], masks


def _normalized(boxes, trace):
    side = np.asarray(trace.molded.shape[:2], "float32")
    return ops.convert_to_numpy(box_ops.normalize(np.asarray(boxes, "float32").reshape(-1, 4), side))


def _owners(targets, gt_boxes):
    """Return the gt instance of each target box: [P]."""
    return compute_overlaps(targets, gt_boxes).argmax(axis=1) if len(targets) else np.zeros(0, int)
