"""Draw an Explanation: the photograph, the boxes of the stages around the object, and the table."""

import textwrap

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mrcnn.datasets.sheets import DPI
from mrcnn.drawing import draw_frame, lettering

WIDTH = 1400  # pixels of the figure
_GAP, _LINE, _LETTERS = 12, 22, 168  # pixels around the parts and of a line of text; letters in a line
_SHORTEST, _TALLEST = 0.4, 1.2  # limits of the pictures' height / width
_AROUND = 0.35  # of the boxes' longer side: what the close-up shows around them
_CLOSEST = 48  # pixels of the photograph that the close-up shows at least
_FOUND = (1.0, 1.0, 1.0)
_OBJECT = "#f0e442"
# A colour for each stage, distinct for people with colour blindness too (Okabe and Ito, 2008).
COLORS = {
    "anchors": "#56b4e9", "RPN boxes": "#0072b2", "proposals": "#e69f00", "refined box": "#009e73",
    "NMS": "#d55e00",
}  # fmt: skip
_FINAL = ("refined box", "NMS")  # stages whose boxes are drawn as solid lines


def draw(explanation):
    """Return a Figure of an Explanation."""
    text = _text(explanation)
    half = (WIDTH - 3 * _GAP) / 2
    height, width = explanation.image.shape[:2]
    tall = half * float(np.clip(height / width, _SHORTEST, _TALLEST))
    total = tall + _LINE * len(text) + 3 * _GAP
    figure = Figure(figsize=(WIDTH / DPI, total / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    bottom = (total - tall - _GAP) / total
    for left, view in ((_GAP, _whole), (2 * _GAP + half, _close)):
        ax = figure.add_axes((left / WIDTH, bottom, half / WIDTH, tall / total))
        view(ax, explanation, tall / half)
        ax.set(xticks=[], yticks=[])
    _write(figure, text, total, tall)
    return figure


def _whole(ax, explanation, _):
    """Draw the photograph with its detections and the object."""
    ax.imshow(explanation.image, interpolation="bilinear")
    for box in explanation.result["rois"]:
        draw_frame(ax, box, _FOUND, alpha=0.7)
    _mark(ax, explanation)
    height, width = explanation.image.shape[:2]
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _close(ax, explanation, aspect):
    """Draw the part of the photograph around the object, with the boxes of the stages."""
    ax.imshow(explanation.image, interpolation="bilinear")
    steps = [step for step in explanation.steps if step.box is not None]
    _mark(ax, explanation)
    for number, step in enumerate(
        steps
    ):  # later lines are narrower, so that equal boxes show beside each other
        width = 1.5 + 1.5 * (len(steps) - number - 1)
        _frame(ax, step.box, COLORS[step.stage], width, "solid" if step.stage in _FINAL else "dashed")
    y1, x1, y2, x2 = _window(np.array([explanation.box, *(step.box for step in steps)]), explanation, aspect)
    ax.set(xlim=(x1 - 0.5, x2 - 0.5), ylim=(y2 - 0.5, y1 - 0.5))


def _window(boxes, explanation, aspect):
    """Return the part of the photograph around boxes [N, 4], with height / width as of the Axes."""
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    tall = max(high[0] - low[0], (high[1] - low[1]) * aspect, _CLOSEST) * (1 + 2 * _AROUND)
    sides, limits = np.array([tall, tall / aspect]), np.array(explanation.image.shape[:2])
    corner = (low + high - sides) / 2
    inside = np.clip(corner, 0, np.maximum(limits - sides, 0))
    corner = np.where(sides < limits, inside, (limits - sides) / 2)
    return (*corner, *(corner + sides))


def _mark(ax, explanation):
    """Draw the object's box, and the point that it was found from."""
    for color, width in (("black", 6), (_OBJECT, 3.5)):
        _frame(ax, explanation.box, color, width)
    if explanation.point is not None:
        y, x = explanation.point
        ax.plot(x, y, marker="P", markersize=11, color=_OBJECT, markeredgecolor="black")


def _frame(ax, box, color, width, style="solid"):
    y1, x1, y2, x2 = (side - 0.5 for side in box)
    options = {"edgecolor": color, "linewidth": width, "linestyle": style}
    ax.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, **options))


def _text(explanation):
    """Return (words, colour of the square before them or None, bold) of each line below the pictures."""
    rows = [
        (line, _OBJECT if not number else None, True) for number, line in enumerate(_wrap(explanation.title))
    ]
    for step in explanation.steps:
        color = COLORS[step.stage] if step.box is not None else None
        lines = _wrap(f"{step.stage}: {'' if step.passed else 'LOST: '}{step.text}")
        rows += [(line, None if number else color, not step.passed) for number, line in enumerate(lines)]
    return [*rows, ("left: the photograph, its detections in white", None, False)]


def _wrap(text):
    return textwrap.wrap(text, _LETTERS)


def _write(figure, text, total, tall):
    for number, (words, color, bold) in enumerate(text):
        y = (total - tall - 2 * _GAP - _LINE * (number + 0.5)) / total
        if color is not None:
            corner, side = (_GAP / WIDTH, y - 7 / total), (14 / WIDTH, 14 / total)
            figure.add_artist(Rectangle(corner, *side, facecolor=color, edgecolor="black", linewidth=0.5))
        weight = "bold" if bold else "normal"
        figure.text((_GAP + 22) / WIDTH, y, words, fontsize=11, va="center", weight=weight, **lettering())
