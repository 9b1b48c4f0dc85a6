"""One scene: composed, lit, photographed, with the true visible mask of each pumpkin.

Everything is drawn on a canvas of twice the image's size, so that edges come out smooth. Each scene is a pure
function of its arguments and its SeedSequence.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pumpkin.synthetic import backdrops, camera, grounds, layout
from pumpkin.synthetic.lighting import openness, shade, sunlight
from pumpkin.synthetic.noise import smoothstep

MIN_VISIBLE_SHARE = 0.12  # of its own silhouette that a pumpkin must show, or it is taken out
MIN_VISIBLE_AREA = 30  # image pixels
OVERLAPPED = 0.10  # hidden share of the silhouette from which a pumpkin counts as overlapped


@dataclass(frozen=True)
class Scene:
    """A finished scene.

    image: uint8 [height, width, 3]. labels: int32 [2 * height, 2 * width], k where instance k is
    seen, 0 elsewhere. hidden: [instances], share of the silhouette within the frame that nearer things hide.
    mask_shape: (height, width) that the masks are written in. quality: of the JPEG file.
    """

    image: np.ndarray
    labels: np.ndarray
    hidden: tuple
    mask_shape: tuple
    quality: int

    def masks(self, shape=None):
        """Visible masks [instances] of bool [shape]: pixels more than half covered; they never overlap."""
        height, width = shape or self.mask_shape
        masks = []
        for k in range(1, len(self.hidden) + 1):
            share = cv2.resize(
                (self.labels == k).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
            )
            masks.append(share > 0.501)
        return masks

    def touching(self):
        """Number of pumpkins whose visible mask comes within an image pixel of another one's."""
        met = set()
        for down, right in ((0, 2), (2, 0), (2, 2), (2, -2)):
            one, two = self.labels[: self.labels.shape[0] - down], self.labels[down:]
            one, two = (
                (one[:, -right:], two[:, :right])
                if right < 0
                else (one[:, : one.shape[1] - right], two[:, right:])
            )
            pairs = (one != two) & (one > 0) & (two > 0)
            met |= set(one[pairs].tolist()) | set(two[pairs].tolist())
        return len(met)


def render_scene(seed, size=320, clumps="normal"):
    """The scene of one SeedSequence.

    size: longer side of the image in pixels. clumps: "normal" or "heavy", how densely pumpkins stand.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # scenes share the cores already, and sums over threads could round differently
    try:
        return _render(seed, size, clumps)
    finally:
        cv2.setNumThreads(threads)


def _render(seed, size, clumps):
    seeds = seed.spawn(4)
    rng = np.random.Generator(np.random.PCG64(seeds[0]))
    styles = layout.STYLES[clumps]
    style = styles[rng.choice(len(styles), p=[s.share for s in styles])]
    background = rng.random() < layout.BACKGROUND_SHARE
    names = list(grounds.GROUNDS)
    name = names[rng.choice(len(names), p=[grounds.GROUNDS[n][1] for n in names])]
    view = layout.random_view(rng, size, style, indoors=name == "table")
    items = layout.arrange(rng, view, style, background, seeds[1])
    pieces, labels, hidden = _see(view, items)
    canvas = _ground(np.random.Generator(np.random.PCG64(seeds[2])), view, name, [i for i, _ in pieces])
    _light(view, pieces, canvas)
    rng = np.random.Generator(np.random.PCG64(seeds[3]))
    image = camera.photograph(rng, canvas)
    return Scene(image, labels, hidden, camera.mask_shape(rng, image.shape[:2]), int(rng.integers(86, 96)))


def _see(view, items):
    """What is seen of each item, from the nearest to the farthest.

    Returns (item, sprite of its visible pixels) pairs, labels and hidden shares. A pumpkin of which too
    little is seen is left out altogether: it would be in the image without a mask.
    """
    taken = np.zeros((view.height, view.width), bool)
    labels = np.zeros((view.height, view.width), np.int32)
    pieces, hidden = [], []
    for item in sorted(items, key=lambda item: -item.y):
        sprite = item.thing.render(view, item.x, item.y, item.radius)
        own = sprite.rows.size
        inside = (sprite.rows >= 0) & (sprite.rows < view.height)
        inside &= (sprite.columns >= 0) & (sprite.columns < view.width)
        sprite = sprite.take(inside)
        free = ~taken[sprite.rows, sprite.columns]
        seen = int(free.sum())
        if item.thing.is_pumpkin and seen < max(MIN_VISIBLE_SHARE * own, 4 * MIN_VISIBLE_AREA):
            continue
        taken[sprite.rows, sprite.columns] = True
        sprite, share = sprite.take(free), 1 - seen / max(free.size, 1)
        if item.thing.is_pumpkin:
            hidden.append(share)
            labels[sprite.rows, sprite.columns] = len(hidden)
        if seen:
            pieces.append((item, sprite))
    return pieces, labels, tuple(hidden)


def _occluders(view, item):
    return item.thing.occluders(view, item.x, item.y, item.radius)


def _ground(rng, view, name, items):
    """Linear radiance [height, width, 3] of ground and backdrop, with the shadows of the items."""
    plane = grounds.Plane(view)
    albedo = grounds.GROUNDS[name][0](rng, plane)
    if rng.random() < 0.3 and name in ("grass", "soil", "planks", "paving", "gravel", "straw"):
        albedo = grounds.with_leaves(rng, plane, albedo)
    sun, sky = _ground_light(view, items)
    canvas = albedo * (
        sun[..., None] * np.float32(view.light.sun) + sky[..., None] * np.float32(view.light.sky)
    )
    if plane.first:
        canvas[: plane.first] = backdrops.paint(rng, plane.first, view.width, indoors=name == "table")
        soft = cv2.GaussianBlur(canvas, (0, 0), view.width / 130)
        rows = np.arange(view.height, dtype=np.float32)[:, None, None]
        near = smoothstep(plane.first + 0.02 * view.height, plane.first + 0.22 * view.height, rows)
        canvas = canvas * near + soft * (1 - near)
        canvas[: plane.first - 6] = soft[: plane.first - 6]
    return canvas


def _ground_light(view, items, step=2):
    """Shares [height, width] of sun (times its slant) and sky that reach the ground."""
    rows, columns = np.arange(0, view.height, step), np.arange(0, view.width, step)
    x, y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    sun, sky = np.ones_like(x), np.ones_like(x)
    up = np.array([[0], [1], [0]], np.float32)
    for item in items:
        for occluder in _occluders(view, item):
            area = _shadow_area(view, occluder, step, x.shape)
            points = np.stack([x[area].ravel(), np.zeros(x[area].size, np.float32)])
            points = np.insert(points, 2, -y[area].ravel() / np.sin(view.elevation), axis=0).astype(
                np.float32
            )
            sun[area] *= sunlight(points, view.light, [occluder]).reshape(x[area].shape)
            sky[area] *= openness(points, np.repeat(up, points.shape[1], axis=1), [occluder]).reshape(
                x[area].shape
            )
    size = (view.width, view.height)
    return tuple(
        cv2.resize(share, size, interpolation=cv2.INTER_LINEAR) * np.float32(factor)
        for share, factor in ((sun, view.light.direction[1]), (sky, 1.0))
    )


def _shadow_area(view, occluder, step, shape):
    """Slices of the coarse canvas that an occluder's shadow and gloom can reach."""
    radius, height = float(occluder.radii.max()), float(occluder.center[1] + occluder.radii[1])
    direction = np.asarray(view.light.direction)
    foot = np.array([occluder.center[0], 0, occluder.center[2]])
    far = foot - direction * np.array([1, 0, 1]) * 1.5 * height / direction[1]
    reach = 3.0 * radius
    places = [(p[0], -p[2] * np.sin(view.elevation)) for p in (foot, far)]
    left, right = min(p[0] for p in places) - reach, max(p[0] for p in places) + reach
    top, bottom = min(p[1] for p in places) - reach, max(p[1] for p in places) + reach
    rows = slice(int(np.clip(top // step, 0, shape[0])), int(np.clip(bottom // step + 1, 0, shape[0])))
    columns = slice(int(np.clip(left // step, 0, shape[1])), int(np.clip(right // step + 1, 0, shape[1])))
    return rows, columns


def _light(view, pieces, canvas):
    """Shade each piece among the others and paint it on the canvas, in place."""
    ground = canvas[max(0, int(view.horizon)) :].mean(axis=(0, 1))
    occluders = [_occluders(view, item) for item, _ in pieces]
    for k, (item, sprite) in enumerate(pieces):
        others = [o for j, group in enumerate(occluders) if j != k for o in group]
        radiance = shade(sprite, view, others, 0.9 * ground, floor=0.7 * item.radius)
        canvas[sprite.rows, sprite.columns] = radiance.T
