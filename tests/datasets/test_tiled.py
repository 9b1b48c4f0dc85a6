"""Tiles of a data set: every pixel of images and masks, in every format, and what a cut instance is."""

import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.formats import open_dataset
from mrcnn.datasets.subset import Subset
from mrcnn.datasets.tiled import Tiled, tiled
from mrcnn.pipeline.errors import ImageError
from mrcnn.pipeline.grid import tile_boxes
from mrcnn.pipeline.loader import Loader
from tests.datasets import format_sets
from tests.datasets.format_sets import HEIGHT, SET

WRITERS = {
    name: getattr(format_sets, f"write_{name}")
    for name in ("via", "labelme", "coco", "yolo", "openimages", "nuclei", "named_masks", "label_maps", "voc")
}
LAYOUTS = {"named_masks": "masks"}
# What every format can hold.
PLAIN = format_sets.selected(
    SET, lambda thing: len(thing.boxes) == 1 and not thing.crowd and thing.name == "nut"
)


class Drawn(Dataset):
    """Images that a program draws: one bar of 10 x 40 px from the left edge, and a crowd."""

    SHAPE = (30, 70)

    def __init__(self, images=1):
        super().__init__()
        self.add_class("drawn", 1, "bar")
        for number in range(images):
            self.add_image("drawn", number, path=None)
        self.prepare()

    def load_image(self, image_id):
        return np.arange(np.prod(self.SHAPE) * 3, dtype=np.uint32).astype(np.uint8).reshape(*self.SHAPE, 3)

    def load_mask(self, image_id):
        masks = np.zeros((*self.SHAPE, 2), bool)
        masks[10:20, :40, 0] = True
        masks[25:, 60:, 1] = True
        return masks, np.array([1, -1], np.int32)


@pytest.mark.parametrize("name", WRITERS)
def test_tiles_show_the_pixels_of_image_and_masks(name, tmp_path):
    WRITERS[name](tmp_path / "data", PLAIN)
    whole = open_dataset(LAYOUTS.get(name, name), tmp_path / "data", "train")
    config = Config()
    config.update({"TILE": 32})
    tiles = tiled(whole, config)
    assert len(tiles.image_ids) == 2 * len(whole.image_ids)  # 48 pixels wide: at 0 and at 16
    for number in tiles.image_ids:
        image_id, (y1, x1, y2, x2) = tiles.positions[number], tiles.boxes[number]
        np.testing.assert_array_equal(tiles.load_image(number), whole.load_image(image_id)[y1:y2, x1:x2])
        (masks, class_ids), (expected, expected_ids) = tiles.load_mask(number), whole.load_mask(image_id)
        cut = expected[y1:y2, x1:x2]
        kept = cut.any(axis=(0, 1))
        assert masks.shape == (y2 - y1, x2 - x1, kept.sum())
        np.testing.assert_array_equal(masks, cut[:, :, kept].reshape(masks.shape))
        assert np.abs(class_ids).tolist() == expected_ids[kept].tolist()
        assert tiles.image_size(number) == (HEIGHT, 32)


def test_without_tile_the_data_set_stays_as_it_is():
    whole = Drawn()
    assert tiled(whole, Config()) is whole


def test_an_image_smaller_than_a_tile_is_one_tile():
    tiles = Tiled(Drawn(), 100)
    assert tiles.boxes == [(0, 0, 30, 70)]
    for found, expected in zip(tiles.load_mask(0), tiles.whole.load_mask(0)):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "box, expected",
    [
        ((0, 0, 30, 36), [1]),  # nearly all of the bar
        ((0, 32, 30, 62), [1, -1]),  # 8 of 40 columns: a fifth, and a part of the crowd
        ((0, 33, 30, 58), [-1]),  # less
        ((8, 33, 22, 43), [1]),  # less, but half of this small tile
        ((20, 0, 30, 60), []),
    ],
)
def test_a_piece_that_shows_little_counts_as_a_crowd(box, expected):
    tiles = Tiled(Drawn(), 100)
    tiles.boxes = [box]
    masks, class_ids = tiles.load_mask(0)
    assert (class_ids.tolist(), class_ids.dtype) == (expected, np.int32)
    y1, x1, y2, x2 = box
    assert masks.shape == (y2 - y1, x2 - x1, len(expected))


def test_a_crowd_stays_a_crowd():
    tiles = Tiled(Drawn(), 30)
    masks, class_ids = tiles.load_mask(len(tiles.image_ids) - 1)
    assert tiles.boxes[-1] == (0, 40, 30, 70)
    assert class_ids.tolist() == [-1]
    assert masks.sum() == 50


def test_subsets_are_cut_too():
    tiles = Tiled(Subset(Drawn(3), [2, 0]), 50)
    assert tiles.positions == [0, 0, 1, 1]
    assert tiles.load_image(1).shape == (30, 50, 3)


def test_an_image_that_cannot_be_read_is_reported_when_it_is_loaded(tmp_path):
    format_sets.write_coco(tmp_path, PLAIN)
    dataset = open_dataset("coco", tmp_path, "train")
    next(tmp_path.rglob("b b.png")).write_bytes(b"none")
    tiles = Tiled(dataset, 32)
    (number,) = [n for n, box in enumerate(tiles.boxes) if box is None]
    with pytest.raises(ImageError, match=r"b b\.png"):
        tiles.load_image(number)


def test_every_pixel_lies_in_a_tile_and_tiles_have_one_size():
    for height, width, side, overlap in ((100, 250, 100, 0.2), (64, 64, 64, 0.5), (65, 90, 32, 0.3)):
        seen = np.zeros((height, width), int)
        boxes = tile_boxes(height, width, side, overlap)
        for y1, x1, y2, x2 in boxes:
            seen[y1:y2, x1:x2] += 1
        assert seen.min() == 1
        assert {(y2 - y1, x2 - x1) for y1, x1, y2, x2 in boxes} == {(min(side, height), min(side, width))}
        assert len(set(boxes)) == len(boxes)


def test_the_loader_shows_each_tile_once_at_full_resolution():
    config = Config()
    config.update({
        "NAME": "tiles", "NUM_CLASSES": 2, "TILE": 64, "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64,
        "USE_MINI_MASK": False, "MAX_GT_INSTANCES": 3, "IMAGES_PER_GPU": 1,
    })  # fmt: skip
    loader = Loader(tiled(Drawn(), config), config, shuffle=False)
    assert len(loader) == 2
    picture = Drawn().load_image(0)
    for step, x in enumerate((0, 6)):
        batch = loader.batch(step)
        np.testing.assert_array_equal(batch["input_image"][0, 17:47], picture[:, x : x + 64])
        assert batch["input_gt_boxes"][0, 0].tolist() == [27, 0, 37, 40 - x]
