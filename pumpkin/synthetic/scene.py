"""Render one scene: compose, light and photograph it, and compute the exact visible mask of each pumpkin.

Everything is drawn on a canvas of twice the image's size, which gives smooth edges. Each scene is a pure
function of its arguments and its SeedSequence.
"""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from pumpkin.synthetic import backdrops, camera, grounds, layout
from pumpkin.synthetic.lighting import ground_light, shade
from pumpkin.synthetic.noise import smoothstep
from pumpkin.synthetic.plane import Plane
from pumpkin.synthetic.strewn import tuft

MIN_VISIBLE_SHARE = 0.12  # smallest visible share of a pumpkin's silhouette; pumpkins with less are removed
MIN_VISIBLE_AREA = 30  # image pixels
OVERLAPPED = 0.10  # smallest hidden share of the silhouette at which a pumpkin counts as overlapped


@dataclass(frozen=True)
class Scene:
    """A finished scene.

    image: uint8 [height, width, 3]. labels: int32 [2 * height, 2 * width], k where instance k is visible,
    0 elsewhere. hidden: [instances], share of the silhouette in the frame that nearer things hide.
    mask_shape: (height, width) of the mask files. quality: of the JPEG file.
    """

    image: np.ndarray
    labels: np.ndarray
    hidden: tuple
    mask_shape: tuple
    quality: int

    def masks(self, shape=None):
        """Return the visible mask of each instance: bool arrays that never overlap.

        A pixel belongs to a mask if the instance covers more than half of it. shape: (height, width); None
        uses mask_shape.
        """
        height, width = shape or self.mask_shape
        masks = []
        for k in range(1, len(self.hidden) + 1):
            seen = (self.labels == k).astype(np.float32)
            masks.append(cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA) > 0.501)
        return masks

    def touching(self):
        """Count the pumpkins whose visible mask lies within one image pixel of another's."""
        met = set()
        mirrored = self.labels[:, ::-1]
        for labels, down in ((self.labels, 0), (self.labels.T, 0), (self.labels, 2), (mirrored, 2)):
            one, two = labels[: len(labels) - down, :-2], labels[down:, 2:]
            pairs = (one != two) & (one > 0) & (two > 0)
            met |= set(one[pairs].tolist()) | set(two[pairs].tolist())
        return len(met)


def render_scene(seed, size=320, clumps="normal"):
    """Render the scene of a SeedSequence.

    seed: a SeedSequence. size: longer side of the image in pixels. clumps: how densely pumpkins are placed,
    "normal" or "heavy". Returns a Scene.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # scenes already share the cores, and sums over threads could round differently
    try:
        return _render(seed, size, clumps)
    finally:
        cv2.setNumThreads(threads)


def _render(seed, size, clumps):
    seeds = seed.spawn(4)
    rng = _generator(seeds[0])
    styles = layout.STYLES[clumps]
    style = styles[rng.choice(len(styles), p=[s.share for s in styles])]
    background = rng.random() < layout.BACKGROUND_SHARE
    known = list(grounds.GROUNDS.values())
    ground = known[rng.choice(len(known), p=[g.share for g in known])]
    tint = rng.uniform(0.83, 1.15) * rng.uniform(0.96, 1.04, 3)
    radius = 2 * size * rng.uniform(*style.radius)
    view = layout.random_view(rng, size, style, radius, ground.indoors)
    items = layout.arrange(rng, view, style, radius, background, seeds[1])
    rng = _generator(seeds[2])
    pieces, labels, hidden = see(view, items, partial(tuft, rng, view, tint) if ground.turf else None)
    standing = list({id(item): item for item, _ in pieces}.values())
    canvas = _paint_ground(rng, view, ground, tint, standing)
    _light(view, pieces, canvas)
    rng = _generator(seeds[3])
    image = camera.photograph(rng, canvas)
    return Scene(image, labels, hidden, camera.mask_shape(rng, image.shape[:2]), int(rng.integers(86, 96)))


def _generator(seed):
    return np.random.Generator(np.random.PCG64(seed))


def see(view, items, before=None):
    """Determine the visible pixels of each item, from the nearest to the farthest.

    before: a function that makes the sprite of the grass in front of an item, or None. Returns (item, sprite
    of its visible pixels) pairs, labels and hidden shares. A pumpkin that is hardly visible is removed
    altogether; otherwise the image would show it without a mask.
    """
    taken = np.zeros((view.height, view.width), bool)
    labels = np.zeros((view.height, view.width), np.int32)
    pieces, hidden = [], []
    for item in sorted(items, key=lambda item: -item.y):
        whole = item.thing.render(view, item.x, item.y, item.radius)
        growth = _free(_framed(before(item), view), taken) if before else None
        sprite = _framed(whole, view)
        covered = taken.copy()
        if growth is not None:
            covered[growth.rows, growth.columns] = True
        visible = _free(sprite, covered)
        if item.thing.is_pumpkin:
            if not _is_enough(visible, whole, view):
                continue
            hidden.append(1 - visible.rows.size / sprite.rows.size)
            labels[visible.rows, visible.columns] = len(hidden)
        taken = covered
        taken[sprite.rows, sprite.columns] = True
        pieces += [(item, part) for part in (visible, growth) if part is not None and part.rows.size]
    return pieces, labels, tuple(hidden)


def _framed(sprite, view):
    """Return the part of a sprite that lies on the canvas."""
    inside = (sprite.rows >= 0) & (sprite.rows < view.height)
    return sprite.take(inside & (sprite.columns >= 0) & (sprite.columns < view.width))


def _free(sprite, taken):
    """Return the part of a sprite on the canvas that nothing nearer hides."""
    return sprite.take(~taken[sprite.rows, sprite.columns])


def _is_enough(visible, whole, view):
    """Return whether enough of a pumpkin is visible to detect it and to give it a mask at every size."""
    pixels = visible.rows // 2 * (view.width // 2) + visible.columns // 2  # image pixels
    solid = int((np.bincount(pixels) > 2).sum()) if pixels.size else 0
    return solid >= MIN_VISIBLE_AREA and visible.rows.size >= MIN_VISIBLE_SHARE * whole.rows.size


def _occluders(view, item):
    return item.thing.occluders(view, item.x, item.y, item.radius)


def _paint_ground(rng, view, ground, tint, items):
    """Paint ground and backdrop with the shadows of the items: linear radiance [height, width, 3]."""
    plane = Plane(view)
    albedo = ground.paint(rng, plane, tint)
    if rng.random() < ground.litter:
        albedo = grounds.littered(rng, plane, albedo)
    bodies = [body for item in items for body in _occluders(view, item)]
    canvas = albedo * ground_light(view, bodies)
    if plane.first:
        canvas[: plane.first] = backdrops.paint(rng, plane.first, view.width, ground.indoors)
        _blur_distance(view, plane.first, canvas)
    return canvas


def _blur_distance(view, first, canvas):
    """Blur the far end of the ground in place. first: first row of the ground."""
    end = min(view.height, first + round(0.22 * view.height))
    soft = cv2.GaussianBlur(canvas[: min(view.height, end + 20)], (0, 0), view.width / 130)[:end]
    rows = np.arange(end, dtype=np.float32)[:, None, None]
    near = smoothstep(first + 0.02 * view.height, end, rows)
    canvas[:end] = canvas[:end] * near + soft * (1 - near)


def _light(view, pieces, canvas):
    """Shade each piece among the others and paint it onto the canvas in place."""
    ground = canvas[max(0, int(view.horizon)) :].mean(axis=(0, 1))
    bodies = {id(item): _occluders(view, item) for item, _ in pieces}
    for item, sprite in pieces:
        others = [body for owner, group in bodies.items() if owner != id(item) for body in group]
        radiance = shade(sprite, view, others, 0.9 * ground, floor=0.7 * item.radius)
        canvas[sprite.rows, sprite.columns] = radiance.T
