"""The images for measuring training steps: noise and some discs. This module needs only NumPy."""

import numpy as np


def draw(seed, side, classes, instances=12):
    """Draw (image [side, side, 3] uint8, masks [side, side, instances] bool, class ids 1 to classes - 1)."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    y, x = np.mgrid[:side, :side]
    centers = rng.uniform(0.1, 0.9, (instances, 2)) * side
    radii = rng.uniform(0.03, 0.15, instances) * side
    discs = [(y - cy) ** 2 + (x - cx) ** 2 < r**2 for (cy, cx), r in zip(centers, radii)]
    return image, np.stack(discs, axis=-1), rng.integers(1, classes, instances)
