"""The ground in perspective: coordinates of each canvas pixel, noise, and random positions on it."""

import math

import cv2
import numpy as np

from pumpkin.synthetic.noise import smoothstep

_LATTICE = 128
_SMALLEST = 0.15  # smallest scale of strewn things


class Plane:
    """Ground coordinates of each canvas pixel.

    u, v [height, width]: to the right and away, in units of ``view.unit`` canvas pixels at the reference row.
    scale [height, 1]: canvas pixels per unit at each row. first: first row of the ground.
    """

    def __init__(self, view):
        rows = np.arange(view.height, dtype=np.float32)[:, None]
        columns = np.arange(view.width, dtype=np.float32)[None, :]
        span = view.reference - view.horizon
        self.view = view
        self.squash = math.sin(view.elevation)
        self.scale = np.maximum(rows - view.horizon, 1.0) * np.float32(view.unit / span)
        self.u = (columns - view.width / 2) / self.scale
        far = np.float32(span / self.squash)
        self.v = np.repeat(far / np.float32(view.unit) - far / self.scale, view.width, axis=1)
        self.first = max(0, math.ceil(view.horizon))

    def noise(self, rng, cell, stretch=1.0):
        """Draw noise [height, width] of about unit variance with features ``cell`` units wide.

        stretch: depth of the features over their width. The noise fades where its features are too small to
        be seen, as in a photograph.
        """
        lattice = rng.standard_normal((_LATTICE, _LATTICE), dtype=np.float32)
        shift = rng.uniform(0, _LATTICE, 2).astype(np.float32)
        x = _wrapped(self.u * np.float32(1 / cell) + shift[0])
        y = _wrapped(self.v[:, :1] * np.float32(1 / (cell * stretch)) + shift[1])
        y = np.repeat(y, self.view.width, axis=1)
        field = cv2.remap(lattice, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        seen = cell * self.scale * np.minimum(1, self.scale / self.view.unit * self.squash * stretch)
        return field * smoothstep(0.5, 1.6, seen)

    def fractal(self, rng, cell, octaves, gain=0.6, stretch=1.0):
        """Sum octaves of ``noise`` from ``cell`` downwards, scaled to about unit variance."""
        heights = gain ** np.arange(octaves)
        total = sum(np.float32(h) * self.noise(rng, cell / 2**k, stretch) for k, h in enumerate(heights))
        return total * np.float32(1.5 / np.linalg.norm(heights))

    def strew(self, rng, density, most=7000, power=1.4):
        """Choose random positions (columns, rows, scales) on the ground, far ones first.

        density: number of things on a canvas of 640 x 512 pixels entirely at the reference row, at one pixel
        per unit. Distant rows get more things, though fewer than an even cover of the ground needs. most:
        largest number. power: how strongly the density grows as things get smaller.
        """
        view = self.view
        rows = np.arange(self.first, round(1.06 * view.height), dtype=np.float64)
        scales = np.maximum((rows - view.horizon) / (view.reference - view.horizon), _SMALLEST)
        weights = scales**-power
        share = rows.size * view.width / (640 * 512 * view.unit**2)
        count = int(min(most, density * share * weights.mean()))
        chosen = np.interp(rng.random(count), np.cumsum(weights) / weights.sum(), rows)
        chosen = np.sort(chosen)
        columns = rng.uniform(-0.03, 1.03, count) * view.width
        return columns, chosen, np.interp(chosen, rows, scales) * view.unit


def _wrapped(place):
    """Wrap coordinates into the periodic lattice; OpenCV's own wrapping fails far out."""
    return place - _LATTICE * np.floor(place * np.float32(1 / _LATTICE))


def relief(height, light, strength):
    """Return the brightness [height, width] of bumps of a height map that are lit from one side."""
    side = np.roll(height, 1, axis=1) - height
    back = np.roll(height, -1, axis=0) - height
    return 1 + np.float32(strength) * (-light.direction[0] * side - 0.6 * light.direction[2] * back)


def mix(low, high, amount):
    """Blend two sRGB colours by an amount [height, width], clipped to 0..1: colours [height, width, 3]."""
    amount = np.clip(amount, 0, 1)[..., None]
    return np.asarray(low, np.float32) * (1 - amount) + np.asarray(high, np.float32) * amount


def canvas_of(color):
    """Convert sRGB colours to a uint8 canvas to draw on."""
    return np.ascontiguousarray(np.clip(color, 0, 255).astype(np.uint8))
