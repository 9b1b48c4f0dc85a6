"""Charts as SVG within the page: equal data give equal text.

A chart's numbers also stand in a table beside it, or in its caption.
"""

import io
import re

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mrcnn.drawing import lettering, random_colors, without_warnings_of_letters
from mrcnn.evaluation.confidence import curve
from mrcnn.evaluation.fates import FATES
from mrcnn.evaluation.tally import IOUS
from mrcnn.reports.html import Markup, tag
from mrcnn.screen import printable

FIRST, SECOND, THIRD = "#1b6ca8", "#d1495b", "#3a7d44"
MOST_CLASSES = 10  # lines with distinct colours in one chart
_NO_FACTS = dict.fromkeys(("Date", "Creator", "Format", "Type"))  # a date would change with every writing


def chart(figure, name, caption):
    """Return a figure element with a matplotlib Figure as SVG.

    name: unique within the page, from which the ids within the SVG are computed. caption: a text.
    """
    file = io.StringIO()
    # Letters stay text, in a font that the reader's browser has.
    options = {"svg.hashsalt": name, "svg.fonttype": "none"}
    with matplotlib.rc_context(options), without_warnings_of_letters():
        figure.savefig(file, format="svg", metadata=_NO_FACTS)
    drawing = file.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", drawing)
    drawing = drawing.replace("<svg ", f'<svg role="img" aria-labelledby="{name}-caption" ', 1)
    return tag("figure", Markup(drawing), tag("figcaption", caption, id=f"{name}-caption"), class_="chart")


def _axes(title, x, y, size=(4.8, 3.6)):
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasSVG(figure)  # no window, and no use of pyplot's shared state
    axes = figure.subplots()
    axes.set_title(title, fontsize=12, **lettering())
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    return figure, axes


def precision_recall(tally):
    """Return the chart of precision by recall at IoU 0.5, a line for each of the most frequent classes."""
    figure, axes = _axes("Precision and recall, IoU 0.5", "recall", "precision")
    known = [one for one in tally.classes if one.instances.sum()]
    known = sorted(known, key=lambda one: -one.instances.sum())[:MOST_CLASSES]
    for one, color in zip(known, random_colors(len(known), bright=False)):
        recall, precision = (rows[0] for rows in one.curves())
        label = f"{printable(one.name)}  AP50 {one.precisions()[0].mean():.3f}"
        start = [0] if len(recall) else []
        axes.plot([*start, *recall], [*precision[:1], *precision], color=color, label=label, linewidth=1.5)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.03))
    _legend(axes)
    more = sum(bool(one.instances.sum()) for one in tally.classes) - len(known)
    text = "Each point of a line is one smallest score."
    return chart(figure, "precision", f"{text} {more} rarer classes are left out." if more else text)


def _legend(axes, columns=1):
    """Write the labels of the lines below the chart, where they cross nothing."""
    entries = axes.get_legend_handles_labels()
    place = {"loc": "outside lower center", "ncols": columns, "fontsize": 9, "frameon": False}
    if entries[0]:
        for text in axes.figure.legend(*entries, **place).get_texts():
            text.set(**lettering())


def by_threshold(scores, hits, instances, threshold):
    """Return the chart of precision, recall and F1 by smallest score, with the Threshold if there is one."""
    figure, axes = _axes("What a smallest score keeps, IoU 0.5", "smallest score", "share")
    detections, *values = curve(scores, hits, instances)
    lasts = scores[detections - 1]
    for name, row, color in zip(("precision", "recall", "F1"), values, (FIRST, SECOND, THIRD)):
        axes.plot(lasts, row, color=color, label=name, linewidth=1.5)
    if threshold is not None:
        axes.axvline(threshold.score, color="black", linestyle="dashed", linewidth=1)
        label = f"best F1 {threshold.f1:.3f}\nat {threshold.score:.3f}"
        left = threshold.score > 0.5
        axes.annotate(label, (threshold.score, 0.03), (-5 if left else 5, 0), textcoords="offset points",
                      ha="right" if left else "left", fontsize=9)  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    _legend(axes, 3)
    return chart(figure, "threshold", "Precision, recall and F1 of all classes together.")


def reliability(rows, error):
    """Return the chart of the share of correct detections by score. rows, error: of calibration."""
    figure, axes = _axes("Calibration, IoU 0.5", "score", "share of correct detections")
    axes.plot(
        [0, 1], [0, 1], color="gray", linestyle="dashed", linewidth=1, label="a score that is a probability"
    )
    for row in rows:
        axes.bar(row["low"], row["correct"], width=row["high"] - row["low"], align="edge",
                 color=FIRST, alpha=0.35, edgecolor=FIRST)  # fmt: skip
        axes.annotate(f"{row['detections']:,}", ((row["low"] + row["high"]) / 2, row["correct"]), (0, 2),
                      textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
    axes.plot([r["score"] for r in rows], [r["correct"] for r in rows], "o", color=FIRST, markersize=4)
    axes.set(xlim=(0, 1), ylim=(0, 1.08))
    _legend(axes)
    text = (
        f"Calibration error {error:.3f}: how far scores are from the share of correct detections, on average."
    )
    return chart(figure, "calibration", f"{text} The number above each bar counts its detections.")


def by_iou(tally):
    """Return the chart of AP by IoU threshold."""
    figure, axes = _axes("AP by IoU threshold", "IoU from which a mask counts", "AP")
    values = [tally.ap(iou=place) for place in range(len(IOUS))]
    axes.plot(IOUS, values, color=FIRST, marker="o", markersize=4)
    axes.set(xlim=(0.48, 0.97), ylim=(0, 1.03))
    return chart(figure, "iou", "A steep fall at the right means that outlines are not exact.")


def fates(slices):
    """Return the chart of the shares of instances found and lost by their overlap. slices: of overlaps."""
    figure, axes = _axes("Where instances are lost, by overlap", "share of instances", "")
    shown = [row for row in slices if row["instances"]]
    lefts = np.zeros(len(shown))
    colors = ("#8fbf8f", "#4e79a7", "#f28e2b", "#e15759", "#b07aa1", "#76b7b2")
    for fate, color in zip(FATES, colors):
        shares = np.array([row["fates"][fate] / row["instances"] for row in shown])
        axes.barh([row["overlap"] for row in shown], shares, left=lefts, color=color, label=fate)
        lefts += shares
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.grid(False)
    _legend(axes, 3)
    return chart(figure, "fates", "Overlap: the share of an instance's box that another one's box covers.")


def intervals(names, comparison):
    """Return the chart of each model's AP with its interval. comparison: of bootstrap."""
    figure, axes = _axes("Mask AP with intervals", "AP", "", (4.8, 1.2 + 0.45 * len(names)))
    for place, one in enumerate(comparison.aps):
        color = THIRD if place == comparison.winner else FIRST
        axes.plot([one.low, one.high], [place, place], color=color, linewidth=3, alpha=0.5)
        axes.plot(one.value, place, "o", color=color)
    axes.set_yticks(range(len(names)), [printable(name) for name in names], **lettering())
    axes.set_ylim(len(names) - 0.5, -0.5)
    return chart(
        figure, "intervals", "Two intervals may overlap although one model is better: see the differences."
    )


def epochs(columns, lines, title, name):
    """Return a chart of a run's numbers by epoch.

    columns: {column: [(epoch, value), ...]}. lines: {column: label}, those without values are left out.
    """
    figure, axes = _axes(title, "epoch", "", (4.8, 3.2))
    for (column, label), color in zip(lines.items(), (FIRST, SECOND, THIRD)):
        if columns.get(column):
            epoch, values = zip(*columns[column])
            marker = "o" if len(epoch) <= 30 else None
            axes.plot(
                epoch, values, color=color, marker=marker, markersize=3, label=f"{label} {values[-1]:.3g}"
            )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    _legend(axes, 2)
    return chart(figure, name, f"{title}, by epoch; the last value is in the legend.")
