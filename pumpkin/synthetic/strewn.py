"""Small things drawn over a ground: blades of grass, straws, pebbles, fallen leaves.

Canvases are sRGB uint8 [height, width, 3] and drawn on in place. N: number of things.
"""

import math

import cv2
import numpy as np

from pumpkin.synthetic.color import jitter, linear
from pumpkin.synthetic.solids import Sprite

GRASS_TONES = ((70, 98, 34), (94, 124, 46), (124, 146, 62), (56, 80, 30), (150, 148, 84))
STRAW_TONES = ((206, 172, 100), (184, 148, 82), (226, 198, 132), (152, 118, 64), (128, 98, 52))
LEAF_TONES = (
    (206, 120, 34),
    (188, 72, 30),
    (214, 164, 60),
    (150, 84, 40),
    (120, 66, 36),
    (160, 48, 32),
    (140, 130, 50),
)
_BITS = 4  # of fractions of a pixel, for OpenCV


def grass_blades(rng, canvas, columns, rows, scales, tint, length=(9, 22)):
    """Draw upright blades of grass that lean a little; ``tint`` [3] scales their colours."""
    outlines = _blade_outlines(rng, columns, rows, scales * rng.uniform(*length, columns.size), scales)
    _polygons(canvas, outlines, _tones(rng, GRASS_TONES, columns.size, tint))


def straws(rng, canvas, columns, rows, scales, squash, tint):
    """Draw straws in all directions, darker ones below, each with a dark line of shadow."""
    count = columns.size
    angle = rng.uniform(0, math.pi, count)
    half = 0.5 * rng.uniform(14, 54, count) * scales
    flat = max(squash, 0.3)
    step = np.stack([np.cos(angle) * half, np.sin(angle) * half * flat], axis=1)
    across = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.linalg.norm(step, axis=1, keepdims=True)
    across *= (np.maximum(0.55, 0.9 * scales) * rng.uniform(0.6, 1.1, count))[:, None]
    middle = np.stack([columns, rows], axis=1)
    outlines = np.stack(
        [middle - step - across, middle + step - across, middle + step + across, middle - step + across], 1
    )
    tones = _tones(rng, STRAW_TONES, count, tint)
    layer = rng.random(count)
    tones *= (0.55 + 0.5 * layer)[:, None]
    order = np.argsort(layer, kind="stable")
    outlines, tones, scales = outlines[order], tones[order], scales[order]
    shadows = outlines + (scales[:, None, None] * np.array([0.3, 1.6]))
    both = np.stack([shadows, outlines], axis=1).reshape(-1, 4, 2)
    _polygons(canvas, both, np.stack([0.38 * tones, tones], axis=1).reshape(-1, 3))


def pebbles(rng, plane, canvas, places, size, tones):
    """Draw rounded stones, each with a dark foot and a lit face."""
    columns, rows, scales = places
    sun = plane.view.light.direction
    lean = np.array([sun[0], -0.6])
    count = columns.size
    wide = rng.uniform(*size, count) * scales
    tall = wide * max(plane.squash, 0.35) * rng.uniform(0.7, 1.1, count)
    colors = np.asarray(tones, np.float32)[rng.integers(0, len(tones), count)]
    colors = colors * rng.uniform(0.85, 1.15, count).astype(np.float32)[:, None]
    turned = rng.uniform(-25, 25, count)
    for k in range(count):
        axes = np.array([wide[k], tall[k]])
        for shift, grow, tone in ((-0.22, 1.1, 0.45), (0.0, 1.0, 0.85), (0.16, 0.66, 1.1)):
            place = np.array([columns[k], rows[k]]) + shift * lean * axes
            shade = np.minimum(255, tone * colors[k]).tolist()
            ellipse = (_fixed(place).tolist(), _fixed(axes * grow).tolist(), turned[k], 0, 360)
            cv2.ellipse(canvas, *ellipse, shade, -1, cv2.LINE_AA, _BITS)


def fallen_leaves(rng, plane, canvas, places, size=(10, 24)):
    """Draw flat leaves, each with a mid vein, a lighter half and a small shadow."""
    sun = plane.view.light.direction
    for x, y, s in zip(*places):
        radius = rng.uniform(*size) * s
        place = np.array([x, y])
        outline, vein = (part + place for part in _leaf(rng, radius, plane.squash))
        color = jitter(rng, LEAF_TONES[rng.integers(len(LEAF_TONES))], 0.18)
        shift = 0.16 * radius * np.array([-sun[0], 0.6 + 0.4 * sun[2]])
        row, column = (int(np.clip(p, 0, n - 1)) for p, n in zip((y, x), canvas.shape))
        _fill(canvas, outline + shift, 0.5 * canvas[row, column])
        _fill(canvas, outline, color)
        _fill(canvas, outline[: len(outline) // 2 + 1], np.clip(color * 1.14, 0, 255))
        cv2.polylines(
            canvas, [_fixed(vein)], False, (0.72 * color).tolist(), max(1, round(s)), cv2.LINE_AA, _BITS
        )


def tuft(rng, view, tint, item):
    """Return the sprite of the blades in front of the foot of an item on turf."""
    body = item.thing.occluders(view, item.x, item.y, item.radius)[0]
    wide, tall = float(body.radii[0]), float(np.hypot(body.radii[1] * view.up[1], body.radii[2] * view.up[2]))
    middle = -float(body.center @ view.up)
    scale = view.unit * view.scale(item.y)
    count = int(1.3 * wide / max(scale, 0.5)) + 4
    place = rng.uniform(-0.86, 0.86, count)
    columns = item.x + wide * place
    rows = middle + tall * np.sqrt(1 - place**2) + rng.uniform(-1, 4, count) * scale
    length = np.minimum(rng.uniform(3, 15, count) * scale, 0.24 * wide)
    order = np.argsort(rows, kind="stable")
    outlines = _blade_outlines(rng, columns[order], rows[order], length[order], np.full(count, scale))
    left, top = (math.floor(v) for v in outlines.min(axis=(0, 1)) - 2)
    right, bottom = (math.ceil(v) for v in outlines.max(axis=(0, 1)) + 2)
    patch = np.zeros((bottom - top + 1, right - left + 1, 3), np.uint8)
    _polygons(patch, outlines - (left, top), _tones(rng, GRASS_TONES[:4], count, 0.92 * tint), cv2.LINE_8)
    rows, columns = np.nonzero(patch.any(axis=2))
    albedo = np.ascontiguousarray(linear(patch[rows, columns]).T)
    return _standing(view, item, rows + top, columns + left, albedo)


def _standing(view, item, rows, columns, albedo):
    """Return a sprite of pixels that are lit like the ground in front of an item."""
    count = rows.size
    front = view.ground(item.x, item.y)
    position = np.stack([columns, np.zeros(count), np.full(count, front[2] - item.radius)]).astype(np.float32)
    normal = np.repeat(np.array([[0], [1], [0]], np.float32), count, axis=1)
    rows, columns = rows.astype(np.int32), columns.astype(np.int32)
    flat = np.zeros(count, np.float32)
    return Sprite(rows, columns, flat, position, normal, albedo, flat + 0.85, flat)


def _blade_outlines(rng, columns, rows, length, scales):
    """Return outlines [N, 5, 2] of bent, pointed blades."""
    lean = rng.normal(0, 0.4, columns.size)
    foot = np.stack([columns, rows], axis=1)
    middle = foot + np.stack([0.3 * lean * length, -0.55 * length], axis=1)
    tip = foot + np.stack([lean * length, -length * np.cos(0.7 * lean)], axis=1)
    half = np.maximum(0.6, 1.0 * scales)[:, None] * np.array([1.0, 0.0])
    return np.stack([foot - half, foot + half, middle + 0.75 * half, tip, middle - 0.75 * half], axis=1)


def _leaf(rng, radius, squash):
    """Return outline [M, 2] and mid vein [2, 2] of a leaf that lies on the ground around (0, 0)."""
    angle = np.linspace(-math.pi, math.pi, 33)
    if rng.random() < 0.5:  # lobed, like a maple's
        reach = (0.60 + 0.40 * np.abs(np.cos(2.5 * angle)) ** 1.5) * (0.8 + 0.2 * np.cos(angle))
    else:  # pointed, like a beech's
        reach = 0.52 / np.sqrt(np.cos(angle) ** 2 * 0.28 + np.sin(angle) ** 2)
    points = np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1) * radius
    points[:, 1] *= rng.uniform(0.6, 1.0)
    vein = np.array([[-1.25, 0], [0.8, 0]]) * radius
    turned = rng.uniform(0, 2 * math.pi)
    c, s = math.cos(turned), math.sin(turned)
    matrix = np.array([[c, s], [-s, c]]) * (1, max(squash, 0.34))
    return points @ matrix, vein @ matrix


def _tones(rng, palette, count, tint):
    """Choose random colours [N, 3] from a palette, each a little brighter or darker."""
    colors = np.asarray(palette, np.float32)[rng.integers(0, len(palette), count)] * np.asarray(
        tint, np.float32
    )
    return np.clip(colors * rng.uniform(0.85, 1.15, (count, 1)).astype(np.float32), 0, 255)


def _polygons(canvas, outlines, colors, line=cv2.LINE_AA):
    for outline, color in zip(_fixed(outlines), colors.tolist()):
        cv2.fillConvexPoly(canvas, outline, color, line, _BITS)


def _fill(canvas, points, color):
    cv2.fillPoly(canvas, [_fixed(points)], color.tolist(), cv2.LINE_AA, _BITS)


def _fixed(points):
    return np.rint(np.asarray(points) * 2**_BITS).astype(np.int32)
