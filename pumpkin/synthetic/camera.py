"""Turn light into a photograph: exposure, lens, sensor noise, tone. Also choose the size of the masks."""

import cv2
import numpy as np

from pumpkin.synthetic.color import srgb

_SKEW = 0.008  # below 1 %, the difference from the image's aspect ratio at which masks count as faulty


def photograph(rng, canvas):
    """Photograph linear radiance [2 * height, 2 * width, 3]: an image uint8 [height, width, 3]."""
    height, width = canvas.shape[0] // 2, canvas.shape[1] // 2
    light = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    light = light * np.float32(_exposure(rng, light))
    light *= rng.uniform(0.95, 1.05, 3).astype(np.float32)
    light *= _vignette(rng, height, width)
    if rng.random() < 0.7:
        light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.3, 0.75))
    light = _noise(rng, np.maximum(light, 0))
    encoded = srgb(light)
    contrast = rng.uniform(0.0, 0.28)  # an S curve around mid-grey
    t = encoded / 255
    encoded = 255 * ((1 - contrast) * t + contrast * t * t * (3 - 2 * t))
    return np.clip(np.rint(encoded), 0, 255).astype(np.uint8)


def _exposure(rng, light):
    """Return a gain that brings the mean log luminance to mid-grey, with some random error."""
    luminance = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    middle = float(np.exp(np.mean(np.log(luminance + 1e-3))))
    return 0.19 / middle * 2 ** rng.normal(0, 0.28)


def _vignette(rng, height, width):
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    return (1 - rng.uniform(0.0, 0.16) * (x * x + y * y))[..., None]


def _noise(rng, light):
    """Add photon noise, which grows with the square root of the light, and a little sensor noise."""
    level = rng.uniform(0.003, 0.026)
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    return np.maximum(
        light + grain * np.sqrt(light * np.float32(level) ** 2 + np.float32(0.1 * level) ** 2), 0
    )


def mask_shape(rng, shape):
    """Choose (height, width) of an image's masks: often not the image's size, always its aspect ratio."""
    factor = float(rng.choice([1.0, 0.8, rng.uniform(1.2, 1.6)], p=[0.06, 0.24, 0.70]))
    height, width = (round(side * factor) for side in shape)
    skew = abs(height / width * shape[1] / shape[0] - 1)
    return (height, width) if skew < _SKEW else tuple(shape)
