"""Draw the missed instances of an image, numbered, in the colour of the stage that lost them."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mrcnn.datasets.sheets import DPI
from mrcnn.drawing import Captions, draw_frame, lettering

WIDTH = 1000  # pixels of the figure
_LINE, _GAP = 20, 8  # pixels of a line of text, and around it
_FOUND = "white"
# A colour for each fate, distinct for people with colour blindness too (Okabe and Ito, 2008).
COLORS = {
    "no proposal": "#0072b2", "weak": "#e69f00", "moved": "#cc79a7", "NMS": "#d55e00", "mask": "#009e73",
}  # fmt: skip


def draw(explanations):
    """Return a Figure of the Explanations of one image, of which there is at least one."""
    image = explanations[0].image
    tall = WIDTH * image.shape[0] / image.shape[1]
    total = tall + _LINE * (len(explanations) + 1) + 2 * _GAP
    figure = Figure(figsize=(WIDTH / DPI, total / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 1 - tall / total, 1, tall / total))
    ax.imshow(image, interpolation="bilinear", aspect="auto")
    ax.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    ax.axis("off")
    for box in explanations[0].result["rois"]:
        draw_frame(ax, box, _FOUND, alpha=0.6)
    captions = Captions(ax)
    for number, explanation in enumerate(explanations, start=1):
        y1, x1, y2, x2 = (side - 0.5 for side in explanation.box)
        for color, width in (("black", 4.5), (COLORS[explanation.fate], 2.5)):
            ax.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=width))
        captions.add(explanation.box, str(number), COLORS[explanation.fate])
        _write(figure, number, f"{number}  {explanation.title}", COLORS[explanation.fate], total, tall)
    _write(figure, 0, "thin and white: detections", None, total, tall)
    return figure


def _write(figure, line, text, color, total, tall):
    y = (total - tall - _GAP - _LINE * (line + 0.5)) / total
    if color is not None:
        corner = (_GAP / WIDTH, y - 6 / total)
        figure.add_artist(Rectangle(corner, 12 / WIDTH, 12 / total, facecolor=color, edgecolor="black"))
    figure.text((_GAP + 20) / WIDTH, y, text, fontsize=9, va="center", **lettering())
