"""The random stream of the process, for functions that drew from NumPy's global one in matterport's code."""

import functools

import numpy as np

_KEY = 3  # of this stream; the loader and the batches use 0 to 2


@functools.cache
def of_process(seed=0):
    """Return the process's Generator for a seed: calls draw on from it, and a new process draws the same."""
    return np.random.default_rng([seed, _KEY])
