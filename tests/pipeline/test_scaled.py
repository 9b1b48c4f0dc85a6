"""Examples at the network's scale: kept in memory they are what they were when read."""

import numpy as np
import pytest

from mrcnn.datasets.dataset import Dataset
from mrcnn.pipeline.loader import Loader
from mrcnn.pipeline.scaled import Store, load_scaled
from tests.tiny import Tiny, picture


class Counted(Dataset):
    """Pictures of several sizes with masks of two classes, one without; it counts what is read."""

    SIZES = [(90, 120), (64, 200), (128, 128), (31, 17)]

    def __init__(self):
        super().__init__()
        self.reads = []
        self.add_class("own", 1, "round")
        self.add_class("own", 2, "square")
        for number, _ in enumerate(self.SIZES):
            self.add_image("own", image_id=number, path=None)
        self.prepare()

    def load_image(self, image_id):
        self.reads.append(int(image_id))
        return picture(*self.SIZES[image_id], seed=int(image_id))

    def load_mask(self, image_id):
        height, width = self.SIZES[image_id]
        masks = np.random.default_rng(image_id).random((height, width, 3)) < 0.3
        masks[: height // 3, :, 0] = False
        if image_id == 3:
            return np.zeros((height, width, 0), bool), np.zeros(0, int)
        return masks, np.array([1, 2, -1])


def tiny(**settings):
    config = Tiny()
    config.update(settings)
    return config


@pytest.mark.parametrize("mode", ["square", "crop"])
def test_what_is_kept_is_what_was_read(mode):
    config = tiny(IMAGE_RESIZE_MODE=mode, IMAGE_MIN_DIM=128)
    dataset, store = Counted(), Store(1)
    for again in range(3):
        for image_id in range(4):
            found, expected = store(dataset, config, image_id), load_scaled(Counted(), config, image_id)
            np.testing.assert_array_equal(found.image, expected.image)
            np.testing.assert_array_equal(found.masks, expected.masks)
            np.testing.assert_array_equal(found.class_ids, expected.class_ids)
            assert found.masks.dtype == bool
            assert (found.original_shape, found.scale) == (expected.original_shape, expected.scale)
            found.image[:], found.masks[:] = 0, again % 2  # augmentation may work in place
    assert dataset.reads == [0, 1, 2, 3]


def test_no_more_is_kept_than_fits():
    config, dataset = tiny(), Counted()
    size = load_scaled(Counted(), config, 0).image.nbytes
    store = Store((size + 10_000) / 1e9)
    for _ in range(3):
        for image_id in (0, 1):
            store(dataset, config, image_id)
    assert dataset.reads == [0, 1, 1, 1]
    nothing, dataset = Store(0), Counted()
    nothing(dataset, config, 0)
    nothing(dataset, config, 0)
    assert dataset.reads == [0, 0]


@pytest.mark.parametrize("augmentation", ["light", {"copy_paste": 1.0, "flip_horizontal": True}])
def test_batches_are_the_same_with_and_without(augmentation):
    loaders = [
        Loader(Counted(), tiny(CACHE_GB=size, SEED=5), augmentation=augmentation) for size in (0, 1e-4, 1)
    ]
    for k in (0, 1, 5, 2, 7):
        plain, *kept = (loader.batch(k) for loader in loaders)
        for batch in kept:
            for name, values in plain.items():
                np.testing.assert_array_equal(batch[name], values, err_msg=name)
    reads = [len(loader.dataset.reads) for loader in loaders]
    assert reads[0] > reads[1] > reads[2] == 4
