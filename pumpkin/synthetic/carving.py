"""Faces carved into pumpkins: a picture of the holes in the skin's coordinates."""

import math

import cv2
import numpy as np

_SIZE = 256  # side of the picture in pixels; it spans _SPAN radians of azimuth and of angle from the stem
_SPAN = 1.9
_MIDDLE = 1.62  # angle from the stem at the picture's middle


def carve(rng, hits, facing):
    """Carve a random face; return which pixels show the dark inside and which the cut flesh, [P] bool each.

    facing: azimuth of the face's centre on the solid.
    """
    picture = _face(rng)
    angle = np.arccos(np.clip(hits.cosine, -1, 1))
    turned = np.mod(hits.azimuth - facing + math.pi, 2 * math.pi) - math.pi
    x = (0.5 + turned * np.sin(angle) / _SPAN) * _SIZE
    y = (0.5 + (angle - _MIDDLE) / _SPAN) * _SIZE
    hole = _sample(picture, x, y)
    wall = 0.035 * _SIZE  # visible thickness of the wall: the camera looks down on the lower edges
    deep = hole & _sample(picture, x + wall * np.sign(turned) * np.minimum(1, 2 * np.abs(turned)), y + wall)
    return deep, hole & ~deep


def _sample(picture, x, y):
    inside = (x >= 0) & (x < _SIZE) & (y >= 0) & (y < _SIZE)
    columns, rows = (np.clip(v, 0, _SIZE - 1).astype(np.int32) for v in (x, y))
    return (picture[rows, columns] > 0) & inside


def _face(rng):
    """Draw two eyes, a nose and a toothed mouth: uint8 [_SIZE, _SIZE], 255 in the holes."""
    picture = np.zeros((_SIZE, _SIZE), np.uint8)
    apart, eye = rng.uniform(46, 62), rng.uniform(19, 27)
    corners = int(rng.choice((3, 3, 4, 24)))
    slant = rng.uniform(-0.35, 0.35)
    for side in (-1, 1):
        around = np.arange(corners) * 2 * math.pi / corners - math.pi / 2
        shape = np.stack([np.cos(around + side * slant), np.sin(around + side * slant)], axis=1) * eye
        _cut(picture, shape, (128 + side * apart, 78))
    _cut(picture, np.array([[0, -12], [13, 10], [-13, 10]]), (128, 122))
    half, rise, teeth = rng.uniform(62, 88), rng.uniform(8, 26), int(rng.integers(4, 8))
    x = np.linspace(-1, 1, 4 * teeth + 1)
    zigzag = 6 * np.where(np.arange(x.size) % 4 < 2, 1, -1)
    upper = np.stack([half * x, -rise * x**2 + zigzag], axis=1)
    lower = np.stack([half * x, rng.uniform(22, 34) * (1 - x**2) - rise * x**2 + zigzag], axis=1)
    _cut(picture, np.concatenate([upper, lower[::-1]]), (128, 162))
    return picture


def _cut(picture, points, middle):
    cv2.fillPoly(picture, [np.rint(points + np.asarray(middle)).astype(np.int32)], 255)
