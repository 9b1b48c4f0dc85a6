"""Colour conversion: lighting is computed in linear light, files are written in sRGB."""

import numpy as np

_STEPS = np.arange(256) / 255.0
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear(rgb):
    """Convert sRGB values 0..255 (IEC 61966-2-1), rounded to integers, to linear light [..., 3] float32."""
    rgb = np.asarray(rgb)
    return _LINEAR[rgb if rgb.dtype == np.uint8 else np.clip(np.rint(rgb), 0, 255).astype(np.uint8)]


def srgb(light):
    """Convert linear light to sRGB values [..., 3] float32 in 0..255; highlights roll off softly to white."""
    knee = np.float32(0.7)
    over = np.maximum(light - knee, 0)
    light = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    light = np.clip(light, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return (255 * encoded).astype(np.float32)


def jitter(rng, rgb, amount):
    """Vary an sRGB colour: brightness by a share of up to ``amount``, each channel by up to half of that."""
    scale = 1 + amount * rng.uniform(-1, 1) + 0.5 * amount * rng.uniform(-1, 1, 3)
    return np.clip(np.asarray(rgb, np.float32) * scale.astype(np.float32), 0, 255)
