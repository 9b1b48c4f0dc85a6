"""Figures of several panels: make them, and show or encode them."""

import io

import matplotlib.image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mrcnn.datasets.sheets import DPI
from mrcnn.drawing import draw_frame, without_warnings_of_letters

GREY = (0.55, 0.55, 0.55)


def panels(count, columns, width=1400, aspect=1.0, title="", strip=0):
    """Return a Figure and its Axes, a list of ``count``, in rows of ``columns``.

    width: of the Figure in pixels. aspect: height / width of a panel. title: above all panels. strip: number
    of further, small Axes in one row below, which end the list.
    """
    rows = -(-count // columns)
    tall = [width / columns * aspect + 30] * rows + [width / 16] * bool(strip)
    height = sum(tall) + (40 if title else 0)
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(tall), 1, height_ratios=tall)
    upper = grid[:rows].subgridspec(rows, columns)
    axes = [figure.add_subplot(upper[number // columns, number % columns]) for number in range(count)]
    if strip:
        lower = grid[rows].subgridspec(1, 16)
        axes += [figure.add_subplot(lower[number]) for number in range(strip)]
    if title:
        figure.suptitle(title, fontsize=12)
    return figure, axes


def show_photograph(ax, image, title=""):
    """Draw an image [H, W, 3] uint8 into an Axes, without ticks and with its own limits."""
    ax.imshow(image, interpolation="bilinear")
    ax.set(xticks=[], yticks=[], xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    ax.set_title(title, fontsize=10)


def draw_frames(ax, boxes, color, linestyle="solid", alpha=1.0):
    """Draw boxes [N, (y1, x1, y2, x2)] of one colour."""
    for box in boxes:
        draw_frame(ax, box, color, linestyle, alpha)


def encode(figure):
    """Return a Figure as the bytes of a PNG."""
    file = io.BytesIO()
    with without_warnings_of_letters():
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def show(figure):
    """Show a Figure with Matplotlib: a window, or in a notebook the cell's output."""
    import matplotlib.pyplot as plt  # which selects a display

    picture = matplotlib.image.imread(io.BytesIO(encode(figure)))
    window = plt.figure(figsize=(picture.shape[1] / DPI, picture.shape[0] / DPI))
    window.add_axes((0, 0, 1, 1)).imshow(picture)
    window.axes[0].axis("off")
    plt.show()
