"""Instances of another image are pasted with their pixels, and masks cover the visible parts."""

import numpy as np
import pytest

from mrcnn.pipeline.copy_paste import paste


def disc(height, width, y, x, radius):
    rows, columns = np.indices((height, width))
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def target():
    """Grey, with a red disc and a crowd in the right part."""
    image = np.full((80, 100, 3), 100, np.uint8)
    masks = np.stack([disc(80, 100, 40, 30, 15), np.zeros((80, 100), bool)], axis=-1)
    masks[10:70, 70:95, 1] = True
    image[masks[:, :, 0]] = (220, 40, 40)
    return image, masks, np.array([1, -1], np.int32)


def donor(*places, radius=15, class_id=2):
    """Black, with blue discs at (y, x)."""
    masks = np.stack([disc(80, 100, y, x, radius) for y, x in places], axis=-1)
    image = np.zeros((80, 100, 3), np.uint8)
    image[masks.any(axis=2)] = (40, 40, 220)
    return image, masks, np.full(len(places), class_id, np.int32)


def is_blue(image):
    return (image[:, :, 2] > 150) & (image[:, :, 0] < 130)


def test_a_pasted_instance_covers_what_is_below():
    image, masks, class_ids = target()
    seen, after, ids = paste(image, masks, class_ids, donor((40, 45)), np.random.default_rng(0))
    assert ids.tolist() == [1, -1, 2]
    pasted = disc(80, 100, 40, 45, 15)
    np.testing.assert_array_equal(after[:, :, 2], pasted)
    np.testing.assert_array_equal(after[:, :, 0], masks[:, :, 0] & ~pasted)
    np.testing.assert_array_equal(after[:, :, 1], masks[:, :, 1] & ~pasted)
    assert is_blue(seen)[disc(80, 100, 40, 45, 13)].all()
    np.testing.assert_array_equal(seen[~disc(80, 100, 40, 45, 19)], image[~disc(80, 100, 40, 45, 19)])
    np.testing.assert_array_equal(image, target()[0])  # what was given stays
    np.testing.assert_array_equal(masks, target()[1])


@pytest.mark.parametrize(("min_visible", "stays"), [(0.2, True), (0.6, False)])
def test_what_is_covered_beyond_the_threshold_is_dropped(min_visible, stays):
    image, masks, class_ids = target()
    share = (masks[:, :, 0] & ~disc(80, 100, 40, 42, 15)).sum() / masks[:, :, 0].sum()
    assert 0.4 < share < 0.6
    found = paste(image, masks, class_ids, donor((40, 42)), np.random.default_rng(0), min_visible=min_visible)
    assert found[2].tolist() == ([1, -1, 2] if stays else [-1, 2])
    assert found[1].shape[2] == len(found[2])


def test_a_crowd_stays_while_anything_of_it_does():
    image, masks, class_ids = target()
    masks[:, :, 1] = disc(80, 100, 40, 75, 16)  # a ring of it will be left
    _, after, ids = paste(image, masks, class_ids, donor((40, 75)), np.random.default_rng(0))
    assert ids.tolist() == [1, -1, 2]
    assert 0 < after[:, :, 1].sum() < 0.2 * masks[:, :, 1].sum()


def test_the_choice_is_random_within_its_bound_and_repeatable():
    image, masks, class_ids = target()
    many = donor(*((15, 10 * i) for i in range(1, 9)), radius=4)
    counts = set()
    for seed in range(40):
        first, second = (
            paste(image, masks, class_ids, many, np.random.default_rng(seed), at_most=3) for _ in range(2)
        )
        for one, two in zip(first, second):
            np.testing.assert_array_equal(one, two)
        counts.add(len(first[2]) - 2)
    assert counts == {1, 2, 3}


def test_crowds_and_empty_masks_are_not_pasted():
    image, masks, class_ids = target()
    for class_id, radius in ((-2, 15), (2, -1)):
        other = donor((40, 45), class_id=class_id)
        if radius < 0:
            other[1][:] = False
        found = paste(image, masks, class_ids, other, np.random.default_rng(0))
        for one, two in zip(found, (image, masks, class_ids)):
            np.testing.assert_array_equal(one, two)
    empty = donor((40, 45))[0], np.zeros((80, 100, 0), bool), np.zeros(0, np.int32)
    assert paste(image, masks, class_ids, empty, np.random.default_rng(0))[0] is image


def test_an_image_without_instances_takes_some():
    image = np.full((80, 100, 3), 100, np.uint8)
    nothing = np.zeros((80, 100, 0), bool), np.zeros(0, np.int32)
    for occlusion in (0.0, 1.0):
        _, after, ids = paste(image, *nothing, donor((40, 45)), np.random.default_rng(1), occlusion=occlusion)
        assert ids.tolist() == [2]
        np.testing.assert_array_equal(after[:, :, 0], disc(80, 100, 40, 45, 15))


def test_occlusion_seeks_a_neighbour_and_hides_a_part():
    image, masks, class_ids = target()
    far = donor((12, 85), radius=9)
    shares, in_front = [], 0
    for seed in range(60):
        seen, after, ids = paste(image, masks, class_ids, far, np.random.default_rng(seed), occlusion=1.0)
        assert ids.tolist() == [1, -1, 2]
        red, blue = after[:, :, 0], after[:, :, 2]
        assert not (red & blue).any()
        lost = 1 - red.sum() / masks[:, :, 0].sum()
        in_front += lost > 0
        if lost:  # the share of the smaller that hides
            shares.append((masks[:, :, 0].sum() - red.sum()) / min(blue.sum(), masks[:, :, 0].sum()))
        assert is_blue(seen)[blue].mean() > 0.6  # but for its blurred outline
    assert 15 <= in_front <= 45  # in front half of the time, behind the other half
    assert min(shares) > 0.09 and max(shares) < 0.62


def test_what_lies_behind_is_only_what_is_not_hidden():
    image, masks, class_ids = target()
    far = donor((12, 85), radius=14)
    behind = 0
    for seed in range(40):
        seen, after, _ = paste(image, masks, class_ids, far, np.random.default_rng(seed), occlusion=1.0)
        if (after[:, :, 0] == masks[:, :, 0]).all() and after.shape[2] == 3:
            behind += 1
            core = disc(80, 100, 40, 30, 12)
            np.testing.assert_array_equal(seen[core], image[core])
    assert behind >= 10


def test_images_of_different_sizes():
    image, masks, class_ids = target()
    large = np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200, 2), bool), np.array([2, 2], np.int32)
    large[1][70:90, 90:120, 0] = True  # partly within 80 x 100
    large[1][150:160, 150:160, 1] = True  # beyond
    large[0][large[1].any(axis=2)] = (40, 40, 220)
    for seed in range(10):
        _, after, ids = paste(image, masks, class_ids, large, np.random.default_rng(seed), min_visible=0)
        assert ids.tolist() in ([1, -1], [1, -1, 2])
        if len(ids) == 3:
            assert after[:, :, 2].sum() == 10 * 10
