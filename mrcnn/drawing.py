"""Drawing primitives for mrcnn.visualize: tints, outlines, boxes and captions in an Axes.

In an Axes, pixel k of an image spans k - 0.5 to k + 0.5, so a box's edge k is drawn at k - 0.5.
"""

import colorsys
import contextlib
import functools
import warnings

import numpy as np
from matplotlib import font_manager, ft2font, patches, patheffects
from PIL import ImageFont
from skimage.measure import find_contours

# Fonts of Linux, Windows and macOS with the letters that matplotlib's own lacks.
_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei", "Yu Gothic", "Malgun Gothic", "PingFang SC",
    "Hiragino Sans", "Heiti SC", "Apple SD Gothic Neo", "Arial Unicode MS", "Noto Sans",
)  # fmt: skip
_GOLDEN_RATIO = (np.sqrt(5) - 1) / 2
_FIRST_HUE = 0.5  # the rarest in most photographs: neither skin, soil, leaf nor pumpkin
_VALUES = np.array([1.0, 0.75, 0.55])  # brightness of the first colours and of later ones with alike hues
_HUES_APART = 13  # this many hues are at least a twentieth of the colour circle apart


def random_colors(N, bright=True):
    """Return N distinct colours, the same on every call: RGB tuples in 0 ... 1.

    Successive hues differ by the golden ratio of the colour circle, so the first few are always spread
    evenly. Colours whose hues come close to earlier ones are paler, then darker. bright: False lowers
    brightness to 0.7.
    """
    hues = (_FIRST_HUE + _GOLDEN_RATIO * np.arange(N)) % 1
    saturations = np.where(np.arange(N) // _HUES_APART % 2, 0.5, 0.9)
    values = _VALUES[np.arange(N) // (2 * _HUES_APART) % len(_VALUES)] * (1.0 if bright else 0.7)
    return [colorsys.hsv_to_rgb(*color) for color in zip(hues, saturations, values)]


def colors_of(class_ids, class_names, color_by="auto"):
    """Return a colour for each of N instances, RGB tuples in 0 ... 1, see is_by_class.

    class_ids: [N]. A class has the colour of its id, so it is the same in every picture.
    """
    if not is_by_class(class_names, color_by):
        return random_colors(len(class_ids))
    colors = random_colors(len(class_names) - 1)
    return [colors[class_id - 1] for class_id in class_ids]


def is_by_class(class_names, color_by="auto"):
    """Return whether each class has a colour, instead of each instance; "auto": if there are several classes.

    class_names: all that the model knows, the background first. color_by: of choices.COLOR_BY.
    """
    return color_by == "class" or (color_by == "auto" and len(class_names) > 2)


def apply_mask(image, mask, color, alpha=0.5):
    """Tint the pixels of a mask [H, W] in an image [H, W, 3] uint8 in place; return the image.

    color: RGB in 0 ... 1. alpha: opacity of the tint, 0 to 1.
    """
    inside = np.asarray(mask) > 0
    tint = np.asarray(color) * 255
    image[inside] = (image[inside] * (1 - alpha) + alpha * tint).astype(image.dtype)
    return image


def draw_outline(ax, mask, color):
    """Draw the contour of a mask [H, W], closed at the image's edge, over a dark line for contrast."""
    y1, x1, y2, x2 = _extent(mask)
    # A border of zeros closes the contour.
    for contour in find_contours(np.pad(mask[y1:y2, x1:x2], 1).astype(float), 0.5):
        y, x = (_smooth(contour) + np.array([y1 - 1, x1 - 1])).T
        ax.plot(x, y, color="black", linewidth=2.6 * stroke(ax), alpha=0.5)
        ax.plot(x, y, color=color, linewidth=1.4 * stroke(ax))


def draw_frame(ax, box, color, linestyle="solid", alpha=1.0):
    """Draw the outline of a box (y1, x1, y2, x2) in pixels."""
    y1, x1, y2, x2 = (side - 0.5 for side in box)
    options = {"linestyle": linestyle, "alpha": alpha, "edgecolor": color, "facecolor": "none"}
    ax.add_patch(patches.Rectangle((x1, y1), x2 - x1, y2 - y1, linewidth=1.2 * stroke(ax), **options))


def lettering():
    """Return options for a text with a name in it: any letters, and a dollar sign begins no formula."""
    return {"parse_math": False, "family": ["sans-serif", *_fonts()]}


@functools.cache
def _fonts():
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in _FONTS if name in installed]


@functools.lru_cache(maxsize=64)
def font_for(text, size):
    """Return the first font, as Pillow's, that has all letters of a text, or else matplotlib's own.

    size: height of the font in pixels.
    """
    paths = [_path_of(name) for name in ("DejaVu Sans", *_fonts())]
    wanted = {ord(letter) for letter in text if letter.isprintable()}
    path = next((path for path in paths if wanted <= _letters_of(path)), paths[0])
    return ImageFont.truetype(path, size)


@functools.cache
def _path_of(family):
    return font_manager.findfont(family)


@functools.cache
def _letters_of(path):
    return frozenset(ft2font.FT2Font(path).get_charmap())


@contextlib.contextmanager
def without_warnings_of_letters():
    """Draw letters that no font has as boxes, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        yield


def stroke(ax):
    """Return the scale of line widths and font sizes in an Axes: 1 for widths up to 1000 px, then growing."""
    return max(1.0, ax.bbox.width / 1000)


class Captions:
    """The captions in an Axes; none overlaps another or crosses the edge.

    Set the limits of the Axes and its position in the figure first. Sizes are in pixels of the figure.
    """

    def __init__(self, ax):
        ax.apply_aspect()
        self._ax = ax
        self._pad = 2.0 * stroke(ax)
        self._taken = np.zeros((0, 4))  # (left, bottom, right, top)

    def add(self, box, text, color):
        """Write a text at a box (y1, x1, y2, x2): above it, or at the first other position with room.

        If other captions leave no room, the text is omitted. Returns whether it was written.
        """
        label = self._ax.text(
            0, 0, text, color="white", size=9 * stroke(self._ax), va="baseline", clip_on=True,
            bbox={"facecolor": color, "alpha": 0.55, "pad": 1.5 * stroke(self._ax), "edgecolor": "none"},
            path_effects=[patheffects.withStroke(linewidth=2 * stroke(self._ax), foreground="black")],
            **lettering(),
        )  # fmt: skip
        with without_warnings_of_letters():
            extent = label.get_window_extent()
        offset = self._ax.transData.transform((0, 0)) - np.array([extent.x0, extent.y0])
        for left, bottom in self._places(box, extent.width, extent.height):
            area = np.array([left, bottom, left + extent.width, bottom + extent.height])
            area += self._pad * np.array([-1, -1, 1, 1])
            if not self._hits(area):
                self._taken = np.vstack([self._taken, area])
                start = np.array([left, bottom]) + offset
                label.set_position(self._ax.transData.inverted().transform(start))
                return True
        label.remove()
        return False

    def _places(self, box, width, height):
        """Yield lower left corners to try, moved into the Axes: above, inside the top, above right, below."""
        y1, x1, y2, x2 = (side - 0.5 for side in box)
        (left, top), (right, bottom) = self._ax.transData.transform([(x1, y1), (x2, y2)])
        frame, pad = self._ax.bbox, self._pad
        above, inside, below = top + pad, top - height - pad, bottom - height - pad
        for x, y in ((left, above), (left, inside), (right - width, above), (left, below)):
            x = max(min(x + pad, frame.x1 - width - pad), frame.x0 + pad)
            y = max(min(y, frame.y1 - height - pad), frame.y0 + pad)
            yield x, y

    def _hits(self, area):
        left, bottom, right, top = self._taken.T
        beside = (right <= area[0]) | (left >= area[2]) | (top <= area[1]) | (bottom >= area[3])
        return not beside.all()


def _extent(mask):
    """Return the box (y1, x1, y2, x2) of a mask's pixels, or zeros for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def _smooth(contour):
    """Smooth the pixel steps of a closed contour [P, (y, x)]: each point becomes the mean of five."""
    points = contour[:-1]
    if len(points) < 16:
        return contour  # averaging would shrink it
    points = sum(np.roll(points, shift, axis=0) for shift in range(-2, 3)) / 5
    return np.vstack([points, points[:1]])
