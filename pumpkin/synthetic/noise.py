"""Random textures: smooth fields of about unit variance, drawn from a given generator."""

import cv2
import numpy as np


def smooth_field(rng, shape, cells):
    """Draw a smooth random field [height, width] float32 with about zero mean and unit variance.

    shape: (height, width). cells: (rows, columns) of the random lattice that bicubic interpolation stretches
    over the shape.
    """
    rows, columns = (max(2, int(n)) for n in cells)
    lattice = rng.standard_normal((rows, columns), dtype=np.float32)
    return cv2.resize(lattice, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def fractal_field(rng, shape, cells, octaves=4, gain=0.5):
    """Sum smooth fields, each with twice the cells and ``gain`` times the amplitude of the one before."""
    total, height, power = np.zeros(shape, np.float32), 1.0, 0.0
    for octave in range(octaves):
        total += height * smooth_field(rng, shape, (cells[0] * 2**octave, cells[1] * 2**octave))
        power += height**2
        height *= gain
    return total * power**-0.5


def ring_field(rng, size, cells):
    """Draw a ``smooth_field`` whose last column continues in the first, for textures around a solid."""
    rows, columns = (max(2, int(n)) for n in cells)
    lattice = rng.standard_normal((rows, columns), dtype=np.float32)
    lattice = np.concatenate([lattice[:, -2:], lattice, lattice[:, :2]], axis=1)
    step = size[1] / columns
    pad = round(2 * step)
    wide = cv2.resize(lattice, (size[1] + 2 * pad, size[0]), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(wide[:, pad : pad + size[1]])


def smoothstep(low, high, value):
    """Return 0 below ``low``, 1 above ``high`` and a smooth rise in between; low > high gives a fall."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
