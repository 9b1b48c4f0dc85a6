"""Pumpkins: lobed, dimpled, squashed solids with a mottled skin and a ridged stem."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pumpkin.synthetic import stems
from pumpkin.synthetic.carving import carve
from pumpkin.synthetic.color import jitter, linear
from pumpkin.synthetic.lighting import Occluder
from pumpkin.synthetic.noise import ring_field, smoothstep
from pumpkin.synthetic.solids import TABLE, Solid, Sprite, turn

# (relative frequency, crest colour, groove colour, strength of green near the stem)
SKINS = {
    "orange": (0.62, (226, 118, 24), (186, 78, 14), 0.25),
    "red": (0.14, (200, 66, 22), (150, 38, 14), 0.15),
    "cream": (0.10, (232, 218, 186), (206, 182, 140), 0.10),
    "green": (0.06, (92, 108, 62), (52, 70, 38), 0.0),
    "blue": (0.04, (140, 156, 144), (104, 118, 106), 0.0),
    "turning": (0.04, (220, 124, 34), (150, 92, 26), 1.0),
}
CARVED_SHARE = 0.10


@dataclass
class Pumpkin:
    """A pumpkin without a position; lengths are in units of its radius."""

    solid: Solid
    skin: str
    carved: bool
    seed: np.random.SeedSequence
    is_pumpkin = True

    def occluders(self, view, x, y, radius):
        """Return its body as a spheroid that shades others. x, y: canvas position. radius: canvas pixels."""
        center = view.ground(x, y)
        center[1] = radius * self.solid.half_height() * 0.97
        wide = self.solid.half_width() * 0.97
        radii = radius * np.array([wide, self.solid.half_height(), wide], np.float32)
        return [Occluder(center, radii.astype(np.float32))]

    def render(self, view, x, y, radius):
        """Render its sprite at canvas position (x, y) with a radius of ``radius`` canvas pixels."""
        rng = np.random.Generator(np.random.PCG64(self.seed))
        (body,) = self.occluders(view, x, y, radius)
        column, row = x, -float(body.center @ view.up)
        shift = (column - math.floor(column), row - math.floor(row))
        hits = self.solid.march(view, radius, shift)
        albedo, gloss = paint(rng, self, hits)
        skin = make_sprite(view, body.center, (column, row), hits, albedo, gloss)
        if self.carved:
            self._cut_face(rng, view, hits, skin)
        stem = stems.render(rng, self.solid, view, body.center, (column, row), radius)
        return in_front(skin, stem)

    def _cut_face(self, rng, view, hits, skin):
        """Carve a face into the sprite, in place, on the side towards the camera."""
        toward = self.solid.rotation @ -view.forward
        facing = math.atan2(toward[2], toward[0]) + rng.uniform(-0.5, 0.5)
        deep, flesh = carve(rng, hits, facing)
        skin.albedo[:, deep] = linear((40, 20, 8))[:, None]
        skin.albedo[:, flesh] = linear((236, 176, 92))[:, None]
        skin.gloss[deep | flesh] = 0


def grow(rng, seed):
    """Create a random pumpkin. seed: a SeedSequence for the details of its skin."""
    names = list(SKINS)
    shares = np.array([SKINS[name][0] for name in names])
    skin = names[rng.choice(len(names), p=shares / shares.sum())]
    aspect = float(np.clip(rng.normal(0.81, 0.14), 0.5, 1.25))
    if skin in ("cream", "red", "blue"):
        aspect *= 0.88
    tilt = abs(rng.normal(0, 0.12)) if rng.random() < 0.88 else rng.uniform(0.6, 1.3)
    rotation = turn(rng.uniform(0, 2 * math.pi), tilt, rng.uniform(0, 2 * math.pi))
    lobes = int(rng.integers(9, 16))
    solid = Solid(aspect, rotation, _profile(rng, aspect), np.zeros(TABLE, np.float32), _grooves(rng, lobes))
    sine = np.sqrt(np.clip(1 - np.linspace(-1, 1, TABLE) ** 2, 0, 1))
    solid.depth = (rng.uniform(0.06, 0.13) * sine**0.7 * solid.profile).astype(np.float32)
    carved = tilt < 0.4 and rng.random() < CARVED_SHARE
    return Pumpkin(solid, skin, carved, seed)


def _profile(rng, aspect):
    """Return R(c): a rounded box with a dimple at the stem and a shallow one at the bottom."""
    cosine = np.linspace(-1, 1, TABLE)
    sine = np.sqrt(np.clip(1 - cosine**2, 0, 1))
    power = rng.uniform(2.0, 2.5)
    shape = (sine**power + np.abs(cosine) ** power) ** (-1 / power)
    shape *= 1 + rng.uniform(-0.03, 0.06) * cosine
    angle = np.arccos(cosine)
    dent = rng.uniform(0.18, 0.34) * (1.15 if aspect < 0.7 else 1)
    shape *= 1 - dent * np.exp(-((angle / rng.uniform(0.36, 0.52)) ** 2))
    shape *= 1 - 0.5 * dent * np.exp(-(((math.pi - angle) / 0.45) ** 2))
    return (shape / shape.max()).astype(np.float32)


def _grooves(rng, lobes):
    """Return groove(phi): 0 on the crests of lobes of unequal width, 1 in the creases between them."""
    edges = np.arange(lobes) + rng.uniform(-0.16, 0.16, lobes)
    edges = np.concatenate([edges, edges[:1] + lobes]) * (2 * math.pi / lobes)
    place = np.linspace(-math.pi, math.pi, TABLE) + math.pi
    place = (place - edges[0]) % (2 * math.pi) + edges[0]
    lobe = np.clip(np.searchsorted(edges, place, side="right") - 1, 0, lobes - 1)
    across = (place - edges[lobe]) / (edges[lobe + 1] - edges[lobe])
    crease = np.abs(2 * across - 1) ** rng.uniform(2.2, 3.2)
    # Vary the height of the crests; both sides of a lobe get the same height.
    lower = rng.uniform(0, 0.35, lobes)
    crease = np.maximum(crease, 0) * (1 - lower[lobe]) + lower[lobe]
    kernel = np.hanning(23)
    crease = np.convolve(np.pad(crease, 11, mode="wrap"), kernel / kernel.sum(), mode="valid")
    return crease.astype(np.float32)


def paint(rng, pumpkin, hits):
    """Compute linear albedo [3, P] and gloss [P] of the skin at the hits."""
    _, crest, groove, green = SKINS[pumpkin.skin]
    size = (128, 512)
    blotches = ring_field(rng, size, (5, 9))
    streaks = 0.6 * ring_field(rng, size, (5, 90)) + 0.5 * ring_field(rng, size, (12, 160))
    specks = smoothstep(1.5, 2.3, ring_field(rng, size, (64, 256)))
    texture = np.stack([blotches, streaks, specks], axis=-1)
    angle = np.arccos(np.clip(hits.cosine, -1, 1))
    blotch, streak, speck = lookup(texture, hits.azimuth, angle)
    crest, groove = jitter(rng, crest, 0.07), jitter(rng, groove, 0.07)
    mix = np.clip(0.85 * hits.crease + 0.10 * blotch, 0, 1)[:, None]
    color = crest * (1 - mix) + groove * mix
    color *= (1 + 0.055 * blotch + 0.05 * streak + 0.05 * hits.cosine)[:, None]
    pale = np.array([246, 214, 150], np.float32)
    color += (0.22 * speck * rng.uniform(0.2, 1))[:, None] * (pale - color)
    tint = np.array([104, 106, 44], np.float32)
    if green >= 1:
        near = smoothstep(-0.3, 1.3, hits.cosine + 0.45 * blotch + 0.25 * hits.crease)
    else:
        near = green * smoothstep(0.75, 1.0, hits.cosine + 0.04 * streak) * rng.uniform(0.4, 1.6)
    near = np.clip(near, 0, 0.9)[:, None]
    color = color * (1 - near) + tint * near
    gloss = rng.uniform(0.05, 0.22) * (1 - 0.6 * hits.crease) * (1 + 0.15 * blotch)
    return np.ascontiguousarray(linear(color).T), np.clip(gloss, 0, 1).astype(np.float32)


def lookup(texture, azimuth, angle):
    """Interpolate a texture [rows over angle, columns over azimuth, channels] bilinearly: [channels, P]."""
    rows, columns = texture.shape[:2]
    wrapped = np.concatenate([texture, texture[:, :1]], axis=1)
    x = (azimuth / (2 * math.pi) + 0.5) * columns
    y = angle / math.pi * (rows - 1)
    found = cv2.remap(wrapped, *_as_maps(x, y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found = found.reshape(-1, texture.shape[2])[: azimuth.size]
    return found.T


def _as_maps(x, y, width=1024):
    """Fold two flat arrays into padded [rows, width] float32 maps: remap limits the width to below 32768."""
    pad = -x.size % width
    return [np.pad(v.astype(np.float32), (0, pad)).reshape(-1, width) for v in (x, y)]


def make_sprite(view, center, place, hits, albedo, gloss, crease_shade=0.6):
    """Make the sprite of a solid's hits.

    center: the solid's centre in the world. place: (column, row) of its centre on the canvas. albedo [3, P],
    gloss [P]: of the surface. crease_shade: how much creases darken.
    """
    position = center[:, None] + (
        view.right[:, None] * hits.right + view.up[:, None] * hits.up + view.forward[:, None] * hits.depth
    )
    ambient = 1 - crease_shade * hits.crease
    rows = np.rint(place[1] - hits.up).astype(np.int32)
    columns = np.rint(place[0] + hits.right).astype(np.int32)
    return Sprite(rows, columns, hits.depth, position, hits.normal, albedo, ambient.astype(np.float32), gloss)


def in_front(first, second):
    """Merge two sprites; each pixel shows the nearer one."""
    if not second.rows.size:
        return first
    top, left = min(first.rows.min(), second.rows.min()), min(first.columns.min(), second.columns.min())
    shape = (
        max(first.rows.max(), second.rows.max()) - top + 1,
        max(first.columns.max(), second.columns.max()) - left + 1,
    )
    depths = []
    for sprite in (first, second):
        depth = np.full(shape, np.inf, np.float32)
        depth[sprite.rows - top, sprite.columns - left] = sprite.depth
        depths.append(depth)
    nearer = depths[1] < depths[0]
    return Sprite.join(
        [
            first.take(~nearer[first.rows - top, first.columns - left]),
            second.take(nearer[second.rows - top, second.columns - left]),
        ]
    )
