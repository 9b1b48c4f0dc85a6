"""Backdrops behind the ground when the horizon is visible: trees and sky, a fence, lights, a room's wall."""

import cv2
import numpy as np

from pumpkin.synthetic.color import jitter, linear
from pumpkin.synthetic.noise import fractal_field, smoothstep


def trees(rng, rows, width):
    """Paint sky over a blurred line of autumn trees: sRGB [rows, width, 3]."""
    y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    top, low = jitter(rng, (140, 176, 214), 0.12), jitter(rng, (222, 226, 224), 0.08)
    color = (top * (1 - y[..., None]) + low * y[..., None]) + np.zeros((1, width, 1), np.float32)
    for layer in range(3):
        edge = fractal_field(rng, (1, width), (2, 5 + 4 * layer), 3)[0]
        line = rng.uniform(0.05, 0.4) + 0.16 * layer + 0.10 * edge
        inside = smoothstep(-0.02, 0.02, y - line[None, :])
        tint = [(96, 104, 52), (180, 110, 44), (70, 84, 48), (150, 80, 40), (110, 92, 60)][rng.integers(5)]
        mottle = fractal_field(rng, (rows, width), (5, 9), 4)
        tree = jitter(rng, tint, 0.15) * (1 + 0.22 * mottle)[..., None]
        haze = 0.45 - 0.15 * layer
        color += inside[..., None] * (tree * (1 - haze) + low * haze - color)
    return cv2.GaussianBlur(color, (0, 0), width / rng.uniform(60, 160))


def fence(rng, rows, width):
    """Paint the upright boards of a barn or a fence: sRGB [rows, width, 3]."""
    x = np.arange(width, dtype=np.float32)[None, :]
    board = width / rng.uniform(9, 22)
    index = (x / board).astype(np.int32)
    tone = rng.normal(0, 1, 64).astype(np.float32)[index % 64]
    seam = smoothstep(0.86, 0.97, np.abs((x / board) % 1 - 0.5) * 2)
    grain = fractal_field(rng, (rows, width), (2, 60), 2)
    base = jitter(rng, [(140, 52, 42), (176, 168, 156), (120, 92, 66), (228, 224, 214)][rng.integers(4)], 0.1)
    color = base * ((1 + 0.07 * tone + 0.05 * grain) * (1 - 0.55 * seam))[..., None]
    return cv2.GaussianBlur(color.astype(np.float32), (0, 0), width / rng.uniform(120, 400))


def lights(rng, rows, width):
    """Paint a dusky background with out-of-focus discs of light: sRGB [rows, width, 3]."""
    glow = fractal_field(rng, (rows, width), (3, 4), 3)
    color = (
        jitter(rng, [(96, 78, 56), (84, 90, 62), (74, 80, 92)][rng.integers(3)], 0.1)
        * (1 + 0.16 * glow)[..., None]
    )
    color = np.ascontiguousarray(color.astype(np.float32))
    for _ in range(int(rng.integers(10, 34))):
        disc = color.copy()
        tone = jitter(
            rng, [(255, 190, 96), (255, 150, 70), (240, 220, 170), (200, 210, 150)][rng.integers(4)], 0.1
        )
        place = (int(rng.uniform(0, width)), int(rng.uniform(-0.1, 1.0) * rows))
        cv2.circle(
            disc, place, int(width * rng.uniform(0.012, 0.05)), tuple(map(float, tone)), -1, cv2.LINE_AA
        )
        color = cv2.addWeighted(color, 1 - (a := rng.uniform(0.12, 0.5)), disc, a, 0)
    return cv2.GaussianBlur(np.clip(color, 0, 255), (0, 0), width / 260)


def wall(rng, rows, width):
    """Paint a plain indoor wall, sometimes with a picture frame: sRGB [rows, width, 3]."""
    base = jitter(
        rng,
        [(214, 206, 190), (176, 186, 180), (150, 120, 100), (196, 176, 150), (120, 132, 146)][
            rng.integers(5)
        ],
        0.1,
    )
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    fall = 1 - 0.22 * (x * rng.choice([-1, 1]) + 1) / 2 - 0.12 * y
    color = np.ascontiguousarray(
        base * (fall + 0.01 * fractal_field(rng, (rows, width), (20, 30), 3))[..., None]
    )
    if rng.random() < 0.5:
        left, top = rng.uniform(0, 0.7) * width, rng.uniform(-0.4, 0.3) * rows
        corner = (int(left + rng.uniform(0.15, 0.4) * width), int(top + rng.uniform(0.4, 0.7) * rows))
        frame, inner = jitter(rng, (96, 72, 52), 0.3), jitter(rng, (180, 184, 176), 0.3)
        start, edge = (int(left), int(top)), max(2, width // 70)
        cv2.rectangle(color, start, corner, tuple(map(float, frame)), -1)
        inside = (start[0] + edge, start[1] + edge), (corner[0] - edge, corner[1] - edge)
        cv2.rectangle(color, *inside, tuple(map(float, inner)), -1)
    return cv2.GaussianBlur(color.astype(np.float32), (0, 0), width / rng.uniform(150, 400))


OUTDOORS = ((trees, 0.6), (fence, 0.25), (lights, 0.15))


def paint(rng, rows, width, indoors):
    """Paint a random backdrop: linear radiance [rows, width, 3]."""
    painter = wall
    if not indoors:
        painters = [p for p, _ in OUTDOORS]
        painter = painters[rng.choice(len(painters), p=[share for _, share in OUTDOORS])]
    return linear(painter(rng, rows, width))
