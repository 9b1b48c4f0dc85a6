"""The base class of data sets keeps matterport's interface."""

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.images import ImageError


@pytest.fixture
def dataset():
    dataset = Dataset()
    dataset.add_class("coco", 17, "cat")
    dataset.add_class("coco", 44, "bottle, glass")
    dataset.add_class("shapes", 1, "square")
    dataset.add_class("coco", 17, "another cat")  # known already
    dataset.add_image("coco", "a", "a.jpg", width=5)
    dataset.add_image("shapes", 9, None, color="red")
    dataset.prepare()
    return dataset


def test_classes_are_numbered_after_the_background(dataset):
    assert dataset.class_info[0] == {"source": "", "id": 0, "name": "BG"}
    assert dataset.num_classes == 4
    assert dataset.class_ids.tolist() == [0, 1, 2, 3]
    assert dataset.class_names == ["BG", "cat", "bottle", "square"]
    assert dataset.sources == ["", "coco", "shapes"]


def test_classes_are_known_by_their_source(dataset):
    assert dataset.map_source_class_id("coco.44") == 2
    assert dataset.class_from_source_map["shapes.1"] == 3
    assert dataset.get_source_class_id(1, "coco") == 17
    with pytest.raises(ValueError, match=r"Class 3 \(square\) is of 'shapes', not of 'coco'"):
        dataset.get_source_class_id(3, "coco")


def test_each_source_has_its_own_classes_and_the_background(dataset):
    assert {source: list(ids) for source, ids in dataset.source_class_ids.items()} == {
        "": [0], "coco": [0, 1, 2], "shapes": [0, 3],
    }  # fmt: skip


def test_images_keep_what_they_were_given(dataset):
    assert list(dataset.image_ids) == [0, 1]
    assert dataset.num_images == 2
    assert dataset.image_info[0] == {"id": "a", "source": "coco", "path": "a.jpg", "width": 5}
    assert dataset.image_info[1]["color"] == "red"
    assert dataset.image_from_source_map["shapes.9"] == 1
    assert dataset.source_image_link(0) == "a.jpg"
    assert dataset.image_reference(0) == ""


def test_without_masks_of_its_own_an_image_has_no_instances(dataset):
    masks, class_ids = dataset.load_mask(0)
    assert masks.shape[-1] == len(class_ids) == 0


def test_a_source_has_no_dot():
    with pytest.raises(ValueError, match=r"cannot contain a dot, got 'my\.source'"):
        Dataset().add_class("my.source", 1, "cat")


def test_images_are_read_from_their_path(tmp_path):
    Image.new("L", (4, 3), 9).save(tmp_path / "a.png")
    dataset = Dataset()
    dataset.add_image("files", 0, str(tmp_path / "a.png"))
    dataset.add_image("files", 1, str(tmp_path / "gone.png"))
    dataset.prepare()
    np.testing.assert_array_equal(dataset.load_image(0), np.full((3, 4, 3), 9, np.uint8))
    with pytest.raises(ImageError, match=r"gone\.png: no such file"):
        dataset.load_image(1)
