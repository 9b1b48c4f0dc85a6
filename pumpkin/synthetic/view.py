"""The camera and the light.

World axes: X right, Y up, Z away from the camera, all in canvas pixels. The camera looks down by
``elevation``. There is no perspective within an object; objects only get smaller towards the horizon.
A ground point (X, 0, Z) appears at canvas column X and row -Z * sin(elevation).
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Light:
    """One sun (or lamp) and the ambient light of the sky.

    direction: unit vector (X, Y, Z) towards the sun. sun, sky: linear RGB. softness: width of penumbras.
    """

    direction: tuple
    sun: tuple
    sky: tuple
    softness: float


@dataclass(frozen=True)
class View:
    """The camera's view: canvas size in pixels, elevation in radians, row of the horizon, light.

    reference: canvas row at which objects have their stated size; sizes shrink linearly towards the horizon.
    unit: canvas pixels per unit of the ground's features at that row; a pumpkin's radius is about 64 units.
    """

    height: int
    width: int
    elevation: float
    horizon: float
    reference: float
    unit: float
    light: Light

    @property
    def right(self):
        """Unit vector to the right of the canvas, in world axes."""
        return np.array([1, 0, 0], np.float32)

    @property
    def up(self):
        """Unit vector up the canvas, in world axes."""
        return np.array([0, math.cos(self.elevation), math.sin(self.elevation)], np.float32)

    @property
    def forward(self):
        """Unit vector of the viewing direction, in world axes."""
        return np.array([0, -math.sin(self.elevation), math.cos(self.elevation)], np.float32)

    def ground(self, x, y):
        """Return the ground point (X, 0, Z) at canvas column x and row y."""
        return np.array([x, 0, -y / math.sin(self.elevation)], np.float32)

    def scale(self, y):
        """Return the size of things at row y relative to the reference row, at least 0.05."""
        return max(0.05, (y - self.horizon) / (self.reference - self.horizon))


def random_light(rng, indoors=False):
    """Draw a random light from the left or the right, between high noon and late afternoon."""
    azimuth = rng.uniform(0.35, 1.45) * (1 if rng.random() < 0.5 else -1)
    height = rng.uniform(0.45, 0.95)
    direction = (
        math.cos(height) * math.sin(azimuth),
        math.sin(height),
        -math.cos(height) * math.cos(azimuth),
    )
    warmth = rng.uniform(-0.35, 1.0)  # -1 cool, 1 warm
    strength = rng.uniform(0.9, 1.5)
    sun = strength * np.array([1 + 0.12 * warmth, 1.0, 1 - 0.30 * warmth])
    fill = rng.uniform(0.38, 0.62) if indoors else rng.uniform(0.30, 0.65)
    sky = fill * np.array([0.94 + 0.05 * warmth, 1.0, 1.10 - 0.05 * warmth])
    if indoors:
        sky = fill * np.array([1.04, 1.0, 0.95])
    softness = rng.uniform(0.10, 0.35)
    if rng.random() < 0.2:  # overcast: shadows are broad and faint
        sun, sky, softness = 0.55 * sun, 1.7 * sky, 0.6
    return Light(direction, tuple(map(float, sun)), tuple(map(float, sky)), float(softness))
