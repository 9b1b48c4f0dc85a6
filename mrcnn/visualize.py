"""Draw images, instances, detections and the network's inner results.

Functions that return a Figure need no display. Those under matterport's names draw into ``ax`` or open
a window. Masks are [H, W, N] bool, boxes [N, (y1, x1, y2, x2)] pixels.
"""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mrcnn.datasets import sheets
from mrcnn.datasets.sheets import DPI, TINT
from mrcnn.datasets.sheets import save as save_figure
from mrcnn.drawing import (
    Captions,
    apply_mask,
    colors_of,
    draw_frame,
    draw_outline,
    is_by_class,
    lettering,
    random_colors,
)
from mrcnn.evaluation.matches import compute_matches
from mrcnn.inspection.weights import is_dead, weights_of
from mrcnn.matterport import handed_on
from mrcnn.pipeline.masks import unmold_mask

__all__ = [
    "apply_mask",
    "detection_sheet",
    "display_differences",
    "display_images",
    "display_instances",
    "display_table",
    "display_top_masks",
    "display_weight",
    "display_weight_stats",
    "draw_box",
    "draw_boxes",
    "draw_detections",
    "draw_rois",
    "plot_overlaps",
    "plot_precision_recall",
    "random_colors",
    "save_figure",
]
__getattr__, _handed_on = handed_on.of(__name__)
__all__ += _handed_on

_GREY = (0.5, 0.5, 0.5)


# --- Figures for files --------------------------------------------------------------------------


def draw_detections(image, result, class_names, width=None):
    """Draw an image with its detections; return a Figure with the image's aspect ratio.

    image: [H, W, 3] uint8. result: a dict from MaskRCNN.detect. class_names: indexed by class id. width:
    width of the figure in pixels; None uses the image's width, but at least 800.
    """
    width = width or max(800, image.shape[1])
    figure = _figure(width, width * image.shape[0] / image.shape[1])
    ax = figure.add_axes((0, 0, 1, 1))
    display_instances(
        image, result["rois"], result["masks"], result["class_ids"], class_names,
        scores=result["scores"], ax=ax, colors=colors_of(result["class_ids"], class_names),
    )  # fmt: skip
    ax.set_aspect("auto")  # the Axes has the image's proportions, but for a fraction of a pixel
    return figure


def detection_sheet(items, class_names, columns=3, width=1000, color_by="auto"):
    """Draw several images with their detections in rows that fill the sheet's width; return a Figure.

    items: pairs of image and result. class_names: indexed by class id. columns: images per row. width: width
    of the sheet in pixels. color_by: see drawing.colors_of; with colours by class there is a legend.
    """
    pixels = 2 * width // max(1, min(columns, len(items)))
    pictures = [
        sheets.picture(
            image, result["masks"], tinted=True, pixels=pixels,
            colors=colors_of(result["class_ids"], class_names, color_by),
        )
        for image, result in items
    ]  # fmt: skip
    shown = sorted({int(k) for _, result in items for k in result["class_ids"]})
    names = [class_names[k] for k in shown] if is_by_class(class_names, color_by) else []
    legend = list(zip(names, colors_of(shown, class_names, "class")))
    return sheets.draw(pictures, columns, width, legend)


def _figure(width, height):
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


# --- matterport's names -------------------------------------------------------------------------


def display_images(images, titles=None, cols=4, cmap=None, norm=None, interpolation=None):
    """Show images in a grid.

    images: arrays [H, W, 3] or [H, W]. titles: one text per image. cols: images per row. cmap, norm,
    interpolation: passed to Matplotlib's imshow.
    """
    plt = _pyplot()
    titles = titles if titles is not None else [""] * len(images)
    rows = -(-len(images) // cols)
    plt.figure(figsize=(14, 14 * rows / cols))
    for place, (image, title) in enumerate(zip(images, titles), start=1):
        ax = plt.subplot(rows, cols, place)
        ax.set_title(title, fontsize=9, **lettering())
        ax.axis("off")
        image = image.astype(np.uint8) if image.ndim == 3 else image
        ax.imshow(image, cmap=cmap, norm=norm, interpolation=interpolation)
    plt.show()


def display_instances(
    image, boxes, masks, class_ids, class_names, scores=None, title="", figsize=(16, 16), ax=None,
    show_mask=True, show_bbox=True, colors=None, captions=None,
):  # fmt: skip
    """Draw instances with their masks' outlines, boxes, class and score, and tint the masks.

    image: [H, W, 3]. boxes: [N, 4]. masks: [H, W, N]. class_ids: [N]. class_names: indexed by class id.
    scores: [N] or None. ax: Axes to draw into; None opens a window. show_mask, show_bbox: False leaves out
    the tints, or the boxes. colors: N colours. captions: N texts that replace class and score.
    Raises ValueError if the numbers of boxes, masks and class ids differ.
    """
    if not len(boxes) == masks.shape[-1] == len(class_ids):
        raise ValueError(
            f"Received {len(boxes)} boxes, {masks.shape[-1]} masks and {len(class_ids)} class ids; "
            "there must be as many of each."
        )
    show = ax is None
    if show:
        ax = _pyplot().subplots(1, figsize=figsize)[1]
    colors = random_colors(len(boxes)) if colors is None else colors
    drawn = [i for i in range(len(boxes)) if np.any(boxes[i])]  # skips padding
    painted = image.astype(np.uint8).copy()
    for i in drawn if show_mask else ():
        apply_mask(painted, masks[:, :, i], colors[i], alpha=TINT)
    _show_image(ax, painted, title)
    for i in drawn:
        draw_outline(ax, masks[:, :, i], colors[i])
        if show_bbox:
            draw_frame(ax, boxes[i], colors[i], linestyle="dashed", alpha=0.8)
    placed = Captions(ax)  # drawn after all lines, so that no line crosses a caption
    for i in drawn:
        text = _caption(class_ids[i], class_names, scores, i) if captions is None else captions[i]
        if text:
            placed.add(boxes[i], text, colors[i])
    if show:
        _pyplot().show()


def display_differences(
    image, gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask, class_names,
    title="", ax=None, show_mask=True, show_box=True, iou_threshold=0.5, score_threshold=0.5,
):  # fmt: skip
    """Draw gt in green and predictions in red, with score and IoU at each prediction.

    gt_*, pred_*: boxes [N, 4] pixels, class ids [N], masks [H, W, N], and scores [N] of the predictions.
    class_names: indexed by class id. iou_threshold, score_threshold: as in compute_matches.
    """
    gt_match, pred_match, overlaps = compute_matches(
        gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask,
        iou_threshold=iou_threshold, score_threshold=score_threshold,
    )  # fmt: skip
    order = np.argsort(pred_score, kind="stable")[::-1]
    best = [row[int(match)] if match > -1 else row.max(initial=0) for row, match in zip(overlaps, pred_match)]
    texts = [f"{score:.2f} / {iou:.2f}" for score, iou in zip(pred_score[order], best)]
    display_instances(
        image,
        np.concatenate([gt_box, pred_box[order]]),
        np.concatenate([gt_mask, pred_mask[..., order]], axis=2),
        np.concatenate([gt_class_id, pred_class_id[order]]),
        class_names,
        ax=ax,
        show_bbox=show_box,
        show_mask=show_mask,
        colors=[(0.2, 0.9, 0.2)] * len(gt_match) + [(1.0, 0.2, 0.2)] * len(pred_match),
        captions=[""] * len(gt_match) + texts,
        title=title or "gt in green, predictions in red\nscore / IoU",
    )


def draw_rois(image, rois, refined_rois, mask, class_ids, class_names, limit=10):
    """Show a random choice of ROIs (dashed) with refined boxes (solid) and masks; background ROIs are grey.

    rois, refined_rois: [N, 4] pixels. mask: [N, height, width], one per ROI. class_ids: [N], 0 for
    background. class_names: indexed by class id. limit: largest number of ROIs to show.
    """
    chosen = np.random.default_rng(0).permutation(len(rois))[:limit]
    painted = image.astype(np.uint8).copy()
    ax = _pyplot().subplots(1, figsize=(12, 12))[1]
    colors = dict(zip(chosen, random_colors(len(chosen))))
    positive = [i for i in chosen if class_ids[i] > 0]
    for i in positive:
        apply_mask(painted, unmold_mask(mask[i], np.asarray(rois[i], int), image.shape), colors[i])
    _show_image(ax, painted, f"{len(rois)} ROIs, {int(np.sum(class_ids > 0))} of them positive")
    for i in chosen:
        color = colors[i] if i in positive else _GREY
        draw_frame(ax, rois[i], color, linestyle="dashed", alpha=0.7)
    captions = Captions(ax)
    for i in positive:
        draw_frame(ax, refined_rois[i], colors[i])
        captions.add(refined_rois[i], class_names[class_ids[i]], colors[i])
    _pyplot().show()


def draw_box(image, box, color):
    """Draw the outline of a box, two pixels wide, into an image in place; return the image."""
    y1, x1, y2, x2 = box
    image[y1 : y1 + 2, x1:x2] = image[y2 : y2 + 2, x1:x2] = color
    image[y1:y2, x1 : x1 + 2] = image[y1:y2, x2 : x2 + 2] = color
    return image


def display_top_masks(image, mask, class_ids, class_names, limit=4):
    """Show an image beside the masks of the ``limit`` classes with the largest area, a shade an instance.

    mask: [H, W, N]. class_ids: [N]. class_names: indexed by class id. Classes without a pixel are left out.
    """
    inside, class_ids = np.asarray(mask) > 0, np.asarray(class_ids)
    area = {int(i): int(inside[:, :, class_ids == i].sum()) for i in np.unique(class_ids) if i > 0}
    top = sorted((i for i in area if area[i]), key=lambda i: -area[i])[:limit]
    shown = [_numbered(inside[:, :, class_ids == i]) for i in top]
    titles = [f"H x W = {image.shape[0]} x {image.shape[1]}", *(class_names[i] for i in top)]
    display_images([image, *shown], titles, cols=limit + 1, cmap="Blues_r")


def _numbered(masks):
    """Return masks [H, W, N] bool as one image [H, W]: 1 to N in the masks, 0 outside."""
    return (masks * np.arange(1, masks.shape[2] + 1, dtype=np.uint16)).max(axis=2)


def plot_precision_recall(AP, precisions, recalls):
    """Plot precision over recall. AP: average precision at IoU 0.5, for the title."""
    _, ax = _pyplot().subplots(1)
    ax.set(title=f"AP@50 = {AP:.3f}", xlim=(0, 1.1), ylim=(0, 1.1), xlabel="recall", ylabel="precision")
    ax.plot(recalls, precisions)


def plot_overlaps(gt_class_ids, pred_class_ids, pred_scores, overlaps, class_names, threshold=0.5):
    """Plot a table of the IoU of each prediction (rows) with each gt instance (columns).

    overlaps: [predictions, gt]. threshold: cells above this IoU say whether the classes match.
    """
    plt = _pyplot()
    _, ax = plt.subplots(1, figsize=(12, 10))
    shown = ax.imshow(overlaps, interpolation="nearest", cmap="Blues")
    ax.figure.colorbar(shown)
    rows = [f"{class_names[i]} ({score:.2f})" for i, score in zip(pred_class_ids, pred_scores)]
    ax.set_yticks(np.arange(len(rows)), rows, **lettering())
    columns = [class_names[i] for i in gt_class_ids]
    ax.set_xticks(np.arange(len(columns)), columns, rotation=90, **lettering())
    ax.set(xlabel="gt", ylabel="predictions")
    for (i, j), value in np.ndenumerate(overlaps):
        note = "match" if gt_class_ids[j] == pred_class_ids[i] else "wrong"
        text = f"{value:.3f}\n{note if value > threshold else ''}"
        ax.text(j, i, text, ha="center", va="center", color="white" if value > 0.5 else "black", fontsize=9)
    plt.tight_layout()


def draw_boxes(
    image, boxes=None, refined_boxes=None, masks=None, captions=None, visibilities=None, title="", ax=None
):  # fmt: skip
    """Draw boxes (dashed), refined boxes (solid), masks and captions.

    boxes, refined_boxes: [N, 4] pixels. masks: [H, W, N]. captions: N texts. visibilities: 0 (grey),
    1 (coloured) or 2 (coloured and solid) for each box. ax: Axes to draw into; None opens a window.
    """
    boxes = refined_boxes if boxes is None else boxes
    count = 0 if boxes is None else len(boxes)
    visibilities = np.ones(count, int) if visibilities is None else visibilities
    colors = [color if seen else _GREY for color, seen in zip(random_colors(count), visibilities)]
    ax = ax or _pyplot().subplots(1, figsize=(12, 12))[1]
    painted = image.astype(np.uint8).copy()
    for i in range(count if masks is not None else 0):
        apply_mask(painted, masks[:, :, i], colors[i])
    _show_image(ax, painted, title)
    for i in range(count):
        if np.any(boxes[i]):
            style = "solid" if visibilities[i] == 2 else "dashed"
            draw_frame(ax, boxes[i], colors[i], linestyle=style, alpha=1 if visibilities[i] else 0.5)
        if refined_boxes is not None and visibilities[i]:
            draw_frame(ax, refined_boxes[i], colors[i])
    placed = Captions(ax)
    for i in range(count if captions is not None else 0):
        placed.add((boxes if refined_boxes is None else refined_boxes)[i], captions[i], colors[i])


def display_table(table):
    """Show a table, given as a list of rows: as HTML in a notebook, as text elsewhere."""
    try:
        from IPython.display import HTML, display
    except ImportError:
        print("\n".join("\t".join(str(cell) for cell in row) for row in table))
        return
    rows = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in table)
    display(HTML("<table>" + "".join(rows) + "</table>"))


def display_weight_stats(model):
    """Show name, shape, range and standard deviation of each weight of a MaskRCNN.

    A weight whose values are all equal is marked as dead, unless it is a bias or a beta.
    """
    table = [["weight name", "shape", "min", "max", "std"]]
    for name, values in weights_of(model.keras_model):
        numbers = (f"{value:+.4f}" for value in (values.min(), values.max(), values.std()))
        table.append([f"{name} *** dead?" if is_dead(name, values) else name, str(values.shape), *numbers])
    display_table(table)


def display_weight(name, model):
    """Show a histogram of one weight of a MaskRCNN. name: as display_weight_stats prints it."""
    values = dict(weights_of(model.keras_model))[name]
    _, ax = _pyplot().subplots(1)
    ax.hist(values.ravel(), bins=50)
    ax.set_title(f"{name} {values.shape}")


def _pyplot():
    """Import pyplot, which only windows need: importing it selects a display."""
    import matplotlib.pyplot as plt

    return plt


def _show_image(ax, image, title):
    height, width = image.shape[:2]
    ax.imshow(image, interpolation="bilinear")
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), title=title)
    ax.axis("off")


def _caption(class_id, class_names, scores, index):
    name = class_names[class_id]
    return name if scores is None else f"{name} {scores[index]:.2f}"
