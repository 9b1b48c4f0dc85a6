"""Random choice of fixed counts: only candidates, no more than asked, each equally likely."""

import numpy as np
from keras import ops

from mrcnn.ops.sampling import sample


def run(candidates, count, noise=None, limit=None):
    candidates = np.atleast_2d(np.asarray(candidates, bool))
    noise = np.random.default_rng(0).random(candidates.shape, "float32") if noise is None else noise
    limit = None if limit is None else ops.convert_to_tensor(np.asarray(limit, "int32"))
    index, chosen = sample(ops.convert_to_tensor(candidates), ops.convert_to_tensor(noise), count, limit)
    return ops.convert_to_numpy(index), ops.convert_to_numpy(chosen)


def test_chooses_candidates_only_and_puts_them_first():
    candidates = np.array([[0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0]], bool)
    index, chosen = run(candidates, 4)
    assert sorted(index[0][chosen[0]]) == [1, 3, 4]
    assert chosen.tolist() == [[True, True, True, False], [False] * 4]


def test_limit_cuts_each_image_by_itself():
    _, chosen = run(np.ones((3, 8), bool), 5, limit=[0, 2, 9])
    assert chosen.sum(axis=1).tolist() == [0, 2, 5]


def test_more_places_than_boxes_are_padded():
    index, chosen = run(np.ones((1, 2), bool), 5)
    assert index.shape == (1, 5)
    assert sorted(index[0][chosen[0]]) == [0, 1]


def test_a_candidate_with_noise_zero_can_be_chosen():
    _, chosen = run([True, False], 2, noise=np.zeros((1, 2), "float32"))
    assert chosen.tolist() == [[True, False]]


def test_each_candidate_is_equally_likely():
    rng = np.random.default_rng(5)
    candidates = np.tile([True, False, True, True, True], (4000, 1))
    index, chosen = run(candidates, 2, noise=rng.random(candidates.shape, "float32"))
    counts = np.bincount(index[chosen], minlength=5)
    assert counts[1] == 0
    np.testing.assert_allclose(counts[[0, 2, 3, 4]], 2000, atol=150)
