"""Random textures: smooth fields of unit variance from an explicit generator."""

import cv2
import numpy as np


def smooth_field(rng, shape, cells):
    """A smooth random field [height, width] float32 of about zero mean and unit variance.

    cells: (rows, columns) of the random lattice that is stretched over the shape by bicubic interpolation.
    """
    rows, columns = (max(2, int(n)) for n in cells)
    lattice = rng.standard_normal((rows, columns), dtype=np.float32)
    return cv2.resize(lattice, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def fractal_field(rng, shape, cells, octaves=4, gain=0.5):
    """A sum of smooth fields, each of twice as many cells and ``gain`` times the height of the last."""
    total, height, power = np.zeros(shape, np.float32), 1.0, 0.0
    for octave in range(octaves):
        total += height * smooth_field(rng, shape, (cells[0] * 2**octave, cells[1] * 2**octave))
        power += height**2
        height *= gain
    return total * power**-0.5


def ring_field(rng, size, cells):
    """``smooth_field`` over (rows, columns) whose last column meets the first: for textures round a solid."""
    rows, columns = (max(2, int(n)) for n in cells)
    lattice = rng.standard_normal((rows, columns), dtype=np.float32)
    lattice = np.concatenate([lattice[:, -2:], lattice, lattice[:, :2]], axis=1)
    step = size[1] / columns
    pad = round(2 * step)
    wide = cv2.resize(lattice, (size[1] + 2 * pad, size[0]), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(wide[:, pad : pad + size[1]])


def smoothstep(low, high, value):
    """0 below ``low``, 1 above ``high`` and a smooth rise between; works with low > high too."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
