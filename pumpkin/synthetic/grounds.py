"""Grounds: grass, straw, soil, planks, gravel, leaves, paving, a table.

A painter is a function ``(rng, plane, tint) -> linear albedo [height, width, 3]``; tint [3] scales its
colours. The backdrop later covers the rows above the horizon.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pumpkin.synthetic import strewn
from pumpkin.synthetic.color import jitter, linear, srgb
from pumpkin.synthetic.noise import smoothstep
from pumpkin.synthetic.plane import canvas_of, mix, relief


@dataclass(frozen=True)
class Ground:
    """A kind of ground.

    paint: the painter. share: relative frequency. turf: blades of grass stand in front of things. litter:
    probability of fallen leaves. indoors: the backdrop is a room's wall.
    """

    paint: Any
    share: float
    turf: bool = False
    litter: float = 0.3
    indoors: bool = False


def soil(rng, plane, tint):
    """Paint earth with clods and a few pebbles."""
    height = plane.fractal(rng, 70, 6, gain=0.72, stretch=0.6 / plane.squash)
    low, high = np.array([66, 48, 35]) * tint, np.array([136, 106, 77]) * tint
    color = mix(low, high, 0.5 + 0.22 * height) * relief(height, plane.view.light, 0.4)[..., None]
    canvas = canvas_of(color)
    stones = [np.array(c) * tint for c in ((132, 120, 104), (104, 90, 76))]
    strewn.pebbles(rng, plane, canvas, plane.strew(rng, rng.uniform(20, 140), 300), (3, 9), stones)
    return linear(canvas)


def grass(rng, plane, tint, density=5200):
    """Paint turf: blades of grass drawn from far to near over mottled green."""
    patches = plane.fractal(rng, 220, 4, stretch=0.5 / plane.squash)
    fine = plane.noise(rng, 5, 0.6 / plane.squash)
    low, high = np.array([56, 78, 28]) * tint, np.array([112, 134, 54]) * tint
    canvas = canvas_of(mix(low, high, 0.45 + 0.16 * patches + 0.12 * fine))
    strewn.grass_blades(rng, canvas, *plane.strew(rng, density), tint)
    return linear(canvas)


def straw(rng, plane, tint):
    """Paint loose straw in all directions."""
    base = plane.fractal(rng, 60, 5, gain=0.7, stretch=0.5 / plane.squash)
    low, high = np.array([108, 82, 42]) * tint, np.array([188, 154, 90]) * tint
    canvas = canvas_of(mix(low, high, 0.42 + 0.24 * base))
    strewn.straws(rng, canvas, *plane.strew(rng, 3200, 5200), plane.squash, tint)
    return linear(canvas)


def planks(rng, plane, tint):
    """Paint wooden boards that run away from the camera or across."""
    across = rng.random() < 0.5
    place, stretch, wide = (plane.v, 1 / 14, 14) if across else (plane.u, 14, 1)
    width = rng.uniform(50, 120)
    board = np.floor(place / np.float32(width)).astype(np.int32)
    edge = np.abs(place / np.float32(width) - board - 0.5) * 2
    tone = rng.normal(0, 1, 509).astype(np.float32)[board % 509]
    grain = plane.noise(rng, 4 * wide, stretch) + 0.8 * plane.noise(rng, 11 * wide, stretch)
    grain += 0.5 * plane.fractal(rng, 160, 2)
    wood = [((150, 110, 70), (196, 154, 106)), ((112, 82, 60), (156, 122, 92))]
    wood += [((146, 140, 132), (186, 180, 170)), ((104, 62, 38), (150, 98, 62))]
    low, high = (np.array(c) * tint for c in wood[rng.integers(len(wood))])
    color = mix(low, high, 0.5 + 0.16 * grain + 0.18 * tone)
    pixel = 3.0 / (width * plane.scale)  # a seam is about 1.5 canvas pixels wide
    seam = smoothstep(1 - pixel, 1 - 0.2 * pixel, edge) * smoothstep(0.5, 0.1, pixel)
    return linear(canvas_of(color * (1 - 0.7 * seam)[..., None]))


def paving(rng, plane, tint):
    """Paint concrete, sometimes with joints between slabs."""
    stain = plane.fractal(rng, 200, 6, gain=0.7)
    low, high = np.array([112, 108, 102]) * tint, np.array([178, 172, 162]) * tint
    color = mix(low, high, 0.55 + 0.14 * stain + 0.10 * plane.noise(rng, 2.2))
    if rng.random() < 0.6:
        size = rng.uniform(110, 240)
        for place in (plane.u, plane.v):
            edge = np.abs(np.mod(place / np.float32(size) + rng.uniform(), 1) - 0.5) * 2
            pixel = 4.0 / (size * plane.scale)
            joint = smoothstep(1 - pixel, 1 - 0.3 * pixel, edge) * smoothstep(0.4, 0.1, pixel)
            color *= (1 - 0.45 * joint)[..., None]
    return linear(canvas_of(color))


def gravel(rng, plane, tint):
    """Paint small rounded stones."""
    speckle = plane.noise(rng, 6, 0.6 / plane.squash)
    canvas = canvas_of(
        mix(np.array([84, 80, 74]) * tint, np.array([128, 122, 112]) * tint, 0.5 + 0.3 * speckle)
    )
    tones = ((150, 144, 136), (120, 116, 110), (168, 160, 146), (136, 122, 108), (104, 102, 100))
    places = plane.strew(rng, 2300, 2600)
    strewn.pebbles(rng, plane, canvas, places, (4, 10), [np.array(c) * tint for c in tones])
    return linear(canvas)


def leaves(rng, plane, tint):
    """Paint fallen leaves over soil or turf."""
    base = soil(rng, plane, tint) if rng.random() < 0.5 else grass(rng, plane, tint, density=3000)
    canvas = canvas_of(srgb(base))
    strewn.fallen_leaves(rng, plane, canvas, plane.strew(rng, rng.uniform(60, 420), 600))
    return linear(canvas)


def table(rng, plane, tint):
    """Paint a table top: wood without seams, or a plain or chequered cloth."""
    kind = rng.integers(3)
    if kind == 0:
        grain = (
            plane.noise(rng, 90, 1 / 16)
            + 0.8 * plane.noise(rng, 260, 1 / 20)
            + 0.4 * plane.fractal(rng, 200, 2)
        )
        wood = [
            ((124, 84, 52), (176, 128, 84)),
            ((86, 58, 42), (128, 92, 66)),
            ((190, 168, 138), (222, 204, 176)),
        ]
        low, high = (np.array(c) * tint for c in wood[rng.integers(len(wood))])
        return linear(canvas_of(mix(low, high, 0.5 + 0.18 * grain)))
    cloth = [(226, 220, 208), (120, 130, 136), (150, 60, 52), (66, 84, 108), (188, 170, 140), (90, 104, 78)]
    color = jitter(rng, cloth[rng.integers(len(cloth))], 0.08)
    weave = 1 + 0.03 * plane.noise(rng, 2.0) + 0.03 * plane.fractal(rng, 240, 3)
    checks = np.zeros_like(weave)
    if kind == 2:
        size = np.float32(rng.uniform(36, 80))
        edge = 0.08 / np.clip(plane.scale, 0.2, 1)
        checks = sum((smoothstep(-edge, edge, np.sin(np.pi * p / size)) for p in (plane.u, plane.v)), checks)
        checks = 0.92 - 0.46 * checks
    return linear(canvas_of(mix(color, (236, 230, 220), checks) * weave[..., None]))


def littered(rng, plane, albedo):
    """Add a few fallen leaves to an albedo [height, width, 3]."""
    canvas = canvas_of(srgb(albedo))
    strewn.fallen_leaves(rng, plane, canvas, plane.strew(rng, rng.uniform(4, 30), 40))
    return linear(canvas)


GROUNDS = {
    "grass": Ground(grass, 0.20, turf=True),
    "straw": Ground(straw, 0.15, litter=0.1),
    "soil": Ground(soil, 0.12),
    "planks": Ground(planks, 0.14),
    "paving": Ground(paving, 0.10),
    "gravel": Ground(gravel, 0.08),
    "leaves": Ground(leaves, 0.13, litter=0.0),
    "table": Ground(table, 0.08, litter=0.0, indoors=True),
}
