"""Random choice of a fixed number of boxes.

B: images, N: boxes, K: places of the sample.
"""

from keras import ops


def sample(candidates, noise, count, limit=None):
    """Choose up to ``count`` of the candidates of each image, each with the same chance.

    candidates: [B, N] bool. noise: [B, N] independent uniform numbers in [0, 1), the only randomness.
    count: places of the result, a Python number. limit: [B] int, at most this many are chosen of each
    image (none: ``count``).

    Returns (index [B, K] int32, chosen [B, K] bool) with K = count. Chosen places come first; the
    others hold an index that must not be used.
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
    """Noise for ``sample`` that lets each group of candidates choose one of its own, turn after turn.

    noise: [B, N] independent uniform numbers in [0, 1). candidates: [B, N] bool. group: [B, N] int.
    Returns [B, N] in [0, 1): the best of each group before every second best, and so on, in random order.
    """
    same = candidates[:, None, :] & (group[:, :, None] == group[:, None, :])
    ahead = noise[:, None, :] > noise[:, :, None]
    turn = ops.cast(ops.count_nonzero(same & ahead, axis=2), noise.dtype)
    turns = float(noise.shape[1])
    return (turns - 1.0 - turn + noise) / turns
