"""Pictures of images, instances and what the network thinks of them.

Functions that return a Figure need no display; those under matterport's names draw into ``ax`` or open
a window. Masks are [H, W, N] bool, boxes [N, (y1, x1, y2, x2)] pixels.
"""

import colorsys

import numpy as np
from matplotlib import patches, patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from skimage.measure import find_contours

_GOLDEN_RATIO = (np.sqrt(5) - 1) / 2
_DPI = 100


def random_colors(N, bright=True):
    """N colours that stay apart from their neighbours, the same ones each time: tuples of RGB in 0..1.

    Each hue is a golden section of the circle away from the one before, so that any first few are spread
    evenly. bright: full brightness, or 0.7 of it.
    """
    hues = (0.08 + _GOLDEN_RATIO * np.arange(N)) % 1
    return [colorsys.hsv_to_rgb(hue, 0.85, 1.0 if bright else 0.7) for hue in hues]


def apply_mask(image, mask, color, alpha=0.5):
    """Tint the pixels of a mask [H, W] in an image [H, W, 3] uint8, in place; returns the image."""
    inside = mask > 0
    tint = np.asarray(color) * 255
    image[inside] = (image[inside] * (1 - alpha) + alpha * tint).astype(image.dtype)
    return image


# --- Figures for files --------------------------------------------------------------------------


def draw_detections(image, result, class_names, title=None, width=None):
    """A Figure of an image with its detections, of the image's own proportions.

    image: [H, W, 3] uint8. result: a dict of MaskRCNN.detect. class_names: by class id. width: of the
    figure in pixels; none: the image's, but at least 800.
    """
    width = width or max(800, image.shape[1])
    figure = _figure(width, width * image.shape[0] / image.shape[1])
    ax = figure.add_axes((0, 0, 1, 1))
    _draw_instances(ax, image, result, class_names)
    if title:
        _label(ax, 0.01, 0.99, title, "black", transform=ax.transAxes, va="top", size=11)
    return figure


def detection_sheet(items, class_names, columns=3, width=1000):
    """A Figure of several images with their detections, side by side in rows of equal height.

    items: pairs of image and result. columns: images a row. width: of the sheet in pixels.
    """
    rows = [items[i : i + columns] for i in range(0, len(items), columns)]
    gap = 4 / width
    full = max(_aspects(row) for row in rows)
    # Every row is as wide as the sheet; one with fewer images is not blown up beyond the others.
    heights = [(1 - gap * (len(row) - 1)) / max(_aspects(row), full * len(row) / columns) for row in rows]
    total = sum(heights) + gap * (len(rows) - 1)
    figure = _figure(width, width * total)
    top = total
    for row, height in zip(rows, heights):
        left = 0
        for image, result in row:
            own_width = height * image.shape[1] / image.shape[0]
            ax = figure.add_axes((left, (top - height) / total, own_width, height / total))
            _draw_instances(ax, image, result, class_names, captions=False)
            left += own_width + gap
        top -= height + gap
    return figure


def save_figure(figure, path):
    """Write a Figure as PNG, under a temporary name first. path: a Path."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        figure.savefig(temporary, format="png", dpi=_DPI, metadata={"Software": None})
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _aspects(row):
    return sum(image.shape[1] / image.shape[0] for image, _ in row)


def _figure(width, height):
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    FigureCanvasAgg(figure)
    return figure


def _draw_instances(ax, image, result, class_names, captions=True):
    display_instances(
        image, result["rois"], result["masks"], result["class_ids"], class_names,
        scores=result["scores"], ax=ax, show_bbox=captions,
        captions=None if captions else [""] * len(result["rois"]),
    )  # fmt: skip


# --- matterport's names -------------------------------------------------------------------------


def display_images(images, titles=None, cols=4, cmap=None, norm=None, interpolation=None):
    """Show images in a grid."""
    plt = _pyplot()
    titles = titles if titles is not None else [""] * len(images)
    rows = -(-len(images) // cols)
    plt.figure(figsize=(14, 14 * rows / cols))
    for place, (image, title) in enumerate(zip(images, titles), start=1):
        ax = plt.subplot(rows, cols, place)
        ax.set_title(title, fontsize=9)
        ax.axis("off")
        image = image.astype(np.uint8) if image.ndim == 3 else image
        ax.imshow(image, cmap=cmap, norm=norm, interpolation=interpolation)
    plt.show()


def display_instances(
    image, boxes, masks, class_ids, class_names, scores=None, title="", figsize=(16, 16), ax=None,
    show_mask=True, show_bbox=True, colors=None, captions=None,
):  # fmt: skip
    """Draw instances: masks tinted and outlined, boxes, class and score.

    boxes: [N, 4]. masks: [H, W, N]. class_ids: [N]. class_names: by class id. scores: [N] or None.
    ax: where to draw; none opens a window. colors: N colours. captions: N texts instead of class and score.
    """
    show = ax is None
    if show:
        _, ax = _pyplot().subplots(1, figsize=figsize)
    if not boxes.shape[0] == masks.shape[-1] == len(class_ids):
        raise ValueError(
            f"Received {boxes.shape[0]} boxes, {masks.shape[-1]} masks and {len(class_ids)} class ids; "
            "there must be as many of each."
        )
    colors = colors or random_colors(len(boxes))
    height, width = image.shape[:2]
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), title=title)
    ax.axis("off")

    painted = image.astype(np.uint8).copy()
    if show_mask:
        for i, color in enumerate(colors[: len(boxes)]):
            apply_mask(painted, masks[:, :, i], color, alpha=0.35)
    ax.imshow(painted, interpolation="bilinear", aspect="auto")
    for i in range(len(boxes)):
        if not np.any(boxes[i]):
            continue  # padding
        if show_mask:
            _outline(ax, masks[:, :, i], colors[i])
        if show_bbox:
            _box(ax, boxes[i], colors[i], linestyle="dashed", alpha=0.8)
        text = captions[i] if captions else _caption(class_ids[i], class_names, scores, i)
        if text:
            _label(ax, boxes[i][1], boxes[i][0], text, colors[i])
    if show:
        _pyplot().show()


def display_differences(
    image, gt_box, gt_class_id, gt_mask, pred_box, pred_class_id, pred_score, pred_mask, class_names,
    title="", ax=None, show_mask=True, show_box=True, iou_threshold=0.5, score_threshold=0.5,
):  # fmt: skip
    """Draw gt in green and predictions in red, each prediction with its score and IoU."""
    from mrcnn.evaluation import compute_matches

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
    """Show a random choice of ROIs (dashed), their refinement (solid) and masks; background in grey."""
    chosen = np.random.default_rng(0).permutation(len(rois))[:limit]
    _, ax = _pyplot().subplots(1, figsize=(12, 12))
    ax.axis("off")
    ax.set_title(f"{len(rois)} ROIs, {int(np.sum(class_ids > 0))} of them positive")
    painted = image.astype(np.uint8).copy()
    for color, i in zip(random_colors(len(chosen)), chosen):
        positive = class_ids[i] > 0
        _box(ax, rois[i], color if positive else (0.5, 0.5, 0.5), linestyle="dashed", alpha=0.7)
        if positive:
            _box(ax, refined_rois[i], color)
            _label(ax, refined_rois[i][1], refined_rois[i][0], class_names[class_ids[i]], color)
            y1, x1, y2, x2 = np.asarray(rois[i], int)
            full = np.zeros(image.shape[:2], bool)
            small = np.asarray(mask[i]) > 0.5
            rows = np.arange(max(y2 - y1, 0)) * small.shape[0] // max(y2 - y1, 1)
            columns = np.arange(max(x2 - x1, 0)) * small.shape[1] // max(x2 - x1, 1)
            full[y1:y2, x1:x2] = small[rows[:, None], columns]
            apply_mask(painted, full, color)
    ax.imshow(painted)
    _pyplot().show()


def draw_box(image, box, color):
    """Draw the outline of a box two pixels wide into an image, in place; returns the image."""
    y1, x1, y2, x2 = box
    image[y1 : y1 + 2, x1:x2] = image[y2 : y2 + 2, x1:x2] = color
    image[y1:y2, x1 : x1 + 2] = image[y1:y2, x2 : x2 + 2] = color
    return image


def display_top_masks(image, mask, class_ids, class_names, limit=4):
    """Show an image beside the masks of the classes that cover most of it."""
    ids = [i for i in np.unique(class_ids) if i > 0]
    area = {i: mask[:, :, class_ids == i].sum() for i in ids}
    top = sorted(ids, key=lambda i: -area[i])[:limit]
    shown = [mask[:, :, class_ids == i].any(axis=2).astype(np.uint8) for i in top]
    titles = [f"H x W = {image.shape[0]} x {image.shape[1]}", *(class_names[i] for i in top)]
    display_images([image, *shown], titles, cols=limit + 1, cmap="Blues_r")


def plot_precision_recall(AP, precisions, recalls):
    """Show the curve of precision over recall."""
    _, ax = _pyplot().subplots(1)
    ax.set(title=f"AP@50 = {AP:.3f}", xlim=(0, 1.1), ylim=(0, 1.1), xlabel="recall", ylabel="precision")
    ax.plot(recalls, precisions)


def plot_overlaps(gt_class_ids, pred_class_ids, pred_scores, overlaps, class_names, threshold=0.5):
    """Show the IoU of each prediction (rows) with each gt (columns)."""
    plt = _pyplot()
    _, ax = plt.subplots(1, figsize=(12, 10))
    shown = ax.imshow(overlaps, interpolation="nearest", cmap="Blues")
    ax.figure.colorbar(shown)
    rows = [f"{class_names[i]} ({score:.2f})" for i, score in zip(pred_class_ids, pred_scores)]
    ax.set_yticks(np.arange(len(rows)), rows)
    ax.set_xticks(np.arange(len(gt_class_ids)), [class_names[i] for i in gt_class_ids], rotation=90)
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

    visibilities: for each box 0 (grey), 1 (coloured) or 2 (coloured and solid).
    """
    boxes = refined_boxes if boxes is None else boxes
    count = 0 if boxes is None else len(boxes)
    ax = ax or _pyplot().subplots(1, figsize=(12, 12))[1]
    ax.axis("off")
    ax.set_title(title)
    painted = image.astype(np.uint8).copy()
    for i, color in enumerate(random_colors(count)):
        visibility = 1 if visibilities is None else visibilities[i]
        shade = color if visibility else (0.5, 0.5, 0.5)
        if np.any(boxes[i]):
            style = "solid" if visibility == 2 else "dashed"
            _box(ax, boxes[i], shade, linestyle=style, alpha=1 if visibility else 0.5)
        if refined_boxes is not None and visibility:
            _box(ax, refined_boxes[i], color)
        if captions is not None:
            y1, x1 = (boxes if refined_boxes is None else refined_boxes)[i][:2]
            _label(ax, x1, y1, captions[i], shade)
        if masks is not None:
            apply_mask(painted, masks[:, :, i], color)
    ax.imshow(painted)


def display_table(table):
    """Show rows of cells as a table in a notebook, or as text elsewhere."""
    try:
        from IPython.display import HTML, display
    except ImportError:
        print("\n".join("\t".join(str(cell) for cell in row) for row in table))
        return
    rows = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in table)
    display(HTML("<table>" + "".join(rows) + "</table>"))


def display_weight_stats(model):
    """Show name, shape, range and deviation of each weight of a MaskRCNN; dead ones are marked."""
    table = [["weight name", "shape", "min", "max", "std"]]
    for name, values in _weights_of(model):
        suspect = values.max() == values.min() and "bias" not in name and "beta" not in name
        spread = f"{values.std():+9.4f}"
        shape = str(values.shape)
        table.append(
            [
                f"{name} *** dead?" if suspect else name,
                shape,
                f"{values.min():+9.4f}",
                f"{values.max():+10.4f}",
                spread,
            ]
        )
    display_table(table)


def display_weight(name, model):
    """Show a histogram of one weight of a MaskRCNN, named as display_weight_stats names it."""
    values = dict(_weights_of(model))[name]
    _, ax = _pyplot().subplots(1)
    ax.hist(values.ravel(), bins=50)
    ax.set_title(f"{name} {values.shape}")


def _weights_of(model):
    from mrcnn.modeling.layer_names import leaf_layers

    for name, layer in leaf_layers(model.keras_model).items():
        for weight in layer.weights:
            if weight.dtype == "float32":
                yield f"{name}/{weight.name}", np.asarray(weight.numpy())


def _pyplot():
    """Only windows need pyplot; importing it chooses a display."""
    import matplotlib.pyplot as plt

    return plt


def _outline(ax, mask, color):
    """The contour of a mask; a border of zeros closes it at the image's edge."""
    for contour in find_contours(np.pad(mask, 1).astype(float), 0.5):
        y, x = contour.T - 1
        ax.plot(x, y, color="black", linewidth=2.6, alpha=0.5)
        ax.plot(x, y, color=color, linewidth=1.4)


def _box(ax, box, color, linestyle="solid", alpha=1.0):
    y1, x1, y2, x2 = box
    rectangle = patches.Rectangle(
        (x1, y1),
        x2 - x1,
        y2 - y1,
        linewidth=1.2,
        linestyle=linestyle,
        alpha=alpha,
        edgecolor=color,
        facecolor="none",
    )
    ax.add_patch(rectangle)


def _caption(class_id, class_names, scores, index):
    name = class_names[class_id]
    return name if scores is None else f"{name} {scores[index]:.2f}"


def _label(ax, x, y, text, color, va="bottom", size=9, **options):
    """White text with a dark edge on a tinted patch: readable on any ground."""
    box = {"facecolor": color, "alpha": 0.55, "pad": 1.5, "edgecolor": "none"}
    edge = [patheffects.withStroke(linewidth=2, foreground="black")]
    ax.text(x, y, text, color="white", size=size, va=va, bbox=box, path_effects=edge, clip_on=True, **options)
