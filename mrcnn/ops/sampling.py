"""Sampling: choose a fixed number of boxes at random.

B: images, N: boxes per image, K: size of the sample.
"""

from keras import ops


def sample(candidates, noise, count, limit=None):
    """Choose up to ``count`` candidates from each image, each with equal probability.

    candidates: [B, N] bool. noise: [B, N] independent uniform numbers in [0, 1), the only randomness.
    count: size of the sample, a Python number. limit: [B] int, the most that are chosen from each image;
    None sets no limit but ``count``.

    Returns (index [B, K] int32, chosen [B, K] bool) with K = count. Chosen entries come first; ignore the
    index of the others.
    """
    places = min(count, candidates.shape[1])
    priority = ops.where(candidates, noise, -1.0)
    value, index = ops.top_k(priority, places)
    chosen = value >= 0
    if limit is not None:
        chosen = chosen & (ops.arange(places)[None, :] < limit[:, None])
    missing = [[0, 0], [0, count - places]]
    return ops.pad(ops.cast(index, "int32"), missing), ops.pad(chosen, missing)


def by_turns(noise, candidates, group):
    """Reorder noise for ``sample`` so that groups of candidates take turns, one candidate per turn.

    noise: [B, N] independent uniform numbers in [0, 1). candidates: [B, N] bool. group: [B, N] int.
    Returns [B, N] in [0, 1): the first of every group ranks before the second of any group, and so on;
    within a turn the order is random.
    """
    same = candidates[:, None, :] & (group[:, :, None] == group[:, None, :])
    ahead = noise[:, None, :] > noise[:, :, None]
    # A sum of 0 and 1 is exact. Keras's count_nonzero swaps the axes of its result on PyTorch.
    turn = ops.sum(ops.cast(same & ahead, noise.dtype), axis=2)
    turns = float(noise.shape[1])
    return ops.add(turns - 1.0 - turn, noise) / turns
