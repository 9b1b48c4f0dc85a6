"""The strokes of mrcnn.visualize: tints, outlines, boxes and captions in an Axes.

Pixel k of an image spans k - 0.5 to k + 0.5 in an Axes, so a pixel's edge k stands at k - 0.5 there.
"""

import colorsys

import numpy as np
from matplotlib import patches, patheffects
from skimage.measure import find_contours

_GOLDEN_RATIO = (np.sqrt(5) - 1) / 2
_FIRST_HUE = 0.5  # of most photographs the rarest: neither skin, soil, leaf nor pumpkin
_HUES_APART = 13  # so many are at least a twentieth of the circle apart


def random_colors(N, bright=True):
    """N colours that stay apart, the same ones each time: tuples of RGB in 0..1.

    Each hue is a golden section of the circle away from the one before, so that any first few are spread
    evenly; where hues come near to earlier ones, the colours are paler. bright: full brightness, or 0.7.
    """
    hues = (_FIRST_HUE + _GOLDEN_RATIO * np.arange(N)) % 1
    saturations = np.where(np.arange(N) // _HUES_APART % 2, 0.5, 0.9)
    value = 1.0 if bright else 0.7
    return [colorsys.hsv_to_rgb(hue, saturation, value) for hue, saturation in zip(hues, saturations)]


def apply_mask(image, mask, color, alpha=0.5):
    """Tint the pixels of a mask [H, W] in an image [H, W, 3] uint8, in place; returns the image."""
    inside = np.asarray(mask) > 0
    tint = np.asarray(color) * 255
    image[inside] = (image[inside] * (1 - alpha) + alpha * tint).astype(image.dtype)
    return image


def draw_outline(ax, mask, color):
    """The contour of a mask [H, W], closed at the image's edge, on a dark line that sets it off."""
    y1, x1, y2, x2 = _extent(mask)
    # A border of zeros closes the contour.
    for contour in find_contours(np.pad(mask[y1:y2, x1:x2], 1).astype(float), 0.5):
        y, x = (_smooth(contour) + np.array([y1 - 1, x1 - 1])).T
        ax.plot(x, y, color="black", linewidth=2.6 * stroke(ax), alpha=0.5)
        ax.plot(x, y, color=color, linewidth=1.4 * stroke(ax))


def draw_frame(ax, box, color, linestyle="solid", alpha=1.0):
    """The outline of a box (y1, x1, y2, x2)."""
    y1, x1, y2, x2 = (side - 0.5 for side in box)
    options = {"linestyle": linestyle, "alpha": alpha, "edgecolor": color, "facecolor": "none"}
    ax.add_patch(patches.Rectangle((x1, y1), x2 - x1, y2 - y1, linewidth=1.2 * stroke(ax), **options))


def stroke(ax):
    """The factor on widths of lines and sizes of letters: 1 up to a picture of 1000 px."""
    return max(1.0, ax.bbox.width / 1000)


class Captions:
    """The captions in an Axes, none over another one or beyond the edge.

    The Axes must have its limits and its place in the figure already. Sizes are in pixels of the figure.
    """

    def __init__(self, ax):
        ax.apply_aspect()
        self._ax = ax
        self._pad = 2.0 * stroke(ax)
        self._taken = np.zeros((0, 4))  # (left, bottom, right, top)

    def add(self, box, text, color):
        """Write a text at a box (y1, x1, y2, x2): above it, or where else there is room.

        Where other captions leave no room it is left out. Returns whether it was written.
        """
        label = self._ax.text(
            0, 0, text, color="white", size=9 * stroke(self._ax), va="baseline", clip_on=True,
            bbox={"facecolor": color, "alpha": 0.55, "pad": 1.5 * stroke(self._ax), "edgecolor": "none"},
            path_effects=[patheffects.withStroke(linewidth=2 * stroke(self._ax), foreground="black")],
        )  # fmt: skip
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
        """Lower left corners to try, moved into the Axes: above, at the top inside, above right, below."""
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
    """(y1, x1, y2, x2) of the pixels of a mask, zeros for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def _smooth(contour):
    """A closed contour [P, (y, x)] without the steps of its pixels, each point the mean of five."""
    points = contour[:-1]
    if len(points) < 16:
        return contour  # it would shrink
    points = sum(np.roll(points, shift, axis=0) for shift in range(-2, 3)) / 5
    return np.vstack([points, points[:1]])
