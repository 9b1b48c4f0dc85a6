"""Augmentation moves images and their masks together, and gives the same for the same generator."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from mrcnn.pipeline.augment import LEVELS, Augmentation, augmentation_of

SQUARE = np.ones((3, 3), bool)


def scene(height=60, width=80):
    """A grey image with a red, a green and a blue blob, and their masks."""
    image = np.full((height, width, 3), 120, np.uint8)
    masks = np.zeros((height, width, 3), bool)
    masks[8:22, 10:30, 0] = masks[35:50, 15:25, 1] = masks[20:45, 50:70, 2] = True
    for i in range(3):
        image[masks[:, :, i]] = np.eye(3)[i] * 200 + 30
    return image, masks


def blobs(image):
    """Where each colour clearly dominates: [H, W, 3] bool."""
    rest = np.stack([np.delete(image.astype(int), i, axis=2).max(axis=2) for i in range(3)], axis=-1)
    return image.astype(int) - rest > 60


@pytest.mark.parametrize("level", ["light", "light_rot"])
@pytest.mark.parametrize("shape", [(60, 80), (80, 80)])
def test_blobs_stay_under_their_masks(level, shape):
    augmentation = augmentation_of(level)
    before, masks = scene(*shape)
    moved = 0
    for seed in range(30):
        image, after = augmentation.apply(before, masks, np.random.default_rng(seed))
        assert (image.shape, image.dtype) == (before.shape, np.uint8)
        assert (after.shape, after.dtype) == (masks.shape, bool)
        moved += bool((after != masks).any())
        for i in range(3):
            found = blobs(image)[..., i]
            assert (found <= binary_dilation(after[..., i], SQUARE)).all()  # borders of scaled blobs mix
            assert (found >= binary_erosion(after[..., i], SQUARE, border_value=1)).all()
    assert moved > 20
    np.testing.assert_array_equal(before, scene(*shape)[0])  # the originals are untouched


def test_a_generator_decides_everything():
    image, masks = scene()
    light = LEVELS["light"]
    first, second = (light.apply(image, masks, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    other = light.apply(image, masks, np.random.default_rng(6))
    assert (first[0] != other[0]).any()


def test_flips_and_turns_lose_nothing():
    image, masks = scene(80, 80)
    seen = set()
    for seed in range(60):
        turned, after = Augmentation(flip_vertical=True, turn=True).apply(
            image, masks, np.random.default_rng(seed)
        )
        np.testing.assert_array_equal(blobs(turned), after)
        seen.add(after.tobytes())
    assert len(seen) == 8  # the eight ways to lay a square


def test_oblong_images_are_not_turned():
    image, masks = scene(60, 80)
    for seed in range(10):
        turned, _ = Augmentation(turn=True).apply(image, masks, np.random.default_rng(seed))
        assert turned.shape == image.shape


def test_colour_leaves_masks_and_stays_in_range():
    image, masks = scene()
    image[0, :2] = [[0, 0, 0], [255, 255, 255]]
    augmentation = Augmentation(flip_horizontal=False, brightness=40.0, contrast=0.3, saturation=0.3)
    levels = []
    for seed in range(20):
        changed, after = augmentation.apply(image, masks, np.random.default_rng(seed))
        np.testing.assert_array_equal(after, masks)
        levels.append(changed.mean() - image.mean())
    assert min(levels) < -15 and max(levels) > 15
    assert np.abs(levels).max() < 45


def test_scale_stays_in_its_range():
    image, masks = scene()
    augmentation = Augmentation(flip_horizontal=False, scale=(0.5, 0.5))
    for seed in range(5):
        _, after = augmentation.apply(image, masks, np.random.default_rng(seed))
        np.testing.assert_allclose(after.sum(axis=(0, 1)), masks.sum(axis=(0, 1)) / 4, rtol=0.2)


def test_images_without_instances():
    image, masks = scene()
    _, after = LEVELS["light"].apply(image, masks[:, :, :0], np.random.default_rng(0))
    assert after.shape == (60, 80, 0)


def test_levels_by_name():
    assert augmentation_of("none") is None
    assert augmentation_of(None) is None
    own = Augmentation()
    assert augmentation_of(own) is own
    with pytest.raises(ValueError, match="'heavy'; it is one of none, light, light_rot"):
        augmentation_of("heavy")
    with pytest.raises(ValueError, match=r"apply\(image, masks, rng\), got a list"):
        augmentation_of([1])
