"""Random choice of fixed counts: only candidates, no more than asked, each equally likely."""

import numpy as np
from keras import ops

from mrcnn.ops.sampling import by_turns, sample


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


def test_groups_take_turns():
    candidates = np.array([[1, 1, 1, 0, 1, 1], [0, 0, 0, 0, 0, 0]], bool)
    group = np.array([[0, 0, 0, 0, 1, 2], [0, 0, 0, 0, 0, 0]], "int32")
    noise = np.array([[0.1, 0.5, 0.9, 0.99, 0.2, 0.3], [0.5] * 6], "float32")
    priority = ops.convert_to_numpy(by_turns(noise, candidates, group))
    assert ((priority >= 0) & (priority < 1)).all()
    index, chosen = run(candidates, 6, priority)
    # First the best of each group, the groups in the order of their noise, then the seconds.
    assert index[0][chosen[0]].tolist() == [2, 5, 4, 1, 0]
    assert not chosen[1].any()


def test_turns_are_as_random_as_the_noise():
    rng = np.random.default_rng(0)
    candidates, group = np.ones((500, 7), bool), np.tile([0, 0, 0, 0, 0, 1, 1], (500, 1)).astype("int32")
    priority = ops.convert_to_numpy(by_turns(rng.random((500, 7), "float32"), candidates, group))
    index, _ = run(candidates, 2, priority)
    assert ((index >= 5).sum(axis=1) == 1).all()  # one of each group
    counts = np.bincount(index.ravel(), minlength=7)
    assert counts[:5].min() > 70 and counts[:5].max() < 130  # 100 each
    assert counts[5:].min() > 210 and counts[5:].max() < 290  # 250 each
