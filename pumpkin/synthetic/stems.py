"""Stems: bent, tapered, ridged tubes with a pale cut end.

K: number of points on the stem's line. P: number of pixels looked at. Q: number of pixels met.
Camera axes are (right, up, forward), rows of ``axes`` are world axes.
"""

import math
from typing import NamedTuple

import numpy as np

from pumpkin.synthetic.color import jitter, linear
from pumpkin.synthetic.noise import smoothstep
from pumpkin.synthetic.solids import Sprite

_POINTS = 14
COLORS = ((112, 118, 62), (128, 112, 70), (96, 104, 66), (140, 124, 84))
_DRY, _PALE = np.array([150, 122, 84], np.float32), np.array([176, 154, 106], np.float32)


class Face(NamedTuple):
    """The pixels that show one face of the stem.

    index [Q]: numbers of the pixels. depth [Q]: in pixels. normal [3, Q]: in camera axes. along [Q]: 0 at the
    foot, 1 at the cut end. across [Q]: -1..1 from edge to edge of the tube; on the cut end, the distance from
    its centre.
    """

    index: np.ndarray
    depth: np.ndarray
    normal: np.ndarray
    along: np.ndarray
    across: np.ndarray


def render(rng, solid, view, center, place, radius):
    """Render the sprite of a stem on a solid's pole.

    center: the solid's centre in the world; place: its (column, row) on the canvas; radius: of the solid, in
    pixels. Depths are relative to the solid's centre, as in the solid's own sprite.
    """
    axes = np.stack([view.right, view.up, view.forward], axis=1)
    line, widths = _curve(rng, solid, radius)
    seen = line @ axes  # [K, (right, up, forward)]
    pixels = _pixels(seen, widths, place)
    tube, cut = _tube(pixels, seen, widths), _cut(pixels, seen, widths)
    tube = Face(*(part[..., ~np.isin(tube.index, cut.index)] for part in tube))
    sides, shade = _bark(rng, tube)
    albedo = np.concatenate([sides, _sawn(cut)]).T
    ambient = np.concatenate([shade, np.ones(cut.index.size, np.float32)])
    index, depth = np.concatenate([tube.index, cut.index]), np.concatenate([tube.depth, cut.depth])
    normal = axes @ np.concatenate([tube.normal, cut.normal], axis=1)
    u, v = pixels[index].T
    position = center[:, None] + axes @ np.stack([u, v, depth])
    rows, columns = np.rint(place[1] - v).astype(np.int32), np.rint(place[0] + u).astype(np.int32)
    gloss = np.full(index.size, 0.03, np.float32)
    return Sprite(rows, columns, depth, position, normal, np.ascontiguousarray(albedo), ambient, gloss)


def _curve(rng, solid, radius):
    """Return points [K, 3] relative to the solid's centre and half widths [K] in pixels, foot to cut end."""
    along = np.linspace(0, 1, _POINTS, dtype=np.float32)
    axis = solid.rotation[1]  # the solid's axis in the world
    heading = rng.uniform(0, 2 * math.pi)
    side = np.cross(axis, [math.cos(heading), 0.2, math.sin(heading)]).astype(np.float32)
    side /= np.float32(np.linalg.norm(side))
    length = radius * rng.uniform(0.34, 0.62)
    bend = length * rng.uniform(0.1, 0.8)
    foot = solid.pole() * radius
    line = foot + np.outer(along - 0.08, axis) * length + np.outer(along**2, side) * bend
    thick = radius * rng.uniform(0.065, 0.11)
    flare = 1 + 1.3 * np.exp(-along / 0.13) + 0.35 * smoothstep(0.6, 1.0, along)
    return line.astype(np.float32), (thick * flare).astype(np.float32)


def _pixels(seen, widths, place):
    """Return offsets (right, up) [P, 2] from the solid's centre to the pixels that the stem may cover."""
    margin = float(widths.max()) + 2
    low, high = np.floor(seen.min(axis=0) - margin), np.ceil(seen.max(axis=0) + margin)
    u, v = np.meshgrid(
        np.arange(low[0], high[0] + 1) - (place[0] - math.floor(place[0])),
        np.arange(low[1], high[1] + 1) + (place[1] - math.floor(place[1])),
    )
    return np.stack([u.ravel(), v.ravel()], axis=1).astype(np.float32)


def _tube(pixels, seen, widths):
    """Return the Face of the tube: each pixel takes the line segment that is nearest in units of width."""
    best = np.ones(len(pixels), np.float32)
    values = np.zeros((4, len(pixels)), np.float32)  # along, lean right, lean up, depth
    for k in range(len(seen) - 1):
        step = seen[k + 1] - seen[k]
        offset = pixels - seen[k, :2]
        t = np.clip(offset @ step[:2] / max(float(step[:2] @ step[:2]), 1e-3), 0, 1)
        width = widths[k] + t * (widths[k + 1] - widths[k])
        lean = (offset - t[:, None] * step[:2]).T / width
        distance = np.sqrt((lean * lean).sum(0))
        bulge = width * np.sqrt(np.clip(1 - distance * distance, 0, 1))
        found = np.stack([(k + t) / (len(seen) - 1), *lean, seen[k, 2] + t * step[2] - bulge])
        closer = distance < best
        best[closer] = distance[closer]
        values[:, closer] = found[:, closer]
    end = seen[-1, :2] - seen[-2, :2]
    beyond = ((pixels - seen[-1, :2]) @ end > 0) & (values[0] > 0.6)
    index = np.flatnonzero((best < 1) & ~beyond)
    along, right, up, depth = values[:, index]
    toward = -np.sqrt(np.clip(1 - right * right - up * up, 0, 1))
    flow = np.gradient(seen[:, :2], axis=0)[np.rint(along * (len(seen) - 1)).astype(int)]
    side = np.sign(flow[:, 0] * up - flow[:, 1] * right)
    return Face(index, depth, np.stack([right, up, toward]), along, side * best[index])


def _cut(pixels, seen, widths):
    """Return the Face of the cut end, a disc across the line's end; empty if it faces away."""
    tangent = seen[-1] - seen[-2]
    tangent = tangent / np.float32(np.linalg.norm(tangent))
    offset = pixels - seen[-1, :2]
    deep = -(offset @ tangent[:2]) / min(float(tangent[2]), -1e-3)
    distance = np.sqrt((offset * offset).sum(1) + deep * deep) / widths[-1]
    index = np.flatnonzero((distance < 1) & (tangent[2] < -0.08))
    normal = np.repeat(tangent[:, None], index.size, axis=1)
    depth = (seen[-1, 2] + deep[index] - 0.6 * widths[-1]).astype(np.float32)
    return Face(index, depth, normal, np.ones(index.size, np.float32), distance[index])


def _bark(rng, tube):
    """Return albedo [Q, 3] and ambient [Q] of the ridged sides, which look drier towards the cut."""
    color = jitter(rng, COLORS[rng.integers(len(COLORS))], 0.12)
    around = np.arcsin(np.clip(tube.across, -1, 1)) + 0.3 * tube.along
    ridge = 0.5 + 0.5 * np.cos(2 * int(rng.integers(3, 6)) * around)
    dry = (rng.uniform(0.1, 0.7) * smoothstep(0.2, 1.0, tube.along))[:, None]
    skin = (color * (1 - dry) + _DRY * dry) * (0.70 + 0.38 * ridge)[:, None]
    ambient = (0.55 + 0.45 * ridge) * (0.55 + 0.45 * smoothstep(0, 0.35, tube.along))
    return linear(skin), ambient.astype(np.float32)


def _sawn(cut):
    """Return the albedo [Q, 3] of the pale cut end with a darker rim and centre."""
    tone = 1 - 0.35 * smoothstep(0.55, 1.0, cut.across) - 0.2 * np.exp(-((cut.across / 0.3) ** 2))
    return linear(_PALE * tone[:, None])
