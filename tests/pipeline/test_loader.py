"""From a data set to batches: what they hold, and that batch k is a function of (seed, k) alone."""

import time

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn.config import Config
from mrcnn.datasets.images import ImageError
from mrcnn.pipeline.loader import Loader, load_image_gt
from mrcnn.pipeline.masks import expand_mask
from mrcnn.pipeline.transforms import parse_image_meta
from tests.scenes import Rectangles


class Small(Config):
    NAME = "small"
    NUM_CLASSES = 3
    IMAGES_PER_GPU = 2
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64
    MAX_GT_INSTANCES = 4
    MINI_MASK_SHAPE = (28, 28)
    USE_MINI_MASK = False
    SEED = 11


def small(**settings):
    config = Small()
    config.update(settings)
    return config


class Faulty(Rectangles):
    """Rectangles of which some images cannot be read."""

    def __init__(self, bad, **kwargs):
        super().__init__(**kwargs)
        self.bad = bad

    def load_image(self, image_id):
        if image_id in self.bad:
            raise ImageError(f"image{image_id}.png: is damaged.")
        return super().load_image(image_id)


def ids(batch):
    return batch["input_image_meta"][:, 0].astype(int).tolist()


def epochs_of(loader, count):
    """The image ids of so many epochs, as fit would ask for them."""
    found = []
    for _ in range(count):
        loader.on_epoch_begin()
        found.append([i for step in range(len(loader)) for i in ids(loader[step][0])])
        loader.on_epoch_end()
    return found


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


# --- One image -----------------------------------------------------------------------------------


def test_image_and_gt_lie_on_each_other():
    image, meta, class_ids, boxes, masks = load_image_gt(Rectangles(), small(), 3)
    assert (image.shape, image.dtype, masks.dtype) == ((64, 64, 3), np.uint8, bool)
    assert class_ids.tolist() == [1, 2, 1]
    parsed = parse_image_meta(meta[None])
    assert parsed["image_id"].tolist() == [3]
    assert parsed["original_image_shape"].tolist() == [[50, 70, 3]]
    assert parsed["window"].tolist() == [[9, 0, 55, 64]]
    assert parsed["active_class_ids"].tolist() == [[1, 1, 1]]
    for (y1, x1, y2, x2), mask in zip(boxes, np.moveaxis(masks, -1, 0)):
        rows, columns = np.nonzero(mask)
        assert (y1, x1, y2, x2) == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    inside = masks.any(axis=-1)
    assert image[inside].max(axis=-1).mean() > 150
    assert image[~inside].max() < 200  # a line of mixed pixels at most
    assert image[~inside].mean() < 35


def test_mini_masks_stand_for_the_masks():
    full = load_image_gt(Rectangles(), small(), 3)
    mini = load_image_gt(Rectangles(), small(), 3, use_mini_mask=True)
    assert mini[4].shape == (28, 28, 3)
    np.testing.assert_array_equal(mini[3], full[3])
    expanded = expand_mask(mini[3], mini[4], (64, 64))
    for i in range(3):
        union = (expanded[..., i] | full[4][..., i]).sum()
        assert (expanded[..., i] & full[4][..., i]).sum() > 0.9 * union
    assert load_image_gt(Rectangles(), small(USE_MINI_MASK=True), 3)[4].shape == (28, 28, 3)


def test_matterports_augment_flips_half_of_the_time():
    plain = load_image_gt(Rectangles(), small(), 0)
    flips = 0
    for seed in range(30):
        found = load_image_gt(Rectangles(), small(), 0, augment=True, rng=np.random.default_rng(seed))
        flipped = (found[0] != plain[0]).any()
        flips += flipped
        expected = plain[4][:, ::-1] if flipped else plain[4]
        np.testing.assert_array_equal(found[4], expected)
    assert 5 < flips < 25


def test_instances_without_a_pixel_left_are_dropped():
    class Specks(Rectangles):
        def load_mask(self, image_id):
            masks, class_ids = super().load_mask(image_id)
            masks[:, :, 1] = False
            masks[0, 0, 1] = True  # falls between the pixels that are kept
            return masks, class_ids

    dataset = Specks(instances=[3], shape=(500, 500))
    _, _, class_ids, boxes, masks = load_image_gt(dataset, small(), 0)
    assert class_ids.tolist() == [1, 1]
    assert masks.shape == (64, 64, 2) and len(boxes) == 2


def test_masks_of_another_size_than_their_image_are_refused():
    class Odd(Rectangles):
        def load_mask(self, image_id):
            return np.ones((7, 9, 1), bool), np.array([1])

    with pytest.raises(ImageError, match=r"image0\.png: the image is 70 x 50, its masks are 9 x 7"):
        load_image_gt(Odd(), small(), 0)


def test_active_classes_are_those_of_the_source():
    dataset = Rectangles()
    dataset.add_class("others", 1, "tiny")
    dataset.add_image("others", "x", "x.png", count=1, shape=(50, 70))
    dataset.prepare()
    active = [
        parse_image_meta(load_image_gt(dataset, small(), i)[1][None])["active_class_ids"][0].tolist()
        for i in (0, 5)
    ]
    assert active == [[1, 1, 1, 0], [1, 0, 0, 1]]


# --- A batch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting, machine, expected", [(None, 1, 2), (None, 6, 6), (None, 128, 16), (0, 6, 0), (40, 6, 40)]
)
def test_threads_follow_the_cores_unless_workers_is_set(setting, machine, expected, monkeypatch):
    monkeypatch.setattr("mrcnn.pipeline.loader.cores", lambda: machine)
    loader = Loader(Rectangles(), small(WORKERS=setting))
    assert loader.workers == expected
    assert Loader(Rectangles(), small(WORKERS=setting), workers=3).workers == 3


def test_images_of_other_numbers_than_uint8_are_molded():
    class Halves(Rectangles):
        def load_image(self, image_id):
            return super().load_image(image_id) * np.float32(0.5)

    config = small()
    plain, halves = (
        Loader(data(), config, shuffle=False).batch(0)["input_image"] for data in (Rectangles, Halves)
    )
    assert (plain.dtype, halves.dtype) == (np.uint8, np.float32)
    # Resizing rounds uint8 to whole numbers.
    np.testing.assert_allclose(halves, plain * 0.5 - config.MEAN_PIXEL, atol=0.501)


def test_a_batch_is_padded():
    config = small()
    batch = Loader(Rectangles(), config, shuffle=False).batch(0)
    assert {name: (array.shape, str(array.dtype)) for name, array in batch.items()} == {
        "input_image": ((2, 64, 64, 3), "uint8"),
        "input_image_meta": ((2, config.IMAGE_META_SIZE), "float32"),
        "input_gt_class_ids": ((2, 4), "int32"),
        "input_gt_boxes": ((2, 4, 4), "float32"),
        "input_gt_masks": ((2, 64, 64, 4), "bool"),
    }
    for place, image_id in enumerate((0, 1)):
        image, meta, class_ids, boxes, masks = load_image_gt(Rectangles(), config, image_id)
        count = len(class_ids)
        np.testing.assert_array_equal(batch["input_image"][place], image)
        np.testing.assert_array_equal(batch["input_image_meta"][place], meta.astype(np.float32))
        np.testing.assert_array_equal(batch["input_gt_class_ids"][place, :count], class_ids)
        np.testing.assert_array_equal(batch["input_gt_boxes"][place, :count], boxes)
        np.testing.assert_array_equal(batch["input_gt_masks"][place, :, :, :count], masks)
        for name in ("input_gt_class_ids", "input_gt_boxes"):
            assert not batch[name][place, count:].any()
        assert not batch["input_gt_masks"][place, :, :, count:].any()


def test_of_too_many_instances_a_random_choice_stays():
    dataset = Rectangles(instances=[9])
    _, _, class_ids, boxes, masks = load_image_gt(dataset, small(), 0)
    kept = set()
    for k in range(8):
        batch = Loader(dataset, small()).batch(k)
        chosen = []
        for i in range(4):
            (match,) = np.nonzero((masks == batch["input_gt_masks"][0, :, :, i, None]).all(axis=(0, 1)))[0]
            assert batch["input_gt_class_ids"][0, i] == class_ids[match]
            np.testing.assert_array_equal(batch["input_gt_boxes"][0, i], boxes[match])
            chosen.append(int(match))
        assert len(set(chosen)) == 4
        kept.update(chosen)
    assert len(kept) > 6


def test_crowds_stay_negative():
    class Crowds(Rectangles):
        def load_mask(self, image_id):
            masks, class_ids = super().load_mask(image_id)
            return masks, class_ids * [1, -1, 1]

    batch = Loader(Crowds(instances=[3]), small()).batch(0)
    assert batch["input_gt_class_ids"].tolist() == [[1, -2, 1, 0]]
    assert batch["input_gt_boxes"][0, 1].any()


@pytest.mark.parametrize("mini", [False, True])
def test_images_without_instances_are_batches_too(mini):
    batch = Loader(Rectangles(instances=[0, 0]), small(USE_MINI_MASK=mini)).batch(0)
    assert batch["input_image"].std() > 0
    for name in ("input_gt_class_ids", "input_gt_boxes", "input_gt_masks"):
        assert not batch[name].any()


def test_images_of_plain_sources_are_not_augmented():
    dataset = Rectangles(instances=[1] * 4)
    plain = Loader(dataset, small(), shuffle=False).batch(0)
    assert_equal(
        Loader(dataset, small(), False, augmentation="light", plain_sources=["shapes"]).batch(0), plain
    )
    changed = Loader(dataset, small(), False, augmentation="light", plain_sources=["others"]).batch(0)
    assert (changed["input_image"] != plain["input_image"]).any()


def test_an_image_of_another_size_is_named():
    dataset = Rectangles(instances=[1, 1])
    dataset.image_info[1]["shape"] = (64, 128)
    dataset.image_info[0]["shape"] = (64, 64)
    config = small(IMAGE_RESIZE_MODE="none", IMAGE_MAX_DIM=64)
    with pytest.raises(
        ValueError,
        match=r"image1\.png: has 64 x 128 pixels by IMAGE_RESIZE_MODE none, but .*"
        r"needs 64 x 64 of each image; set IMAGE_RESIZE_MODE to square or crop",
    ):
        Loader(dataset, config).batch(0)
    dataset.image_info[1]["shape"] = (64, 64)
    assert Loader(dataset, config).batch(0)["input_image"].shape == (2, 64, 64, 3)


# --- The stream ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["none", "light"])
def test_a_batch_depends_on_seed_and_number_alone(level):
    first, second = (Loader(Rectangles(), small(), augmentation=level) for _ in range(2))
    expected = [first.batch(k) for k in range(7)]
    for k in (6, 0, 3, 3, 5):
        assert_equal(second.batch(k), expected[k])
    other = Loader(Rectangles(), small(), augmentation=level, seed=12)
    assert [ids(other.batch(k)) for k in range(7)] != [ids(batch) for batch in expected]


@pytest.mark.parametrize("count", [1, 2, 5, 8])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 8])
def test_each_image_once_an_epoch(count, batch_size):
    loader = Loader(Rectangles(instances=[1] * count, shape=(9, 9)), small(), batch_size=batch_size)
    epochs = epochs_of(loader, 4)
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    if count == 8:
        assert len({tuple(epoch) for epoch in epochs}) == 4


def test_epochs_of_any_length_go_on_in_the_same_stream():
    dataset = Rectangles(instances=[1] * 5, shape=(9, 9))
    whole = [i for epoch in epochs_of(Loader(dataset, small()), 4) for i in epoch]
    short = [i for epoch in epochs_of(Loader(dataset, small(), steps=2), 6) for i in epoch]
    assert short == whole
    resumed = epochs_of(Loader(dataset, small(), start_epoch=2), 1)[0]
    assert resumed == whole[10:15]


def test_without_shuffling_the_order_is_the_data_sets():
    loader = Loader(Rectangles(), small(), shuffle=False)
    assert epochs_of(loader, 2) == [[0, 1, 2, 3, 4]] * 2
    longer = Loader(Rectangles(), small(), shuffle=False, steps=4)
    assert epochs_of(longer, 2) == [[0, 1, 2, 3, 4, 0, 1]] * 2


class Recorder(keras.Model):
    """Keeps the ids of the images that it was trained on, the last one last."""

    def __init__(self, places):
        super().__init__()
        self.places = places
        self.seen = self.add_weight(shape=(places,), initializer="zeros", trainable=False, name="seen")
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

    def call(self, inputs):
        numbers = inputs["input_image_meta"][:, 0]
        seen = ops.concatenate([self.seen[ops.shape(numbers)[0] :], numbers])
        self.seen.assign(ops.reshape(seen, (self.places,)))
        return numbers * self.factor

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(y_pred) * 1e-6


class Uneven(Rectangles):
    """Images of which some take longer, so that threads overtake each other."""

    def load_image(self, image_id):
        time.sleep(0.004 * (image_id % 3))
        return super().load_image(image_id)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_fit_sees_the_same_stream_with_any_number_of_workers(workers):
    dataset = Uneven(instances=[1] * 7, shape=(9, 9))
    loader = Loader(dataset, small(), workers=workers, start_epoch=1)
    model = Recorder(places=21)
    model.compile(optimizer="sgd")
    model(loader[0][0])  # built, or a backend takes a batch to see its shape
    model.fit(loader, initial_epoch=1, epochs=3, verbose=0, shuffle=False)
    model.fit(loader, initial_epoch=3, epochs=4, verbose=0, shuffle=False)  # the next stage
    expected = epochs_of(Loader(dataset, small(), start_epoch=1), 3)
    assert np.asarray(model.seen).astype(int).reshape(3, 7).tolist() == expected


# --- Files that cannot be read -----------------------------------------------------------------------


def test_an_unreadable_file_stops_with_its_name():
    loader = Loader(Faulty([2]), small(), shuffle=False)
    loader.batch(0)
    with pytest.raises(ImageError, match=r"image2\.png"):
        loader[1]
    assert str(loader.error) == "image2.png: is damaged."


def test_unreadable_files_can_give_their_place_to_the_next():
    loader = Loader(Faulty([2, 4]), small(), shuffle=False, skip_bad=True)
    assert epochs_of(loader, 1) == [[0, 1, 3, 3, 0]]
    assert loader.skipped == {f"image{i}.png": f"image{i}.png: is damaged." for i in (2, 4)}


def test_skipping_is_as_repeatable_as_the_rest():
    loaders = [Loader(Faulty([2, 4]), small(), skip_bad=True, augmentation="light") for _ in range(2)]
    for k in range(6):
        assert_equal(loaders[0].batch(k), loaders[1].batch(k))


def test_no_readable_file_at_all_is_an_error():
    loader = Loader(Faulty([0, 1], instances=[1, 1]), small(), skip_bad=True)
    with pytest.raises(ImageError, match="None of the 2 images can be read"):
        loader.batch(0)


def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match=r"has no images; add some, then call prepare\(\)"):
        Loader(Rectangles(instances=[]), small())


# --- Copy-paste ----------------------------------------------------------------------------------

PASTING = {"copy_paste": 1.0, "occlusion": 0.5, "flip_horizontal": True}


def test_pasted_images_depend_on_seed_and_number_alone():
    loaders = [Loader(Rectangles(), small(), augmentation=PASTING, workers=n) for n in (1, 2)]
    for k in (7, 0, 3):
        assert_equal(loaders[0].batch(k), loaders[1].batch(k))
    other = Loader(Rectangles(), small(), augmentation=PASTING, seed=12)
    assert (other.batch(0)["input_image"] != loaders[0].batch(0)["input_image"]).any()


def test_images_gain_instances_of_others_in_the_share_asked_for():
    for share in (0.0, 0.5, 1.0):
        loader = Loader(Rectangles((1,) * 40), small(), augmentation={"copy_paste": share, "min_visible": 0})
        gained = [(loader.example(position)[2] > 0).sum() - 1 for position in range(40)]
        assert set(gained) <= {0, 1}
        # Pasted instances rarely cover another one completely.
        assert abs(np.mean(gained) - share) < 0.25
        assert (np.mean(gained) == 0) == (share == 0)


class TwoSources(Rectangles):
    """Half of the images come from a source with its own class."""

    def __init__(self):
        super().__init__((2,) * 8)
        self.add_class("other", 1, "strange")
        for info in self.image_info[::2]:
            info["source"] = "other"
        self.prepare()

    def load_mask(self, image_id):
        masks, class_ids = super().load_mask(image_id)
        strange = self.image_info[image_id]["source"] == "other"
        return masks, np.full_like(class_ids, 3) if strange else class_ids


def test_only_images_of_the_same_source_are_pasted_from():
    loader = Loader(TwoSources(), small(NUM_CLASSES=4), augmentation=PASTING)
    for position in range(16):
        image_id, _, class_ids, _ = loader.example(position)
        strange = loader.dataset.image_info[image_id]["source"] == "other"
        assert set(class_ids) <= ({3} if strange else {1, 2})


def test_one_image_is_pasted_from_itself():
    loader = Loader(Rectangles((2,)), small(), augmentation={"copy_paste": 1.0, "flip_horizontal": True})
    assert max(len(loader.example(position)[2]) for position in range(8)) > 2


def test_unreadable_donors_are_skipped_by_their_own_name_or_stop():
    dataset = Faulty(bad={1}, instances=(2, 1, 1))
    loader = Loader(dataset, small(), shuffle=False, augmentation=PASTING, skip_bad=True)
    for position in range(0, 60, 3):  # image 0, pasted from the others
        assert loader.example(position)[0] == 0
    assert loader.skipped == {"image1.png": "image1.png: is damaged."}
    with pytest.raises(ImageError, match=r"image1\.png: is damaged"):
        strict = Loader(dataset, small(), shuffle=False, augmentation=PASTING)
        for position in range(0, 60, 3):
            strict.example(position)


def test_an_example_is_what_the_batch_holds():
    loader = Loader(Rectangles(), small(), augmentation="light")
    batch = loader.batch(0)
    for place in range(2):
        image_id, image, class_ids, masks = loader.example(place)
        assert batch["input_image_meta"][place, 0] == image_id
        np.testing.assert_array_equal(batch["input_image"][place], image)
        assert batch["input_gt_class_ids"][place][: len(class_ids)].tolist() == class_ids.tolist()
        np.testing.assert_array_equal(batch["input_gt_masks"][place][:, :, : len(class_ids)], masks)
