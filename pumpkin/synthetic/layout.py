"""Composition: choose a view, and place pumpkins and look-alikes on the ground singly and in clumps."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pumpkin.synthetic import lookalikes, pumpkins
from pumpkin.synthetic.view import View, random_light

BACKGROUND_SHARE = 0.03  # share of scenes without a pumpkin
_TRIES = 40


@dataclass(frozen=True)
class Style:
    """One way to compose a scene.

    share: relative frequency. count: (smallest, largest) number of pumpkins. radius: range of a pumpkin's
    radius at the reference row, as a share of the canvas's longer side. clump: probability that a pumpkin is
    placed against an earlier one. gap: distance range of neighbours in a clump, in sums of their radii.
    high: probability of a steep view without a horizon.
    """

    share: float
    count: tuple
    radius: tuple
    clump: float
    gap: tuple = (0.93, 1.12)
    high: float = 0.5


STYLES = {
    "normal": (
        Style(0.20, (1, 2), (0.17, 0.27), 0.6),
        Style(0.36, (2, 5), (0.11, 0.18), 0.5),
        Style(0.22, (1, 7), (0.08, 0.13), 0.25, high=0.6),
        Style(0.22, (6, 12), (0.08, 0.12), 0.55),
    ),
    "heavy": (
        Style(0.5, (5, 9), (0.12, 0.17), 0.97, (0.86, 0.98), high=0.15),
        Style(0.5, (8, 14), (0.09, 0.14), 0.97, (0.86, 0.98), high=0.2),
    ),
}


@dataclass
class Item:
    """A placed thing: canvas column x and row y of the point that it rests on, radius in canvas pixels."""

    thing: Any
    x: float
    y: float
    radius: float


def random_view(rng, size, style, radius, indoors):
    """Choose a view. Its canvas is twice as large as the image.

    size: longer side of the image in pixels. radius: of a pumpkin in canvas pixels. indoors: the light is a
    lamp's.
    """
    longer, shorter = size, round(size * rng.uniform(0.72, 1.0))
    landscape = rng.random() < 0.65
    width, height = (longer, shorter) if landscape else (shorter, longer)
    width, height = 2 * width, 2 * height
    if rng.random() < style.high:
        elevation, horizon = rng.uniform(0.42, 0.80), -height * rng.uniform(0.5, 1.6)
    else:
        elevation, horizon = rng.uniform(0.22, 0.42), height * rng.uniform(0.10, 0.36)
    light = random_light(rng, indoors)
    unit = float(np.clip(radius / 64, size / 500, size / 150))
    return View(height, width, float(elevation), float(horizon), 0.85 * height, unit, light)


def arrange(rng, view, style, radius, background, seeds):
    """Place pumpkins of about ``radius``, or none if ``background``, then look-alikes; return the Items.

    seeds: a SeedSequence; a child of it determines each thing's details.
    """
    children = iter(seeds.spawn(40))
    count = 0 if background else int(rng.integers(style.count[0], style.count[1] + 1))
    items = []
    for _ in range(count):
        pumpkin, relative = pumpkins.grow(rng, next(children)), math.exp(rng.normal(0, 0.2))
        _place(rng, view, style, items, pumpkin, radius * relative)
    others = int(rng.choice(6, p=(0.34, 0.26, 0.18, 0.12, 0.06, 0.04)))
    for _ in range(max(others, 3 if background else 0)):
        thing, relative = lookalikes.pick(rng, next(children))
        _place(rng, view, style, items, thing, radius * relative)
    return items


def _place(rng, view, style, items, thing, radius):
    """Append a thing to the items at a position where it fits, or drop it after some tries."""
    leave = rng.random() < 0.22  # may stand partly outside the frame
    for _ in range(_TRIES):
        if items and rng.random() < style.clump:
            x, y = _beside(rng, view, style, items[rng.integers(len(items))], radius)
        else:
            x, y = _anywhere(rng, view)
        if y < _first_row(view):
            continue
        item = Item(thing, x, y, radius * view.scale(y))
        if item.radius < 0.026 * max(view.height, view.width) and thing.is_pumpkin:
            continue
        inside = _share_inside(view, item)
        if inside < (0.45 if leave else 0.93):
            continue
        if all(_apart(view, item, other) >= style.gap[0] for other in items):
            items.append(item)
            return


def _anywhere(rng, view):
    x = np.clip(rng.normal(0.5, 0.3), -0.02, 1.02) * view.width
    return x, rng.uniform(_first_row(view), 1.06 * view.height)


def _first_row(view):
    return max(0.10 * view.height, view.horizon + 0.07 * view.height)


def _beside(rng, view, style, other, radius):
    """Choose a position that touches ``other``, with the thing's size at the other's row."""
    angle = rng.uniform(0, 2 * math.pi)
    apart = rng.uniform(*style.gap) * (other.radius + radius * view.scale(other.y))
    return other.x + apart * math.cos(angle), other.y + apart * math.sin(angle) * math.sin(view.elevation)


def _apart(view, one, two):
    """Return the distance of two items' centres on the ground, in sums of their radii."""
    deep = (one.y - two.y) / math.sin(view.elevation)
    return math.hypot(one.x - two.x, deep) / (one.radius + two.radius)


def _share_inside(view, item):
    """Return roughly the share of an item's bounding box that lies in the frame."""
    wide, tall = item.radius, 0.85 * item.radius
    middle = item.y - 0.7 * item.radius * math.cos(view.elevation)
    across = min(item.x + wide, view.width) - max(item.x - wide, 0)
    down = min(middle + tall, view.height) - max(middle - tall, 0)
    return max(across, 0) * max(down, 0) / (4 * wide * tall)
