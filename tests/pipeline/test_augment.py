"""Augmentation moves images and their masks together, and gives the same for the same generator."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from mrcnn.pipeline import warp
from mrcnn.pipeline.augment import PRESETS, Augmentation, augmentation_of

SQUARE = np.ones((3, 3), bool)
MOVING = {"scale": [0.4, 2], "crop": 0.5, "rotation": 180}


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


@pytest.mark.parametrize(  # mixed: width of the border where a magnified blob's colour fades, in pixels
    ("level", "mixed"), [("light", 1), ("light_rot", 1), ("large_scale_jitter", 2), (MOVING, 4)]
)
@pytest.mark.parametrize("shape", [(60, 80), (80, 80)])
def test_blobs_stay_under_their_masks(level, mixed, shape):
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
            strays = found & ~binary_dilation(after[..., i], SQUARE, mixed)
            assert not strays[1:-1, 1:-1].any()  # at the frame's edge a blob's colour may be all that is in
            assert (found >= binary_erosion(after[..., i], SQUARE, mixed, border_value=1)).all()
    assert moved > 20
    np.testing.assert_array_equal(before, scene(*shape)[0])  # the originals are untouched


def test_a_generator_decides_everything():
    image, masks = scene()
    light = PRESETS["light"]
    first, second = (light.apply(image, masks, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    other = light.apply(image, masks, np.random.default_rng(6))
    assert (first[0] != other[0]).any()


def test_flips_and_turns_lose_nothing():
    image, masks = scene(80, 80)
    seen = set()
    for seed in range(60):
        turned, after = Augmentation(flip_horizontal=True, flip_vertical=True, turn=True).apply(
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
    augmentation = Augmentation(brightness=40.0, contrast=0.3, saturation=0.3)
    levels = []
    for seed in range(20):
        changed, after = augmentation.apply(image, masks, np.random.default_rng(seed))
        np.testing.assert_array_equal(after, masks)
        levels.append(changed.mean() - image.mean())
    assert min(levels) < -15 and max(levels) > 15
    assert np.abs(levels).max() < 45


def test_scale_stays_in_its_range():
    image, masks = scene()
    augmentation = Augmentation(scale=(0.5, 0.5))
    for seed in range(5):
        _, after = augmentation.apply(image, masks, np.random.default_rng(seed))
        np.testing.assert_allclose(after.sum(axis=(0, 1)), masks.sum(axis=(0, 1)) / 4, rtol=0.2)


def test_images_without_instances():
    image, masks = scene()
    _, after = PRESETS["light"].apply(image, masks[:, :, :0], np.random.default_rng(0))
    assert after.shape == (60, 80, 0)


def test_a_crop_keeps_its_share_and_fills_the_frame():
    image = np.full((60, 80, 3), 200, np.uint8)
    masks = np.zeros((60, 80, 1), bool)
    masks[:, :, 0] = True
    areas = []
    for seed in range(40):
        changed, after = Augmentation(crop=0.5).apply(image, masks, np.random.default_rng(seed))
        rows, columns = after[..., 0].any(axis=1), after[..., 0].any(axis=0)
        assert rows.mean() > 0.97 or columns.mean() > 0.97  # one side is filled
        assert min(rows.mean(), columns.mean()) > 0.49
        inner = binary_erosion(after[..., 0], SQUARE, 2)  # at its border the picture fades into black
        np.testing.assert_array_equal(changed[inner], 200)
        assert not changed[~binary_dilation(after[..., 0], SQUARE, 2)].any()
        areas.append(after.mean())
    assert min(areas) < 0.8


def test_a_quarter_turn_by_rotation_is_exact():
    image, masks = scene(80, 80)
    matrix = warp.rotation(90, (80, 80))
    np.testing.assert_array_equal(warp.masks(masks, (0, 0, 80, 80), matrix), np.rot90(masks))
    np.testing.assert_array_equal(warp.image(image, (0, 0, 80, 80), matrix), np.rot90(image))


def test_rotation_stays_in_its_range():
    stripe = np.zeros((101, 101, 1), bool)
    stripe[50, 10:91] = True
    image = np.zeros((101, 101, 3), np.uint8)
    angles = []
    for seed in range(40):
        _, after = Augmentation(rotation=20).apply(image, stripe, np.random.default_rng(seed))
        y, x = np.nonzero(after[..., 0])
        angles.append(np.degrees(np.arctan(np.polyfit(x, y, 1)[0])))
    assert -21 < min(angles) < -12 and 12 < max(angles) < 21


def test_a_strongly_shrunk_image_is_averaged_where_its_masks_are():
    fine = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = np.stack([fine] * 3, axis=-1).astype(np.uint8)
    masks = np.ones((64, 64, 1), bool)
    changed, after = Augmentation(scale=(0.25, 0.25)).apply(image, masks, np.random.default_rng(0))
    inside = binary_erosion(after[..., 0], SQUARE)
    assert inside.sum() >= 14 * 14
    assert (np.abs(changed[inside].astype(int) - 127) <= 1).all()  # not a pattern of black and white
    assert not changed[~binary_dilation(after[..., 0], SQUARE)].any()


def test_blur_is_of_half_of_the_images_and_bounded():
    image, masks = scene()
    image[30, 40] = 255
    peaks = []
    for seed in range(60):
        changed, after = Augmentation(blur=1.5).apply(image, masks, np.random.default_rng(seed))
        np.testing.assert_array_equal(after, masks)
        peaks.append(int(changed[30, 40, 0]))
    assert 15 <= sum(peak == 255 for peak in peaks) <= 45
    assert 120 < min(peaks) < 150  # a sigma of 1.5 leaves a fourteenth of the peak over the grey of 120


def test_recolouring_is_its_formula():
    image, masks = scene()
    augmentation = Augmentation(brightness=10.0, contrast=0.1, saturation=0.2)
    changed, _ = augmentation.apply(image, masks, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    saturation, contrast, shift = 1 + rng.uniform(-0.2, 0.2), 1 + rng.uniform(-0.1, 0.1), rng.uniform(-10, 10)
    pixels = image.astype(float)
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * saturation
    pixels = pixels.mean() + (pixels - pixels.mean()) * contrast + shift
    np.testing.assert_allclose(changed, pixels.clip(0, 255), atol=0.51)


def test_presets_by_name():
    assert augmentation_of("none") is None
    assert augmentation_of(None) is None
    own = Augmentation()
    assert augmentation_of(own) is own
    assert augmentation_of("strong").copy_paste == 0.5
    assert augmentation_of("large_scale_jitter").scale == (0.1, 2.0)
    with pytest.raises(ValueError, match="'heavy'; it is one of none, light, light_rot, strong"):
        augmentation_of("heavy")
    with pytest.raises(ValueError, match=r"apply\(image, masks, rng\), got a list"):
        augmentation_of([1])


def test_presets_with_changes():
    changed = augmentation_of({"preset": "light", "rotation": 45, "scale": [0.5, 2]})
    assert changed == replace(PRESETS["light"], rotation=45, scale=(0.5, 2))
    assert augmentation_of({"blur": 2.0}) == Augmentation(blur=2.0)
    assert augmentation_of({}) is None
    assert augmentation_of({"preset": "none", "blur": 0.0}) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rotate": 45}, "unknown setting 'rotate'; did you mean 'rotation'"),
        ({"zzz": 1}, "unknown setting 'zzz'; there are flip_horizontal, "),
        ({"preset": "heavy"}, "Unknown augmentation 'heavy'"),
        (
            {"scale": 2},
            "scale must be the least and the greatest factor, two numbers above 0 and at most 1,000, got 2",
        ),
        ({"scale": [2, 1]}, r"scale must be the least and the greatest factor, two numbers .*, got \(2, 1\)"),
        ({"scale": [0, 1]}, "above 0"),
        ({"crop": 0}, "crop must be a number above 0 and at most 1, got 0"),
        ({"copy_paste": 1.5}, "copy_paste must be a number from 0 to 1, got 1.5"),
        ({"paste_at_most": 0}, "paste_at_most must be a whole number from 1 to 10,000, got 0"),
        ({"blur": -1}, "blur must be a number from 0 to 100, got -1"),
        ({"blur": "much"}, "blur must be a number from 0 to 100, got 'much'"),
        ({"rotation": float("nan")}, "rotation must be a number from 0 to 360, got nan"),
        ({"preset": ["light"]}, r"Unknown augmentation \['light'\]"),
        ({"turn": 1}, "turn must be true or false, got 1"),
    ],
)
def test_wrong_settings_are_told(settings, message):
    with pytest.raises(ValueError, match=message):
        augmentation_of(settings)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_has_a_name_of_its_own_effect(name):
    assert (PRESETS[name] is None) == (name == "none")
    assert [other for other in PRESETS if PRESETS[other] == PRESETS[name]] == [name]
