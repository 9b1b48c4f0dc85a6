"""Lighting of surfaces: one sun with soft shadows, a partly hidden sky, the ground's light, highlights.

Things shade each other as spheroids, which is accurate enough for soft shadows and needs one formula for
ground and solids. P: number of points. Vectors over points are [3, P] float32.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pumpkin.synthetic.noise import smoothstep
from pumpkin.synthetic.solids import squared_length


@dataclass(frozen=True)
class Occluder:
    """A spheroid that blocks light: centre (X, Y, Z) and half axes, in world pixels."""

    center: np.ndarray
    radii: np.ndarray

    def reach(self):
        """Return the distance within which it has an influence: a few radii."""
        return 5.0 * float(self.radii.max())


def sunlight(position, light, occluders):
    """Return the share of sunlight [P] that reaches points [3, P] past the occluders."""
    share = np.ones(position.shape[1], np.float32)
    for occluder in occluders:
        ray = np.asarray(light.direction, np.float32) / occluder.radii
        ray /= np.float32(np.linalg.norm(ray))
        offset = (position - occluder.center[:, None]) / occluder.radii[:, None]
        along = -(ray @ offset)
        miss = np.sqrt(np.maximum(squared_length(offset) - along * along, 0))
        width = np.clip(light.softness * (0.12 + 0.45 * along), 0.02, 0.9)
        share *= 1 - smoothstep(1 + width, 1 - width, miss) * smoothstep(0, 0.25, along)
    return share


def openness(position, normal, occluders):
    """Return the share of the sky [P] that points with normals [3, P] see past the occluders."""
    share = np.ones(position.shape[1], np.float32)
    for occluder in occluders:
        offset = occluder.center[:, None] - position
        apart = np.sqrt(squared_length(offset)) + 1e-3
        facing = (normal[0] * offset[0] + normal[1] * offset[1] + normal[2] * offset[2]) / apart
        scaled = offset / occluder.radii[:, None]
        nearness = 1 / np.maximum(squared_length(scaled), 1)
        share *= 1 - 0.85 * nearness * np.clip((facing + 0.25) / 1.25, 0, 1)
    return share


def shade(sprite, view, occluders, bounce, floor=0.0):
    """Compute the linear radiance [3, P] of a sprite.

    bounce: linear RGB of the light that the ground reflects. floor: height in pixels over which light fades
    towards the ground.
    """
    light = view.light
    sun, sky, bounce = (np.asarray(c, np.float32)[:, None] for c in (light.sun, light.sky, bounce))
    toward = np.asarray(light.direction, np.float32)
    normal, position = sprite.normal, sprite.position
    near = _near(occluders, position)
    lit = sunlight(position, light, near)
    open_sky = openness(position, normal, near) * sprite.ambient
    lambert = np.clip((toward @ normal + 0.12) / 1.12, 0, 1) * lit * (0.5 + 0.5 * sprite.ambient)
    lift = 0.25 + 0.75 * smoothstep(0, max(floor, 1), position[1])
    above = (0.58 + 0.42 * normal[1]) * (0.4 + 0.6 * lift)
    below = np.clip(0.5 - 0.5 * normal[1], 0, 1) * lift
    radiance = sprite.albedo * (sun * lambert + sky * (above * open_sky) + bounce * (below * open_sky))
    return (
        radiance
        + sun * (_highlight(normal, toward, view) * sprite.gloss * lit)
        + sky * (sprite.gloss * open_sky * 0.5 * _grazing(normal, view))
    )


def ground_light(view, occluders, step=2):
    """Compute the light [height, width, 3] on the ground at each canvas pixel, with the occluders' shadows.

    step: canvas pixels between computed points; the light between them is interpolated.
    """
    x, y = np.meshgrid(np.arange(0, view.width, step), np.arange(0, view.height, step))
    points = np.stack([x, np.zeros_like(x), -y / math.sin(view.elevation)]).astype(np.float32)
    sun, sky = np.ones((2, *x.shape), np.float32)
    for occluder in occluders:
        area = _shadow_area(view, occluder, step)
        near = points[:, area[0], area[1]]
        shape, near = near.shape[1:], near.reshape(3, -1)
        up = np.zeros_like(near)
        up[1] = 1
        sun[area] *= sunlight(near, view.light, [occluder]).reshape(shape)
        sky[area] *= openness(near, up, [occluder]).reshape(shape)
    sun, sky = (cv2.resize(share, (view.width, view.height))[..., None] for share in (sun, sky))
    slant = np.float32(view.light.direction[1])
    return sun * (slant * np.float32(view.light.sun)) + sky * np.float32(view.light.sky)


def _shadow_area(view, occluder, step):
    """Return slices (rows, columns), in steps, of the canvas that an occluder's shadow can reach."""
    height = occluder.center[1] + occluder.radii[1]
    sun = view.light.direction
    reach = 3 * float(occluder.radii.max())
    x, y = occluder.center[0], -occluder.center[2] * math.sin(view.elevation)
    far_x = x - sun[0] * 1.5 * height / sun[1]
    far_y = y + sun[2] * 1.5 * height / sun[1] * math.sin(view.elevation)

    def span(one, two):
        low, high = min(one, two) - reach, max(one, two) + reach
        return slice(max(0, int(low // step)), max(0, int(high // step) + 1))

    return span(y, far_y), span(x, far_x)


def _highlight(normal, toward, view):
    half = toward - view.forward
    half = half / np.float32(np.linalg.norm(half))
    cosine = np.clip(half @ normal, 0, 1)
    return 0.35 * cosine**14 + 0.65 * cosine**70


def _grazing(normal, view):
    return np.clip(1 + view.forward @ normal, 0, 1) ** 4


def _near(occluders, position):
    """Return the occluders that can influence points [3, P]."""
    low, high = position.min(axis=1), position.max(axis=1)

    def gap(occluder):
        return np.linalg.norm(np.maximum(np.maximum(low - occluder.center, occluder.center - high), 0))

    return [o for o in occluders if gap(o) < o.reach()]
