"""Look-alikes that stand among the pumpkins: balls, oranges, tomatoes, stones, buckets, crates."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from pumpkin.synthetic.color import jitter, linear
from pumpkin.synthetic.lighting import Occluder
from pumpkin.synthetic.noise import ring_field, smoothstep
from pumpkin.synthetic.pumpkins import lookup, make_sprite
from pumpkin.synthetic.solids import TABLE, Solid, Sprite, turn


@dataclass
class Ball:
    """A round thing: a solid and a painter ``paint(rng, hits) -> albedo [3, P], gloss [P]``."""

    solid: Solid
    paint: Any
    seed: np.random.SeedSequence
    is_pumpkin = False

    def occluders(self, view, x, y, radius):
        """Return its body as a spheroid. x, y: canvas position. radius: in canvas pixels."""
        center = view.ground(x, y)
        center[1] = radius * self.solid.half_height()
        radii = radius * np.array(
            [self.solid.half_width(), self.solid.half_height(), self.solid.half_width()]
        )
        return [Occluder(center, radii.astype(np.float32))]

    def render(self, view, x, y, radius):
        """Its sprite when it stands at canvas (x, y)."""
        (body,) = self.occluders(view, x, y, radius)
        place = (x, -float(body.center @ view.up))
        hits = self.solid.march(
            view, radius, (place[0] - math.floor(place[0]), place[1] - math.floor(place[1]))
        )
        albedo, gloss = self.paint(np.random.Generator(np.random.PCG64(self.seed)), hits)
        return make_sprite(view, body.center, place, hits, albedo, gloss, crease_shade=0.3)


@dataclass
class Prism:
    """A box if ``sides`` is 4, else a bucket: round and open at the top.

    color: sRGB. aspect: height in radii. slope: width of the foot over that of the top. yaw: rotation in
    radians.
    """

    color: tuple
    aspect: float
    slope: float
    sides: int
    yaw: float
    seed: np.random.SeedSequence
    is_pumpkin = False

    def occluders(self, view, x, y, radius):
        """Return its body as a slightly smaller spheroid. x, y: canvas position. radius: in canvas pixels."""
        center = view.ground(x, y)
        center[1] = 0.5 * radius * self.aspect
        return [Occluder(center, radius * np.array([0.95, 0.62 * self.aspect, 0.95], np.float32))]

    def render(self, view, x, y, radius):
        """Its sprite when it stands at canvas (x, y)."""
        ground = view.ground(x, y)
        faces = [_flat_face(view, ground, *face) for face in self._faces(radius)]
        sprite = Sprite.join([face for face in faces if face is not None])
        order = np.lexsort((sprite.depth, sprite.columns, sprite.rows))
        sprite = sprite.take(order)
        first = np.ones(order.size, bool)
        first[1:] = (np.diff(sprite.rows) != 0) | (np.diff(sprite.columns) != 0)
        sprite = sprite.take(first)
        rng = np.random.Generator(np.random.PCG64(self.seed))
        tone = 1 + 0.05 * rng.standard_normal(sprite.rows.size).astype(np.float32)
        sprite.albedo *= tone
        return sprite

    def _faces(self, radius):
        """List the faces: (corners [3 or more, 3] from the ground point, normal [3], sRGB colour, nearness).

        nearness: canvas pixels by which a face takes precedence over others where they meet.
        """
        around = self.yaw + 2 * math.pi * np.arange(self.sides) / self.sides
        ring = np.stack([np.cos(around), np.zeros(self.sides), np.sin(around)], axis=1).astype(np.float32)
        top = radius * ring + np.array([0, radius * self.aspect, 0], np.float32)
        bottom = radius * self.slope * ring
        faces = []
        for k in range(self.sides):
            n = (k + 1) % self.sides
            normal = ring[k] + ring[n]
            normal[1] = 2 * (self.slope - 1) / self.aspect
            normal /= np.linalg.norm(normal)
            faces.append((np.stack([bottom[k], bottom[n], top[n], top[k]]), normal, self.color, 0.0))
        upward, color = np.array([0, 1, 0], np.float32), np.asarray(self.color, np.float32)
        faces.append((top, upward, color, 1.5))
        if self.sides > 4:
            inner = top * np.array([0.9, 1, 0.9], np.float32)
            faces.append((inner, upward, 0.3 * color, 3.0))
        return faces


def _flat_face(view, ground, corners, normal, color, nearness):
    """Return the sprite of a convex polygon, or None if it faces away from the camera."""
    if float(normal @ view.forward) > -0.02:
        return None
    x, y = ground[0] + corners @ view.right, -(ground + corners) @ view.up
    left, top = math.floor(x.min()), math.floor(y.min())
    shape = (math.ceil(y.max()) - top + 2, math.ceil(x.max()) - left + 2)
    cover = np.zeros(shape, np.uint8)
    points = np.stack([x - left, y - top], axis=1)
    cv2.fillConvexPoly(cover, np.rint(points * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    rows, columns = (v.astype(np.int32) for v in np.nonzero(cover))
    rows, columns = rows + top, columns + left
    u, v = (columns - ground[0]).astype(np.float32), (-rows - float(ground @ view.up)).astype(np.float32)
    n = [float(normal @ axis) for axis in (view.right, view.up, view.forward)]
    depth = ((float(normal @ corners[0]) - n[0] * u - n[1] * v) / n[2]).astype(np.float32)
    offset = view.right[:, None] * u + view.up[:, None] * v + view.forward[:, None] * depth
    count = rows.size
    return Sprite(
        rows,
        columns,
        depth - np.float32(nearness),
        ground[:, None] + offset,
        np.repeat(normal.astype(np.float32)[:, None], count, axis=1),
        np.repeat(linear(color)[:, None], count, axis=1),
        np.ones(count, np.float32),
        np.full(count, 0.06, np.float32),
    )


def pick(rng, seed):
    """Choose a random look-alike; return it and its size relative to a pumpkin's."""
    makers = [(_basketball, 0.16), (_toy_ball, 0.14), (_orange, 0.26), (_tomato, 0.16), (_stone, 0.14)]
    makers += [(_bucket, 0.08), (_crate, 0.06)]
    shares = np.array([share for _, share in makers])
    return makers[rng.choice(len(makers), p=shares / shares.sum())][0](rng, seed)


def _any_turn(rng):
    return turn(rng.uniform(0, 6.28), math.acos(rng.uniform(-1, 1)), rng.uniform(0, 6.28))


def _basketball(rng, seed):
    color = jitter(rng, (206, 104, 44), 0.1)

    def paint(rng, hits):
        x, y, z = _directions(hits)
        seams = np.minimum(np.minimum(np.abs(x), np.abs(y)), np.abs(np.abs(z) - 0.45 - 0.35 * x * x))
        line = smoothstep(0.05, 0.025, seams)[:, None]
        return _skin(rng, hits, color * (1 - line) + 28 * line, 0.10, grain=0.08)

    return Ball(Solid(rotation=_any_turn(rng)), paint, seed), rng.uniform(0.6, 0.95)


def _toy_ball(rng, seed):
    palette = [(214, 60, 50), (240, 196, 60), (60, 110, 190), (236, 232, 224), (236, 120, 40), (70, 150, 90)]
    first, second = (jitter(rng, palette[k], 0.08) for k in rng.permutation(len(palette))[:2])
    stripes = int(rng.integers(2, 4)) if rng.random() < 0.6 else 0

    def paint(rng, hits):
        band = smoothstep(-0.06, 0.06, np.sin(stripes * hits.azimuth))[:, None] if stripes else 0.0
        return _skin(rng, hits, first * (1 - band) + second * band, 0.35)

    return Ball(Solid(rotation=_any_turn(rng)), paint, seed), rng.uniform(0.5, 0.9)


def _orange(rng, seed):
    color = jitter(rng, (238, 140, 30), 0.08)

    def paint(rng, hits):
        navel = smoothstep(0.982, 0.993, hits.cosine)[:, None]
        return _skin(rng, hits, color * (1 - navel) + np.float32([92, 100, 50]) * navel, 0.22, grain=0.10)

    solid = Solid(rng.uniform(0.92, 1.0), _any_turn(rng), profile=_dimpled(0.05, 0.25))
    return Ball(solid, paint, seed), rng.uniform(0.3, 0.5)


def _tomato(rng, seed):
    tones = [(196, 40, 28), (190, 30, 40), (150, 170, 60)]
    color = jitter(rng, tones[rng.choice(3, p=[0.5, 0.35, 0.15])], 0.1)
    apple = rng.random() < 0.5

    def paint(rng, hits):
        away = np.arccos(np.clip(hits.cosine, -1, 1))
        star = smoothstep(0.03, -0.03, away - (0.22 + 0.16 * np.cos(5 * hits.azimuth)))[:, None]
        blush = ring_field(rng, (64, 256), (4, 60))
        (tone,) = lookup(blush[:, :, None], hits.azimuth, away)
        shown = color * (1 + (0.12 if apple else 0.03) * tone)[:, None]
        green = np.float32([96, 84, 48] if apple else [70, 110, 44])
        star = star * (0.5 if apple else 1.0)
        return _skin(rng, hits, shown * (1 - star) + green * star, 0.4)

    lobes = Solid(rng.uniform(0.8, 0.95), turn(rng.uniform(0, 6), rng.uniform(0, 0.5), rng.uniform(0, 6)))
    lobes.profile = _dimpled(0.16, 0.35)
    return Ball(lobes, paint, seed), rng.uniform(0.28, 0.5)


def _stone(rng, seed):
    color = jitter(rng, [(128, 124, 118), (150, 140, 124), (96, 98, 100)][rng.integers(3)], 0.12)
    solid = Solid(rng.uniform(0.5, 0.8), turn(rng.uniform(0, 6), rng.uniform(0, 0.2), rng.uniform(0, 6)))
    angle = np.linspace(-math.pi, math.pi, TABLE)
    wave = sum(rng.normal() * np.cos(k * angle + rng.uniform(0, 2 * math.pi)) for k in (2, 3, 4))
    solid.groove = ((wave - wave.min()) / np.ptp(wave)).astype(np.float32)
    solid.depth = (0.16 * np.sqrt(1 - np.linspace(-1, 1, TABLE) ** 2)).astype(np.float32)

    def paint(rng, hits):
        return _skin(rng, hits, color, 0.02, grain=0.22)

    return Ball(solid, paint, seed), rng.uniform(0.4, 1.0)


def _bucket(rng, seed):
    tones = [(226, 112, 30), (176, 178, 180), (70, 90, 120), (190, 60, 40)]
    color = jitter(rng, tones[rng.integers(len(tones))], 0.08)
    bucket = Prism(tuple(color), rng.uniform(0.9, 1.4), rng.uniform(0.7, 0.85), 40, 0.0, seed)
    return bucket, rng.uniform(0.55, 0.85)


def _crate(rng, seed):
    color = jitter(rng, [(160, 120, 76), (200, 120, 52), (130, 96, 64)][rng.integers(3)], 0.1)
    yaw = rng.uniform(0, math.pi / 2)
    return Prism(tuple(color), rng.uniform(0.7, 1.1), 1.0, 4, yaw, seed), rng.uniform(0.7, 1.1)


def _dimpled(depth, width):
    angle = np.arccos(np.linspace(-1, 1, TABLE))
    shape = 1 - depth * np.exp(-((angle / width) ** 2))
    shape *= 1 - 0.5 * depth * np.exp(-(((math.pi - angle) / width) ** 2))
    return (shape / shape.max()).astype(np.float32)


def _directions(hits):
    sine = np.sqrt(np.clip(1 - hits.cosine**2, 0, 1))
    return sine * np.cos(hits.azimuth), hits.cosine, sine * np.sin(hits.azimuth)


def _skin(rng, hits, color, gloss, grain=0.03):
    """Return albedo [3, P] and gloss [P] of a colour [3] or colours [P, 3] with blotches and fine grain."""
    texture = np.stack([ring_field(rng, (128, 512), cells) for cells in ((6, 12), (60, 240))], axis=-1)
    blotch, fine = lookup(texture, hits.azimuth, np.arccos(np.clip(hits.cosine, -1, 1)))
    shown = color * (1 + 0.04 * blotch + grain * fine)[:, None]
    return np.ascontiguousarray(linear(shown).T), np.full(hits.depth.shape, gloss, np.float32)
