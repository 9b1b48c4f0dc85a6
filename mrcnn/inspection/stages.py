"""Draw the stages of the network for one image: what matterport's notebook inspect_model showed.

Each function takes an evaluation.stages.Trace of the image and returns a Matplotlib Figure.
A: anchors, N: ROIs, G: gt instances, C: classes.
"""

import difflib

import keras
import numpy as np
from keras import ops

from mrcnn.drawing import apply_mask, draw_frame, random_colors
from mrcnn.evaluation.matches import compute_overlaps
from mrcnn.inspection.pages import GREY, draw_frames, panels, show_photograph
from mrcnn.modeling.anchors import anchor_grid, backbone_shapes
from mrcnn.ops.anchors import pyramid_anchors
from mrcnn.ops.matching import ANCHORS, NEGATIVE, POSITIVE, match

SHOWN = 60  # boxes that a panel of proposals shows
MASKS = 32  # masks that are drawn
MAPS = 8  # channels of a layer that are shown


def anchors(trace, gt_boxes=None):
    """Draw the anchors of the cell in the middle of each pyramid level, and those that match the gt.

    gt_boxes: [G, 4] pixels of the image; None leaves the second panel out. Anchors are positive from an IoU
    of 0.7 up, or if no other has a higher IoU with the instance; below 0.3 they are background.
    """
    config, shape = trace.model.config, trace.molded.shape
    levels = _by_level(trace)
    count = 1 if gt_boxes is None else 2
    figure, axes = panels(count, count, aspect=_aspect(trace), title=f"{trace.anchors.shape[1]:,} anchors")
    cells = backbone_shapes(config, shape)
    show_photograph(axes[0], trace.image, "of the middle cell of each level")
    per_cell = len(config.RPN_ANCHOR_RATIOS)
    stride = config.RPN_ANCHOR_STRIDE
    for boxes, (height, width), color in zip(levels, cells, random_colors(len(levels))):
        rows, columns = -(-height // stride), -(-width // stride)
        first = (rows // 2 * columns + columns // 2) * per_cell
        draw_frames(axes[0], boxes[first : first + per_cell], color)
    if gt_boxes is not None:
        _draw_matches(axes[1], trace, np.concatenate(levels), np.asarray(gt_boxes, float).reshape(-1, 4))
    return figure


def _by_level(trace):
    """Return the anchors of each pyramid level in pixels of the image, a list of [A, 4]."""
    grid = anchor_grid(trace.model.config, trace.molded.shape)
    boxes = trace.to_image(trace.anchors[0])
    levels = zip(grid["scales"], grid["feature_shapes"], grid["feature_strides"])
    names = ("scales", "feature_shapes", "feature_strides")
    counts = [len(pyramid_anchors(**{**grid, **dict(zip(names, ([x] for x in one)))})) for one in levels]
    return np.split(boxes, np.cumsum(counts)[:-1])


def _draw_matches(ax, trace, boxes, gt_boxes):
    padded = np.append(gt_boxes, np.zeros((1, 4)), axis=0)  # there may be no instance
    overlaps = compute_overlaps(boxes, padded)[None]
    known = np.arange(len(padded))[None] < len(gt_boxes)
    given = (ops.convert_to_tensor(x) for x in (overlaps, known, np.zeros_like(known)))
    label, owner = (ops.convert_to_numpy(x)[0] for x in match(*given, **ANCHORS))
    numbers = [(label == POSITIVE).sum(), (label == NEGATIVE).sum()]
    neutral = len(label) - sum(numbers)
    title = f"{numbers[0]:,} match the gt, {numbers[1]:,} are background, {neutral:,} are neither"
    show_photograph(ax, trace.image, title)
    for number, color in enumerate(random_colors(len(gt_boxes))):
        draw_frames(ax, boxes[(label == POSITIVE) & (owner == number)], color, "dashed", 0.7)
        draw_frame(ax, gt_boxes[number], "black")
        draw_frame(ax, gt_boxes[number], color, "dotted")


def proposals(trace):
    """Draw the anchors with the highest RPN scores, its boxes before NMS, and the proposals."""
    ranked = trace.ranked
    best = np.arange(min(SHOWN, len(ranked.scores)))
    kept = ranked.proposals[:SHOWN]
    titles = (
        f"the {len(best)} anchors of the highest RPN scores",
        f"the same, moved by the RPN: {ranked.limit:,} such boxes enter NMS",
        f"after NMS: the best {len(kept)} of {len(ranked.proposals):,} proposals",
    )
    shown = ((ranked.anchors, best), (ranked.boxes, best), (ranked.boxes, kept))
    figure, axes = panels(3, 3, aspect=_aspect(trace), title="RPN: the brighter, the higher the score")
    for ax, title, (boxes, places) in zip(axes, titles, shown):
        show_photograph(ax, trace.image, title)
        for place in places[::-1]:
            score = float(ranked.scores[place])
            draw_frame(ax, boxes[place], (1.0, score, 0.1), alpha=0.3 + 0.7 * score)
    return figure


def detections(trace):
    """Draw the ROIs that the classifier is sure of, their refined boxes, and the detections."""
    stages = trace.stages
    sure = np.flatnonzero(stages.candidates)
    order = sure[np.argsort(-stages.scores[sure], kind="stable")][:SHOWN]
    figure, axes = panels(3, 3, aspect=_aspect(trace), title=f"Box head: {len(stages.scores)} ROIs")
    least = trace.model.config.DETECTION_MIN_CONFIDENCE
    show_photograph(axes[0], trace.image, f"{len(sure)} score {least:g} or more; the best {len(order)}")
    show_photograph(axes[1], trace.image, "their refined boxes: before NMS")
    colors = random_colors(trace.probabilities.shape[1])
    for i in order[::-1]:
        draw_frame(axes[0], stages.proposals[i], colors[stages.class_ids[i] - 1], "dashed", 0.7)
        draw_frame(axes[1], stages.boxes[i], colors[stages.class_ids[i] - 1], alpha=0.7)
    _draw_detections(axes[2], trace)
    return figure


def _draw_detections(ax, trace):
    result, painted = trace.result, trace.image.astype(np.uint8).copy()
    colors = random_colors(len(result["rois"]))
    for number, color in enumerate(colors):
        apply_mask(painted, result["masks"][:, :, number], color, 0.35)
    show_photograph(ax, painted, f"{len(colors)} detections after NMS, with masks")
    for box, color in zip(result["rois"], colors):
        draw_frame(ax, box, color)


def masks(trace, columns=8):
    """Draw the masks of the detections as the mask head computes them, before they are pasted.

    columns: masks in a row, with what each is of beside it. At most 32 are drawn.
    """
    found = trace.outputs["mrcnn_detection"][0]
    count = int(np.count_nonzero(found[:, 4]))
    if not count:
        return _nothing("Mask head: nothing was detected, so there is no mask")
    shown, columns = min(count, MASKS), max(1, columns // 2)
    drawn = trace.outputs["mrcnn_mask"][0][np.arange(shown), :, :, found[:shown, 4].astype(int)]
    side = " x ".join(str(x) for x in drawn.shape[1:])
    title = f"Mask head: {shown} of {count} masks of {side} from 0 (dark) to 1, beside what they are of"
    figure, axes = panels(2 * shown, 2 * columns, title=title)
    for number, (y1, x1, y2, x2) in enumerate(trace.to_image(found[:shown, :4]) - 0.5):
        part, mask = axes[2 * number : 2 * number + 2]
        part.imshow(trace.image, aspect="auto")
        part.set(xlim=(x1, x2), ylim=(y2, y1))
        part.set_title(f"{number + 1}: {found[number, 5]:.2f}", fontsize=9)
        mask.imshow(drawn[number], vmin=0, vmax=1, cmap="magma", aspect="auto")
        for ax in (part, mask):
            ax.set(xticks=[], yticks=[])
    return figure


def activations(trace, names=("fpn_p2", "fpn_p3", "fpn_p4", "fpn_p5")):
    """Draw the first channels of the outputs of some layers, a row a layer, each channel scaled by itself.

    names: of layers with maps [B, height, width, channels]. Raises ValueError for another layer; the message
    names some that have maps.
    """
    model = trace.model.keras_model
    layers = {layer.name: layer for layer in model.layers if _has_maps(layer)}
    for name in names:
        if name not in layers:
            near = difflib.get_close_matches(name, layers, n=5, cutoff=0.0)
            raise ValueError(f"No layer with maps is named {name!r}; the nearest are {', '.join(near)}.")
    outputs = {name: layers[name].output for name in names}
    inputs = [trace.molded[None], trace.meta[None].astype("float32"), trace.anchors]
    found = keras.Model(model.inputs, outputs).predict_on_batch(inputs)
    figure, axes = panels(
        MAPS * len(names), MAPS, aspect=_aspect(trace), title=f"Activations: the first {MAPS} channels"
    )
    for row, name in enumerate(names):
        maps = np.asarray(found[name], "float32")[0, :, :, :MAPS]
        for channel, ax in enumerate(axes[row * MAPS : (row + 1) * MAPS]):
            ax.set(xticks=[], yticks=[])
            if channel >= maps.shape[-1]:
                ax.axis("off")
                continue
            ax.imshow(maps[:, :, channel], cmap="viridis", aspect="auto")
            label = f"{name}, {maps.shape[0]} x {maps.shape[1]}" if channel == 0 else ""
            ax.set_title(label, fontsize=9, loc="left")
    return figure


def _has_maps(layer):
    """Return whether a layer's output is [B, height, width, channels]; that of the heads is [B, N, ...]."""
    shape = getattr(layer.output, "shape", ())
    return len(shape) == 4 and not layer.name.startswith("mrcnn_")


def _nothing(text):
    figure, (ax,) = panels(1, 1, width=700, aspect=0.1)
    ax.axis("off")
    ax.text(0.5, 0.5, text, ha="center", va="center", color=GREY)
    return figure


def _aspect(trace):
    return trace.image.shape[0] / trace.image.shape[1]
