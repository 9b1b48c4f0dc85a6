"""Grounds in perspective: grass, straw, soil, planks, gravel, leaves, paving, a table.

A ground paints linear albedo [height, width, 3]; rows above the horizon are the backdrop's.
"""

import math

import cv2
import numpy as np

from pumpkin.synthetic.color import jitter, linear, srgb
from pumpkin.synthetic.noise import smoothstep


class Plane:
    """Ground coordinates of each canvas pixel: u to the right, v away, in canvas pixels of the reference row.

    scale [height, 1]: size of things at each row (0 at and above the horizon).
    """

    def __init__(self, view):
        rows = np.arange(view.height, dtype=np.float32)[:, None]
        columns = np.arange(view.width, dtype=np.float32)[None, :]
        below = np.maximum(rows - view.horizon, 1.0).astype(np.float32)
        span = view.reference - view.horizon
        self.view = view
        self.squash = math.sin(view.elevation)
        self.scale = below / np.float32(span)
        self.u = (columns - view.width / 2) / self.scale
        self.v = np.broadcast_to(-(span / self.squash) / self.scale, self.u.shape) + np.float32(
            span / self.squash
        )
        self.first = max(0, math.ceil(view.horizon))  # the first row of ground

    def noise(self, rng, cell, stretch=1.0, cubic=False):
        """Noise [height, width] with features ``cell`` wide and ``stretch`` as deep, faded where tiny."""
        lattice = rng.standard_normal((128, 128), dtype=np.float32)
        offset = rng.uniform(0, 128, 2)
        x = (self.u / np.float32(cell) + np.float32(offset[0])) % 128
        y = (self.v / np.float32(cell * stretch) + np.float32(offset[1])) % 128
        how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
        field = cv2.remap(lattice, x, np.ascontiguousarray(y), how, borderMode=cv2.BORDER_WRAP)
        seen = cell * self.scale * np.minimum(1, self.scale * self.squash * stretch)
        return field * smoothstep(0.5, 1.6, seen)

    def fractal(self, rng, cell, octaves, gain=0.6, stretch=1.0):
        """Octaves of ``noise`` from ``cell`` downwards, of about unit variance."""
        heights = gain ** np.arange(octaves)
        total = sum(float(h) * self.noise(rng, cell / 2**k, stretch) for k, h in enumerate(heights))
        return total * np.float32(np.linalg.norm(heights) ** -1 * 1.5)

    def scatter(self, rng, count):
        """``count`` places (columns, rows, scales), evenly spread over the ground, far ones first."""
        view = self.view
        top = max(view.horizon + 2, 0)
        near, far = 1 / (view.height * 1.08 - view.horizon), 1 / (top - view.horizon)
        depth = (
            rng.uniform(near, far, 4 * count)
            if far / near < 12
            else near + (far - near) * rng.power(0.5, 4 * count)
        )
        rows = view.horizon + 1 / depth
        spread = (rows - view.horizon) / (view.height - view.horizon)
        # nearer rows are fewer in depth but wider apart on the canvas: keep what the canvas can hold
        columns = view.width * (0.5 + rng.uniform(-0.6, 0.6, rows.size) / np.minimum(1, spread))
        inside = (columns > -0.1 * view.width) & (columns < 1.1 * view.width)
        rows, columns = rows[inside][:count], columns[inside][:count]
        order = np.argsort(rows, kind="stable")
        rows, columns = rows[order], columns[order]
        return columns, rows, (rows - view.horizon) / (view.reference - view.horizon)


def relief(height, light, strength):
    """Brightness [height, width] of a bumpy ground lit from the light's side."""
    side = np.roll(height, 1, axis=1) - height
    back = np.roll(height, -1, axis=0) - height
    return 1 + strength * np.float32(1.0) * (-light.direction[0] * side - 0.6 * light.direction[2] * back)


def _mix(low, high, amount):
    amount = np.clip(amount, 0, 1)[..., None]
    return np.asarray(low, np.float32) * (1 - amount) + np.asarray(high, np.float32) * amount


def soil(rng, plane):
    """Brown earth with clods and a few pebbles."""
    height = plane.fractal(rng, 70, 6, gain=0.68)
    low, high = jitter(rng, (70, 50, 36), 0.15), jitter(rng, (138, 106, 76), 0.15)
    color = _mix(low, high, 0.5 + 0.28 * height) * relief(height, plane.view.light, 0.35)[..., None]
    canvas = _canvas(color)
    _pebbles(rng, plane, canvas, int(rng.integers(20, 160)), (3, 9), [(132, 120, 104), (104, 90, 76)])
    return linear(canvas)


def grass(rng, plane):
    """Turf: blades drawn from far to near over mottled green."""
    patches = plane.fractal(rng, 220, 4)
    low, high = jitter(rng, (52, 74, 26), 0.15), jitter(rng, (104, 124, 48), 0.15)
    canvas = _canvas(_mix(low, high, 0.45 + 0.22 * patches + 0.12 * plane.noise(rng, 5)))
    columns, rows, scales = plane.scatter(rng, 5200)
    tones = [
        jitter(rng, c, 0.15)
        for c in ((70, 100, 34), (96, 130, 46), (126, 150, 64), (58, 84, 30), (150, 150, 84))
    ]
    _blades(rng, canvas, columns, rows, scales, tones, length=(10, 26), width=1.6)
    return linear(canvas)


def straw(rng, plane):
    """Loose straw in all directions."""
    base = plane.fractal(rng, 60, 4)
    canvas = _canvas(_mix((96, 70, 34), (156, 122, 66), 0.4 + 0.25 * base))
    tones = [
        jitter(rng, c, 0.1)
        for c in ((206, 172, 98), (184, 148, 80), (226, 198, 130), (150, 116, 62), (120, 90, 46))
    ]
    columns, rows, scales = plane.scatter(rng, 4200)
    angle = rng.uniform(0, math.pi, columns.size)
    length = rng.uniform(16, 60, columns.size) * scales
    step = np.stack([np.cos(angle) * length, np.sin(angle) * length * plane.squash], axis=1)
    start = np.stack([columns, rows], axis=1) - step / 2
    bend = rng.normal(0, 0.06, columns.size)[:, None] * step[:, ::-1]
    lines = np.stack([start, start + step / 2 + bend, start + step], axis=1)
    _bands(canvas, lines, scales, rng.integers(0, len(tones), columns.size), tones, width=1.5)
    return linear(canvas)


def planks(rng, plane):
    """Wooden boards, running away from the camera or across."""
    across = rng.random() < 0.5
    u = plane.v if across else plane.u
    width = rng.uniform(50, 120)
    board = np.floor(u / width).astype(np.int32)
    edge = np.abs(u / width - board - 0.5) * 2
    tone = rng.normal(0, 1, 509).astype(np.float32)[board % 509]
    stretch = 1 / 14 if across else 14
    cell = 4 * 14 if across else 4
    grain = (
        plane.noise(rng, cell, stretch)
        + 0.8 * plane.noise(rng, cell * 2.7, stretch)
        + 0.5 * plane.fractal(rng, 160, 2)
    )
    wood = [
        ((150, 110, 70), (196, 154, 106)),
        ((112, 82, 60), (156, 122, 92)),
        ((146, 140, 132), (186, 180, 170)),
    ]
    wood += [((104, 62, 38), (150, 98, 62))]
    low, high = (jitter(rng, c, 0.08) for c in wood[rng.integers(len(wood))])
    color = _mix(low, high, 0.5 + 0.16 * grain + 0.18 * tone)
    pixel = 3.0 / (width * plane.scale)  # a seam is about 1.5 canvas pixels wide
    seam = smoothstep(1 - pixel, 1 - 0.2 * pixel, edge) * smoothstep(0.5, 0.1, pixel)
    return linear(_canvas(color * (1 - 0.7 * seam)[..., None]))


def paving(rng, plane):
    """Concrete, with joints between slabs or without."""
    stain = plane.fractal(rng, 200, 5, gain=0.65)
    low, high = jitter(rng, (112, 108, 102), 0.12), jitter(rng, (176, 170, 160), 0.08)
    fine = plane.noise(rng, 2.2)
    color = _mix(low, high, 0.55 + 0.16 * stain + 0.09 * fine)
    if rng.random() < 0.6:
        size = rng.uniform(110, 240)
        shift = rng.uniform(0, size, 2)
        for place in (plane.u + np.float32(shift[0]), plane.v + np.float32(shift[1])):
            edge = np.abs((place / size) % 1 - 0.5) * 2
            pixel = 4.0 / (size * plane.scale)
            color *= (1 - 0.45 * smoothstep(1 - pixel, 1 - 0.3 * pixel, edge) * smoothstep(0.4, 0.1, pixel))[
                ..., None
            ]
    return linear(_canvas(color))


def gravel(rng, plane):
    """Small rounded stones, each lit from the light's side."""
    canvas = _canvas(_mix((70, 66, 60), (104, 98, 90), 0.5 + 0.3 * plane.noise(rng, 6)))
    tones = [(150, 144, 136), (120, 116, 110), (172, 162, 146), (136, 122, 108), (98, 96, 94)]
    _pebbles(rng, plane, canvas, 2600, (4, 9), [jitter(rng, c, 0.1) for c in tones])
    return linear(canvas)


def leaves(rng, plane):
    """Fallen leaves over soil or turf."""
    if rng.random() < 0.5:
        base = _mix((66, 50, 36), (118, 92, 64), 0.5 + 0.25 * plane.fractal(rng, 70, 5, gain=0.65))
    else:
        base = _mix((58, 76, 30), (104, 122, 50), 0.5 + 0.22 * plane.fractal(rng, 120, 5))
    canvas = _canvas(base)
    count = int(rng.integers(140, 420))
    strew(rng, plane, canvas, count)
    return linear(canvas)


def table(rng, plane):
    """A table top: wood without seams, a plain cloth or a chequered one."""
    kind = rng.integers(3)
    if kind == 0:
        grain = (
            plane.noise(rng, 90, 1 / 16)
            + 0.8 * plane.noise(rng, 260, 1 / 20)
            + 0.4 * plane.fractal(rng, 200, 2)
        )
        low, high = [
            ((124, 84, 52), (176, 128, 84)),
            ((86, 58, 42), (128, 92, 66)),
            ((190, 168, 138), (222, 204, 176)),
        ][rng.integers(3)]
        return linear(_canvas(_mix(jitter(rng, low, 0.08), jitter(rng, high, 0.06), 0.5 + 0.18 * grain)))
    cloth = [(226, 220, 208), (120, 130, 136), (150, 60, 52), (66, 84, 108), (188, 170, 140), (90, 104, 78)]
    color = jitter(rng, cloth[rng.integers(len(cloth))], 0.08)
    weave = (plane.noise(rng, 2.0) * 0.03 + plane.fractal(rng, 240, 3) * 0.03)[..., None]
    if kind == 2:
        size = rng.uniform(36, 80)
        checks = sum(
            (smoothstep(-0.08, 0.08, np.sin(np.pi * p / size)) for p in (plane.u, plane.v)), np.float32(0)
        )
        color = _mix((236, 230, 220), color, 0.08 + 0.46 * checks)
    return linear(_canvas(color * (1 + weave) + np.zeros((*plane.u.shape, 1), np.float32)))


GROUNDS = {
    "grass": (grass, 0.2),
    "straw": (straw, 0.15),
    "soil": (soil, 0.12),
    "planks": (planks, 0.14),
    "paving": (paving, 0.1),
    "gravel": (gravel, 0.08),
    "leaves": (leaves, 0.13),
    "table": (table, 0.08),
}
LEAF_TONES = (
    (206, 120, 34),
    (188, 72, 30),
    (214, 164, 60),
    (150, 84, 40),
    (120, 66, 36),
    (168, 44, 30),
    (140, 130, 50),
)


def strew(rng, plane, canvas, count, size=(9, 22)):
    """Draw ``count`` fallen leaves on an sRGB canvas, in place."""
    columns, rows, scales = plane.scatter(rng, count)
    sun = plane.view.light.direction
    for x, y, s in zip(columns, rows, scales):
        radius = rng.uniform(*size) * s
        outline, vein = _leaf(rng, radius, plane.squash)
        color = jitter(rng, LEAF_TONES[rng.integers(len(LEAF_TONES))], 0.15)
        shift = 0.22 * radius * np.array([-sun[0], 0.5 + 0.5 * sun[2]])
        place = np.array([x, y])
        outline, vein = outline + place, vein + place
        row, column = (int(np.clip(p, 0, n - 1)) for p, n in zip((y, x), canvas.shape))
        _fill(canvas, outline + shift, 0.55 * canvas[row, column])
        _fill(canvas, outline, color)
        _fill(canvas, outline[: len(outline) // 2 + 1], np.clip(color * 1.14, 0, 255))
        line = np.rint(vein * 16).astype(np.int32)
        cv2.polylines(canvas, [line], False, tuple(float(c) for c in color * 0.72), 1, cv2.LINE_AA, 4)


def _leaf(rng, radius, squash):
    """Outline [M, 2] and mid vein [2, 2] of a leaf that lies on the ground, round (0, 0)."""
    angle = np.linspace(-math.pi, math.pi, 25)
    if rng.random() < 0.5:  # lobed, like a maple's
        reach = 0.62 + 0.38 * np.abs(np.cos(2.5 * angle)) ** 1.5
        reach *= 0.75 + 0.25 * np.cos(angle)
    else:  # pointed, like a beech's
        reach = 0.45 / np.sqrt(np.cos(angle) ** 2 * 0.2 + np.sin(angle) ** 2)
    points = np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1) * radius
    points[:, 1] *= rng.uniform(0.5, 1.0)
    vein = np.array([[-1.3, 0], [0.8, 0]]) * radius
    turned = rng.uniform(0, 2 * math.pi)
    c, s = math.cos(turned), math.sin(turned)
    matrix = np.array([[c, s], [-s, c]]) * (1, max(squash, 0.3))
    return points @ matrix, vein @ matrix


def _fill(canvas, points, color):
    cv2.fillPoly(
        canvas, [np.rint(points * 16).astype(np.int32)], tuple(float(c) for c in color), cv2.LINE_AA, 4
    )


def _canvas(color):
    return np.ascontiguousarray(np.clip(color, 0, 255).astype(np.uint8))


def _blades(rng, canvas, columns, rows, scales, tones, length, width):
    tall = rng.uniform(*length, columns.size) * scales
    lean = rng.normal(0, 0.45, columns.size)
    foot = np.stack([columns, rows], axis=1)
    middle = foot + np.stack([0.35 * lean * tall, -0.55 * tall], axis=1)
    tip = foot + np.stack([lean * tall, -tall * np.cos(0.7 * lean)], axis=1)
    _bands(
        canvas,
        np.stack([foot, middle, tip], axis=1),
        scales,
        rng.integers(0, len(tones), columns.size),
        tones,
        width,
    )


def _bands(canvas, lines, scales, tone, tones, width, bands=28):
    """Draw polylines [N, points, 2] that are sorted from far to near, a few colours at a time."""
    fixed = np.rint(lines * 8).astype(np.int32)
    for part in np.array_split(np.arange(len(lines)), bands):
        thick = max(1, round(width * float(scales[part].mean())))
        for k, color in enumerate(tones):
            chosen = list(fixed[part[tone[part] == k]])
            cv2.polylines(canvas, chosen, False, tuple(float(c) for c in color), thick, cv2.LINE_AA, 3)


def _pebbles(rng, plane, canvas, count, size, tones):
    columns, rows, scales = plane.scatter(rng, count)
    sun = plane.view.light.direction
    lean = np.array([sun[0], -0.6])
    for x, y, s in zip(columns, rows, scales):
        wide = rng.uniform(*size) * s
        tall = wide * max(plane.squash, 0.35) * rng.uniform(0.7, 1.1)
        color = np.asarray(tones[rng.integers(len(tones))], np.float32) * rng.uniform(0.85, 1.15)
        turned = rng.uniform(-25, 25)
        for shift, grow, tone in ((-0.22, 1.1, 0.45), (0.0, 1.0, 0.85), (0.16, 0.66, 1.12)):
            place = np.rint((np.array([x, y]) + shift * lean * (wide, tall)) * 16).astype(int)
            axes = np.rint(np.array([wide, tall]) * grow * 16).astype(int)
            shade = tuple(float(min(255, c * tone)) for c in color)
            cv2.ellipse(canvas, place.tolist(), axes.tolist(), turned, 0, 360, shade, -1, cv2.LINE_AA, 4)


def with_leaves(rng, plane, albedo):
    """Linear albedo with a few fallen leaves on it."""
    canvas = _canvas(srgb(albedo))
    strew(rng, plane, canvas, int(rng.integers(4, 30)), size=(8, 17))
    return linear(canvas)
