"""imgaug's augmenters as ours: image and masks move together, by the given randomness alone."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.pipeline.augment import PRESETS, augmentation_of
from mrcnn.pipeline.imgaug_adapter import ImgaugAdapter, _to_labels, is_imgaug
from mrcnn.pipeline.loader import Loader, load_image_gt
from mrcnn.supplied import numpy_names
from tests.scenes import Rectangles

numpy_names.supply()  # which imgaug needs while it is imported
imgaug = pytest.importorskip("imgaug")
iaa = imgaug.augmenters

SHAPE = (45, 62)


def scene(count=3, dtype=np.uint8):
    """An image [45, 62, 3] that is bright within its masks, which overlap."""
    masks = np.zeros((*SHAPE, count), bool)
    for i in range(count):
        masks[5 + 6 * i : 20 + 7 * i, 8 + 9 * i : 25 + 10 * i, i] = True
    image = np.zeros((*SHAPE, 3), dtype)
    image[masks.any(axis=2)] = 250
    return image, masks


def augmented(augmenter, image, masks, seed=0):
    return ImgaugAdapter(augmenter).apply(image, masks, np.random.default_rng(seed))


def overlap(image, masks):
    """How well the bright pixels of an image and those of its masks agree: 0 ... 1."""
    bright, covered = image[..., 0] > 125, masks.any(axis=2)
    return (bright & covered).sum() / (bright | covered).sum()


MOVING = {
    "Fliplr": iaa.Fliplr(1),
    "Flipud": iaa.Flipud(1),
    "Affine": iaa.Affine(rotate=(10, 30), translate_percent=(0.05, 0.1), scale=(0.8, 0.9), shear=(5, 9)),
    "AffineReflect": iaa.Affine(translate_px=20, mode="reflect"),
    "AffineEdge": iaa.Affine(scale=0.6, translate_px={"x": -20}, mode="edge"),
    "PiecewiseAffine": iaa.PiecewiseAffine((0.03, 0.05)),
    "CropAndPad": iaa.CropAndPad(px=((-9, -4), (3, 9), (-9, -4), (3, 9))),
    "CropAndPadWrap": iaa.CropAndPad(px=(0, 30, 0, 0), pad_mode=["wrap"]),
    "Crop": iaa.Crop(percent=(0.1, 0.2)),
    "Pad": iaa.Pad(px=(3, 8)),
    "ElasticTransformation": iaa.ElasticTransformation(alpha=30, sigma=5),
    "PerspectiveTransform": iaa.PerspectiveTransform(0.1),
    "Rot90": iaa.Rot90(2),
    "Sequential": iaa.Sequential([iaa.Fliplr(0.9), iaa.Affine(rotate=20)], random_order=True),
    "SomeOf": iaa.SomeOf((1, 2), [iaa.Fliplr(1), iaa.Flipud(1), iaa.Affine(shear=15)]),
    "OneOf": iaa.OneOf([iaa.Affine(rotate=30), iaa.Affine(rotate=180), iaa.Flipud(1)]),
    "Sometimes": iaa.Sometimes(0.7, iaa.Fliplr(1), iaa.Flipud(1)),
    "WithColour": iaa.Sequential([iaa.Fliplr(1), iaa.Multiply(0.9), iaa.Affine(rotate=90, scale=0.7)]),
}


@pytest.mark.parametrize("name", MOVING)
def test_image_and_masks_move_together(name):
    image, masks = scene()
    for seed in range(4):
        changed, moved = augmented(MOVING[name], image, masks, seed)
        assert not np.array_equal(moved, masks)
        assert moved.shape == masks.shape and moved.dtype == bool
        assert moved.any()
        # Edges of the image are interpolated, those of masks are not.
        assert overlap(changed, moved) > 0.85, seed


def test_flips_are_exact():
    image, masks = scene()
    image[..., 1] = np.arange(SHAPE[1])
    for augmenter, axis in ((iaa.Fliplr(1), 1), (iaa.Flipud(1), 0)):
        changed, moved = augmented(augmenter, image, masks)
        np.testing.assert_array_equal(changed, np.flip(image, axis))
        np.testing.assert_array_equal(moved, np.flip(masks, axis))


def test_each_mask_goes_its_own_way_through_many_and_overlapping_ones():
    rng = np.random.default_rng(5)
    masks = rng.random((*SHAPE, 40)) < 0.2
    image = np.zeros((*SHAPE, 3), np.uint8)
    _, moved = augmented(iaa.Fliplr(1), image, masks)
    np.testing.assert_array_equal(moved, masks[:, ::-1])
    _, moved = augmented(iaa.Affine(translate_px={"x": 3, "y": -2}), image, masks)
    np.testing.assert_array_equal(moved[:-2, 3:], masks[2:, :-3])
    assert not moved[-2:].any() and not moved[:, :3].any()


COLOURS = {
    "Multiply": iaa.Multiply((1.5, 2.0)),
    "Add": iaa.Add((20, 40), per_channel=True),
    "GaussianBlur": iaa.GaussianBlur((1.0, 2.0)),
    "AdditiveGaussianNoise": iaa.AdditiveGaussianNoise(scale=(10, 20)),
    "AddToHueAndSaturation": iaa.AddToHueAndSaturation((20, 40)),
    "ContrastNormalization": iaa.LinearContrast((0.5, 0.7)),
    "CoarseDropout": iaa.CoarseDropout(0.3, size_percent=0.2),
    "Grayscale": iaa.Grayscale(1.0),
    "Sharpen": iaa.Sharpen(alpha=1.0),
}


@pytest.mark.parametrize("name", COLOURS)
def test_what_changes_colours_leaves_masks(name):
    image, masks = scene()
    image[..., 1] += 3
    changed, same = augmented(COLOURS[name], image, masks)
    assert same is masks
    assert not np.array_equal(changed, image) and changed.dtype == np.uint8


def test_what_comes_in_from_outside_is_in_no_mask():
    image, masks = scene()
    _, moved = augmented(iaa.Affine(translate_px={"x": 30}, cval=255), image, masks)
    assert not moved[:, :30].any()
    _, moved = augmented(iaa.Pad(px=(0, 0, 0, 30), pad_mode="mean", keep_size=True), image, masks)
    assert not moved[:, :15].any()


def test_choices_are_made_anew_for_each_seed_and_are_alike():
    image, masks = scene()
    augmenter = iaa.OneOf([iaa.Fliplr(1), iaa.Flipud(1), iaa.Identity()])
    seen = set()
    for seed in range(30):
        changed, moved = augmented(augmenter, image, masks, seed)
        assert overlap(changed, moved) == 1
        seen.add(moved.tobytes())
    assert len(seen) == 3


def everything():
    return iaa.SomeOf(
        (0, 5),
        [
            iaa.Fliplr(0.5),
            iaa.OneOf([iaa.Affine(rotate=(-90, 90)), iaa.CropAndPad(percent=(-0.2, 0.2))]),
            iaa.Multiply((0.5, 1.5)),
            iaa.Sometimes(0.5, iaa.GaussianBlur((0, 2)), iaa.AdditiveGaussianNoise(scale=10)),
            iaa.PiecewiseAffine((0.01, 0.05)),
        ],
        random_order=True,
    )


def test_the_same_seed_gives_the_same_bytes_whatever_imgaugs_own():
    image, masks = scene()
    results = []
    for own_seed in (1, 2):
        imgaug.seed(own_seed)
        adapter = ImgaugAdapter(everything())
        adapter.augmenter(image=image)  # continues with the augmenter's own generator
        results.append([adapter.apply(image, masks, np.random.default_rng(seed)) for seed in range(8)])
    for first, second in zip(*results):
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])
    assert len({changed.tobytes() for changed, _ in results[0]}) > 4


def test_a_deterministic_augmenter_takes_the_given_randomness_too():
    image, masks = scene()
    adapter = ImgaugAdapter(iaa.Affine(translate_px=(-9, 9)).to_deterministic())
    results = {adapter.apply(image, masks, np.random.default_rng(s))[1].tobytes() for s in range(6)}
    assert len(results) > 2


def test_threads_do_not_disturb_each_other():
    image, masks = scene()
    adapter = ImgaugAdapter(everything())

    def run(seed):
        return adapter.apply(image, masks, np.random.default_rng(seed))

    alone = [run(seed) for seed in range(12)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, range(12)))
    for first, second in zip(alone, together):
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])


def test_the_programs_objects_stay_as_they_are():
    image, masks = scene()
    before = image.copy(), masks.copy()
    augmenter = iaa.Sequential([iaa.Affine(rotate=(-20, 20), mode="edge"), iaa.Add((-9, 9))], seed=3)
    untouched = augmenter.deepcopy()
    own = imgaug.random.get_global_rng().copy()
    np.random.seed(4)
    expected = np.random.default_rng(0).integers(1000)
    rng = np.random.default_rng(0)
    augmented(augmenter, image, masks)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(masks, before[1])
    assert imgaug.random.get_global_rng().equals(own)
    assert rng.integers(1000) == expected
    np.testing.assert_array_equal(augmenter(image=image), untouched(image=image))
    assert augmenter[0]._mode_segmentation_maps == "constant"


@pytest.mark.parametrize("count", [0, 1])
def test_images_of_few_masks_and_floats(count):
    image, masks = scene(count, np.float32)
    changed, moved = augmented(iaa.Fliplr(1), image, masks)
    assert moved.shape == (*SHAPE, count) and moved.dtype == bool and changed.dtype == np.float32
    np.testing.assert_array_equal(changed, image[:, ::-1])
    np.testing.assert_array_equal(moved, masks[:, ::-1])


def test_empty_masks_stay_empty():
    image, masks = scene()
    masks[..., 1] = False
    _, moved = augmented(iaa.Affine(rotate=15), image, masks)
    assert moved.any(axis=(0, 1)).tolist() == [True, False, True]


def test_strided_views_are_taken():
    image, masks = scene()
    changed, moved = augmented(iaa.Fliplr(1), image[:, ::-1], masks[:, ::-1])
    np.testing.assert_array_equal(changed, image)
    np.testing.assert_array_equal(moved, masks)


def test_labels_say_the_same_as_masks():
    rng = np.random.default_rng(2)
    for count, share in ((0, 0), (1, 0.5), (7, 0.4), (30, 0.02)):
        masks = rng.random((19, 23, count)) < share
        labels, table = _to_labels(masks)
        np.testing.assert_array_equal(table[labels], masks)
        assert not table[0].any() and len(np.unique(table, axis=0)) >= len(np.unique(labels))
    _, table = _to_labels(scene()[1])
    assert len(table) <= 8  # of three masks


@pytest.mark.parametrize(
    ("augmenter", "name"),
    [
        (iaa.Crop(px=4, keep_size=False), "UnnamedCrop"),
        (iaa.Sequential([iaa.Fliplr(0.5), iaa.Resize(0.5, name="halve"), iaa.Add(3)]), "halve"),
        (iaa.Rot90(1, keep_size=False), "UnnamedRot90"),
    ],
)
def test_another_size_is_an_error_that_names_the_augmenter(augmenter, name):
    image, masks = scene()
    with pytest.raises(
        ValueError, match=rf"The augmenter {name} changes the shape of the image from \(45, 62, 3\) to"
    ):
        augmented(augmenter, image, masks)


def test_a_size_that_comes_back_is_none():
    image, masks = scene()
    augmenter = iaa.KeepSizeByResize(iaa.Crop(px=(4, 8), keep_size=False))
    changed, moved = augmented(augmenter, image, masks)
    assert changed.shape == image.shape and overlap(changed, moved) > 0.85


class Mirror(iaa.Augmenter):
    """A program's own augmenter, for images alone."""

    def _augment_images(self, images, random_state, parents, hooks):
        return [image[:, ::-1] for image in images]

    def get_parameters(self):
        return []


class MirrorBoth(Mirror):
    """A program's own augmenter that thinks of segmentation maps."""

    def _augment_segmentation_maps(self, segmaps, random_state, parents, hooks):
        for segmap in segmaps:
            segmap.arr = segmap.arr[:, ::-1]
        return segmaps


def test_what_may_leave_masks_behind_is_told():
    for part in (Mirror(name="mirror"), iaa.Lambda(lambda images, *_: images, name="mirror")):
        with pytest.warns(UserWarning, match="augmenter mirror changes images by custom code"):
            ImgaugAdapter(iaa.Sequential([iaa.Fliplr(0.5), iaa.Sometimes(0.5, part)]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ImgaugAdapter(iaa.Lambda(lambda images, *_: images, func_segmentation_maps=lambda maps, *_: maps))
        ImgaugAdapter(iaa.AssertShape((None, *SHAPE, 3)))
        adapter = ImgaugAdapter(MirrorBoth())
    image, masks = scene()
    changed, moved = adapter.apply(image, masks, np.random.default_rng(0))
    np.testing.assert_array_equal(changed, image[:, ::-1])
    np.testing.assert_array_equal(moved, masks[:, ::-1])


def test_augmenters_of_imgaug_are_known():
    adapter = augmentation_of(iaa.Fliplr(0.5))
    assert isinstance(adapter, ImgaugAdapter)
    assert augmentation_of(adapter) is adapter
    assert is_imgaug(Mirror()) and is_imgaug(iaa.Sequential())
    assert not is_imgaug(PRESETS["light"]) and not is_imgaug(None) and not is_imgaug("light")


class Small(Config):
    NUM_CLASSES = 3
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64
    USE_MINI_MASK = False


def test_a_loader_takes_them_with_the_runs_seed():
    dataset, config = Rectangles(instances=(2, 1, 0, 3)), Small()
    first, second, other = (
        Loader(dataset, config, seed=seed, augmentation=everything(), batch_size=4) for seed in (5, 5, 6)
    )
    for k in range(3):
        batch, again = first.batch(k), second.batch(k)
        for name in batch:
            np.testing.assert_array_equal(batch[name], again[name])
    assert not np.array_equal(first.batch(0)["input_image"], other.batch(0)["input_image"])


def test_boxes_are_those_of_the_moved_masks():
    dataset = Rectangles(instances=(2,))
    plain = load_image_gt(dataset, Small(), 0)
    image, _, class_ids, bbox, mask = load_image_gt(dataset, Small(), 0, augmentation=iaa.Fliplr(1))
    np.testing.assert_array_equal(image, plain[0][:, ::-1])
    np.testing.assert_array_equal(mask, plain[4][:, ::-1])
    np.testing.assert_array_equal(class_ids, plain[2])
    y1, x1, y2, x2 = plain[3].T
    np.testing.assert_array_equal(bbox, np.stack([y1, 64 - x2, y2, 64 - x1], axis=1))
