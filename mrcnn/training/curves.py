"""Draw curves.png from a run's metrics.csv: losses, AP and learning rate by epoch."""

import math

import keras
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mrcnn.files import replacing
from mrcnn.modeling.network import LOSSES
from mrcnn.training.metrics import read_metrics
from mrcnn.training.order import Order

_LOSSES = {"loss": "total loss", **{loss.name: loss.title for loss in LOSSES}}
_AP = {"val_mask_ap": "masks", "val_box_ap": "boxes"}
_NO_NUMBERS = {"finished"}
_FIRST, _SECOND = "#1b6ca8", "#d1495b"


class Curves(keras.callbacks.Callback):
    """Draws curves.png from metrics.csv after each epoch."""

    order = Order.DRAW

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        draw(self.folder / "metrics.csv", self.folder / "curves.png")


def draw(metrics, path):
    """Draw a run's metrics.csv as a PNG, which replaces an earlier one atomically."""
    figure = figure_of(read_metrics(metrics))
    figure.suptitle(path.parent.name)
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=100)


def figure_of(rows):
    """Return a matplotlib Figure of the rows of a metrics.csv: losses, AP and learning rate."""
    columns = columns_of(rows)
    figure = Figure(figsize=(14, 7), layout="constrained")
    FigureCanvasAgg(figure)  # no window, and no use of pyplot's shared state
    panels = len(_LOSSES) + 2
    axes = figure.subplots(2, (panels + 1) // 2).ravel()
    for unused in axes[panels:]:
        unused.remove()
    *_, ap, rate = axes = axes[:panels]
    for place, (name, title) in zip(axes, _LOSSES.items()):
        _lines(place, columns, {name: "training", f"val_{name}": "validation"}, title)
        place.set_ylim(bottom=0, top=_top(columns, name))
    _lines(ap, columns, _AP, "validation: COCO AP")
    ap.set_ylim(bottom=0)
    _lines(rate, columns, {"learning_rate": "at the end"}, "learning rate")
    rate.set_ylim(bottom=0)
    for place in axes:
        place.set_xlim(0.5, max(len(rows), 1) + 0.5)
    return figure


def columns_of(rows):
    """Return {column: [(epoch, value), ...]} of all finite numbers."""
    columns = {}
    for row in rows:
        for name, value in row.items():
            if name not in _NO_NUMBERS and value not in ("", None) and math.isfinite(float(value)):
                columns.setdefault(name, []).append((int(row["epoch"]), float(value)))
    return columns


def _lines(place, columns, names, title):
    """Draw one panel: a line for each measured name, with its last value in the legend."""
    place.set_title(title, fontsize=11)
    place.grid(alpha=0.3)
    place.xaxis.set_major_locator(MaxNLocator(integer=True))
    place.set_xlabel("epoch", fontsize=9)
    place.tick_params(labelsize=8)
    for (name, label), color in zip(names.items(), (_FIRST, _SECOND)):
        if name in columns:
            epochs, values = zip(*columns[name])
            marker = "o" if len(epochs) <= 30 else None
            label = f"{label} {values[-1]:.3g}"
            place.plot(epochs, values, color=color, marker=marker, markersize=3, label=label)
    if place.lines:
        place.legend(fontsize=8, frameon=False)
    else:
        place.text(0.5, 0.5, "not measured", transform=place.transAxes, ha="center", color="gray")


def _top(columns, name):
    """Return an upper limit that keeps high initial losses from flattening later ones; None: no limit."""
    values = sorted(v for column in (name, f"val_{name}") for _, v in columns.get(column, []))
    if len(values) < 8:
        return None
    usual = values[int(0.9 * (len(values) - 1))]
    return 1.6 * usual if values[-1] > 2 * usual > 0 else None
