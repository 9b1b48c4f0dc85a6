"""COCO's JSON in the layouts of COCO, Roboflow and others, with every form of segmentation, and damage."""

import json
import math

import numpy as np
import pytest
from faster_coco_eval import COCO
from faster_coco_eval.core import mask as rle
from PIL import Image

from mrcnn.datasets import DatasetError, ImageError
from mrcnn.datasets.annotated import Options
from mrcnn.datasets.coco import Coco
from mrcnn.datasets.scan import look, scan_by_loading
from tests.conftest import SHARED

SIZE = (30, 40)
SQUARE = [10, 10, 20, 10, 20, 20, 10, 20]
DATES = [{"id": 1, "name": "date"}, {"id": 2, "name": "fig"}]


def save_image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1]).save(path)


def annotation(segmentation=(SQUARE,), number=1, image_id=0, category_id=1, **others):
    entry = {"id": number, "image_id": image_id, "category_id": category_id, "segmentation": segmentation}
    return {**entry, "iscrowd": 0, "area": 100, "bbox": [10, 10, 10, 10], **others}


def content(annotations, names=("a.png",), categories=DATES):
    images = [
        {"id": number, "file_name": name, "height": SIZE[0], "width": SIZE[1]}
        for number, name in enumerate(names)
    ]
    return {"info": {}, "images": images, "annotations": annotations, "categories": categories}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_set(root, annotations, **others):
    """One file with its image beside it."""
    save_image(root / "a.png")
    return write(root / "all.json", content(annotations, **others))


def opened(root, split=None, classes=None, **options):
    dataset = Coco()
    dataset.options = Options(**options)
    dataset.load_split(root, split, classes)
    dataset.prepare()
    return dataset


def masks_of(tmp_path, *annotations, **others):
    write_set(tmp_path, list(annotations), **others)
    dataset = opened(tmp_path)
    masks, class_ids = dataset.load_mask(0)
    return dataset, np.moveaxis(masks, -1, 0), class_ids.tolist()


def kinds(dataset):
    return [kind for kind, _, _ in dataset.faults]


# Layouts


def layout_of_coco(root):
    write(root / "annotations" / "instances_train2017.json", content([annotation()], ["1.png"]))
    write(root / "annotations" / "instances_val2017.json", content([annotation(number=5)], ["2.png"]))
    write(root / "annotations" / "captions_train2017.json", {"images": [], "annotations": [{"caption": ""}]})
    save_image(root / "train2017" / "1.png")
    save_image(root / "val2017" / "2.png")


def layout_of_images(root):
    write(root / "annotations" / "instances_train.json", content([annotation()], ["1.png"]))
    write(root / "annotations" / "instances_val.json", content([annotation(number=5)], ["2.png"]))
    save_image(root / "images" / "1.png")
    save_image(root / "images" / "val" / "2.png")


def layout_of_roboflow(root):
    write(root / "train" / "_annotations.coco.json", content([annotation()], ["1.png"]))
    write(root / "valid" / "_annotations.coco.json", content([annotation(number=5)], ["2.png"]))
    save_image(root / "train" / "1.png")
    save_image(root / "valid" / "2.png")


def layout_of_two_files(root):
    write(root / "train.json", content([annotation()], ["1.png"]))
    write(root / "val.json", content([annotation(number=5)], ["2.png"]))
    write(root / "trainval.json", content([annotation()], ["1.png", "2.png"]))
    save_image(root / "train" / "1.png")
    save_image(root / "val" / "2.png")


@pytest.mark.parametrize(
    "layout", [layout_of_coco, layout_of_images, layout_of_roboflow, layout_of_two_files]
)
def test_splits_are_found_in_each_layout(tmp_path, layout):
    layout(tmp_path)
    assert Coco.recognises(tmp_path)
    assert Coco.splits(tmp_path) == ["train", "val"]
    for split, name in (("train", "1.png"), ("val", "2.png"), ("validation", "2.png")):
        dataset = opened(tmp_path, split)
        assert [info["path"].rsplit("/", 1)[1] for info in dataset.image_info] == [name]
        assert dataset.load_mask(0)[0].sum() == 100
    assert opened(tmp_path).num_images == 2
    with pytest.raises(DatasetError, match="no split 'test'; it has train, val"):
        opened(tmp_path, "test")


@pytest.mark.parametrize("images", ["", "images", "data"])
@pytest.mark.parametrize("as_file", [False, True])
def test_one_file_has_its_images_beside_it(tmp_path, images, as_file):
    path = write(tmp_path / "nuts.json", content([annotation()]))
    save_image(tmp_path / images / "a.png")
    root = path if as_file else tmp_path
    assert Coco.recognises(root) and Coco.splits(root) == []
    assert opened(root).load_mask(0)[0].sum() == 100
    assert opened(root, "train").num_images == 1
    with pytest.raises(DatasetError, match="no split 'val'; it has no splits"):
        opened(root, "val")


def test_one_file_is_of_all_images_whatever_its_name(tmp_path):
    save_image(tmp_path / "a.png")
    write(tmp_path / "my_test.json", content([annotation()]))
    assert Coco.splits(tmp_path) == [] and opened(tmp_path, "train").num_images == 1


def test_the_file_of_a_split_may_be_given_alone(tmp_path):
    layout_of_coco(tmp_path)
    assert opened(tmp_path / "annotations" / "instances_val2017.json").num_images == 1


def test_images_may_be_in_a_folder_that_is_named(tmp_path):
    path = write(tmp_path / "nuts.json", content([annotation()]))
    save_image(tmp_path / "elsewhere" / "a.png")
    with pytest.raises(DatasetError, match=r"none of its 1 images .* 'a.png'; looked in .*--images"):
        opened(path)
    assert opened(path, images=str(tmp_path / "elsewhere")).load_mask(0)[0].sum() == 100


@pytest.mark.parametrize(
    "name, stored",
    [
        ("b c/d e.png", "b c/d e.png"), ("b\\d.png", "b/d.png"), ("Kürbis 南瓜 🎃.png", "Kürbis 南瓜 🎃.png"),
        ("/home/somebody/photos/d.png", "d.png"), ("C:\\photos\\d.png", "d.png"),
        ("K\u00fcrbis.png", "Ku\u0308rbis.png"),
    ],
)  # fmt: skip
def test_names_of_images_have_folders_spaces_and_any_letters(tmp_path, name, stored):
    write(tmp_path / "nuts.json", content([annotation()], [name]))
    save_image(tmp_path / stored)
    assert opened(tmp_path).image_info[0]["path"] == str(tmp_path / stored)


def test_several_files_need_a_choice(tmp_path):
    write_set(tmp_path, [])
    write(tmp_path / "more.json", content([]))
    with pytest.raises(DatasetError, match=r"several annotation files: all.json, more.json; give the path"):
        opened(tmp_path)


def test_other_folders_are_not_recognised(tmp_path):
    assert not Coco.recognises(tmp_path) and not Coco.recognises(tmp_path / "none")
    write(tmp_path / "a.json", {"version": "5.0", "shapes": [], "imagePath": "a.png"})
    assert not Coco.recognises(tmp_path)
    write(tmp_path / "a.json", {"a.png123": {"filename": "a.png", "regions": []}})
    assert not Coco.recognises(tmp_path)
    with pytest.raises(DatasetError, match=r"no such file or folder; looked for annotations/instances_"):
        opened(tmp_path / "none")


# Segmentations


def test_a_polygon_a_ring_with_a_part_beyond_the_image_and_several_rings(tmp_path):
    outside = [35, 25, 50, 25, 50, 40, 35, 40]
    _, masks, class_ids = masks_of(
        tmp_path,
        annotation(),
        annotation([outside], category_id=2),
        annotation([SQUARE, [0, 0, 5, 0, 5, 5, 0, 5]]),
    )
    assert class_ids == [1, 2, 1]
    assert masks.sum(axis=(1, 2)).tolist() == [100, 25, 125]
    assert masks[0, 10:20, 10:20].all() and masks[1, 25:, 35:].all()


def test_a_ring_of_two_points_is_dropped_and_counted(tmp_path):
    dataset, masks, _ = masks_of(tmp_path, annotation([[5, 5, 20, 5], SQUARE]))
    assert masks.sum() == 100
    assert dataset.faults == [
        ("ring", str(tmp_path / "all.json"), "annotation 1 (image 'a.png'), ring 1 of 2")
    ]


def test_an_annotation_without_outline_is_counted(tmp_path):
    without = [annotation(None), annotation([]), {"id": 3, "image_id": 0, "category_id": 1}]
    dataset, masks, _ = masks_of(tmp_path, annotation([[1, 1, 1, 1, 1, 1]]), *without)
    assert len(masks) == 0
    assert kinds(dataset) == ["ring", "no_shape", "no_shape", "no_shape"]
    assert dataset.faults[3][2] == "annotation 3 (image 'a.png')"


@pytest.mark.parametrize("compressed", [False, True])
def test_run_lengths_are_exact(tmp_path, compressed):
    mask = np.random.default_rng(0).random(SIZE) > 0.7
    encoded = rle.encode(np.asfortranarray(mask, np.uint8))
    counts = encoded["counts"].decode()
    if not compressed:
        changes = np.flatnonzero(np.diff(np.concatenate([[False], mask.ravel(order="F")]).astype(int)))
        counts = np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
    crowd = annotation({"size": list(SIZE), "counts": counts}, category_id=2, iscrowd=1)
    _, masks, class_ids = masks_of(tmp_path, annotation(), crowd)
    assert class_ids == [1, -2]
    np.testing.assert_array_equal(masks[1], mask)


def test_real_masks_are_those_of_the_library():
    root = SHARED / "data" / "nuts_coco"
    if not root.is_dir():
        pytest.skip("needs shared/data/nuts_coco")
    dataset, reference = opened(root), COCO(str(root / "trainval.json"))
    assert dataset.class_names == ["BG", "date", "fig", "hazelnut"] and dataset.num_images == 18
    compared = 0
    for image_id, info in enumerate(dataset.image_info):
        masks, class_ids = dataset.load_mask(image_id)
        expected = reference.loadAnns(reference.getAnnIds(imgIds=[int(info["id"])]))
        assert class_ids.tolist() == [entry["category_id"] for entry in expected]
        for number, entry in enumerate(expected):
            np.testing.assert_array_equal(masks[:, :, number], reference.annToMask(entry).astype(bool))
            compared += 1
        assert look(dataset, image_id) == scan_by_loading(dataset, image_id)
    assert compared == 165


# Classes


def test_classes_are_matched_by_name(tmp_path):
    layout_of_roboflow(tmp_path)
    val = content(
        [annotation(category_id=90), annotation(category_id=7)],
        ["2.png"],
        [{"id": 7, "name": "fig"}, {"id": 90, "name": "date"}],
    )
    write(tmp_path / "valid" / "_annotations.coco.json", val)
    dataset = opened(tmp_path, "val", ["date", "fig"])
    assert dataset.class_names == ["BG", "date", "fig"]
    assert dataset.load_mask(0)[1].tolist() == [1, 2]
    assert opened(tmp_path, "val", ["fig"]).load_mask(0)[1].tolist() == [1]
    assert opened(tmp_path).class_names == ["BG", "date", "fig"]


def test_the_empty_supercategory_of_roboflow_is_no_class(tmp_path):
    categories = [
        {"id": 0, "name": "nuts", "supercategory": "none"},
        {"id": 1, "name": "date", "supercategory": "nuts"},
        {"id": 2, "name": "fig", "supercategory": "nuts"},
    ]
    dataset, _, class_ids = masks_of(tmp_path, annotation(category_id=2), categories=categories)
    assert dataset.class_names == ["BG", "date", "fig"] and class_ids == [2]
    dataset, _, class_ids = masks_of(
        tmp_path, annotation(category_id=2), annotation(category_id=0), categories=categories
    )
    assert dataset.class_names == ["BG", "nuts", "date", "fig"] and class_ids == [3, 1]


def test_categories_of_one_name_are_one_class(tmp_path):
    categories = [{"id": 0, "name": "fig", "supercategory": "none"}, {"id": 1, "name": "fig"}]
    dataset, _, class_ids = masks_of(tmp_path, annotation(category_id=1), categories=categories)
    assert dataset.class_names == ["BG", "fig"] and class_ids == [1]


# What is left out, and what is wrong


def test_missing_images_are_counted(tmp_path):
    annotations = [annotation(), annotation(image_id=1), annotation(image_id=1), annotation(image_id=9)]
    dataset, masks, _ = masks_of(tmp_path, *annotations, names=("a.png", "b.png", "./a.png"))
    assert dataset.num_images == 1 and len(masks) == 1
    assert [(kind, detail) for kind, _, detail in dataset.faults] == [
        ("no_image", "annotation 1 is of the image '9', which is not among the file's images"),
        ("no_image", "image 'b.png', with its 2 annotations"),
        ("same_name", "image './a.png' with id 2, with its 0 annotations"),
    ]


def test_an_image_of_another_size_is_a_fault(tmp_path):
    write_set(tmp_path, [annotation()])
    save_image(tmp_path / "a.png", (60, 80))
    dataset = opened(tmp_path)
    with pytest.raises(ImageError, match=r"a.png: it has 80 x 60 pixels, but .*all.json .* 40 x 30"):
        dataset.load_mask(0)
    assert [kind for kind, _, _ in look(dataset, 0).faults] == ["size"]


def test_the_check_names_masks_without_pixels(tmp_path):
    dataset, _, _ = masks_of(tmp_path, annotation([[50, 50, 60, 50, 60, 60]], 7), annotation(iscrowd=1))
    found = look(dataset, 0)
    assert found.faults == [("beyond", str(tmp_path / "a.png"), "annotation 7")]
    assert found.instances == [] and found.crowds == 1


@pytest.mark.parametrize(
    "change, message",
    [
        ({"category_id": 3}, "has 3 as category_id, which no category has"),
        ({"category_id": None}, "has no category_id"),
        ({"image_id": [1]}, r"has \[1\] as image_id"),
        ({"iscrowd": "yes"}, "has 'yes' as iscrowd"),
        ({"segmentation": ["abc"]}, "a ring is pairs of finite numbers"),
        ({"segmentation": [["1", "2", "3", "4", "5", "7"]]}, "a ring is pairs of finite numbers"),
        ({"segmentation": [[1, 2, 3, 4, 5]]}, "a ring is pairs of finite numbers"),
        ({"segmentation": [[1, 2, 3, 4, math.nan, 6]]}, "a ring is pairs of finite numbers"),
        ({"segmentation": [[1, 2, 3, 4, 10**400, 6]]}, "a ring is pairs of finite numbers"),
        ({"segmentation": [[1, 2, 3, 4, 1e300, 6]]}, "no coordinate beyond 10,000,000"),
        ({"segmentation": "abc"}, "has text as segmentation"),
        ({"segmentation": {"size": [30, 40]}}, "neither integers nor compressed text"),
        ({"segmentation": {"size": [30, 40], "counts": [5, 7]}}, "do not cover their 40 x 30 pixels"),
        ({"segmentation": {"size": [30, 40], "counts": [-5, 1205]}}, "below zero"),
        ({"segmentation": {"size": 30, "counts": [1200]}}, "of the size 30"),
    ],
)
def test_a_damaged_annotation_is_named(tmp_path, change, message):
    write_set(tmp_path, [annotation(), {**annotation(number=17), **change}])
    with pytest.raises(DatasetError, match=rf"all.json: annotation 17.*{message}"):
        opened(tmp_path)


@pytest.mark.parametrize("counts", ["", "abc", "0" * 500, "~~~~", "ppppppppp0", "\x01"])
def test_damaged_run_lengths_are_named_when_they_are_loaded(tmp_path, counts):
    write_set(tmp_path, [annotation({"size": list(SIZE), "counts": counts}, 17)])
    dataset = opened(tmp_path)
    with pytest.raises(ImageError, match=r"all.json: annotation 17 \(image 'a.png'\): .*run lengths"):
        dataset.load_mask(0)
    assert [kind for kind, _, _ in look(dataset, 0).faults] == ["mask"]


@pytest.mark.parametrize(
    "value, message",
    [
        ({"images": [], "annotations": []}, "no list 'categories'"),
        ({**content([]), "annotations": {}}, "an object instead of a list 'annotations'"),
        (content([]) | {"images": [5]}, "image number 1: it is a number instead of an object"),
        (content([]) | {"images": [{"id": 4}]}, "image 4: it has no file_name"),
        (content([], ["a\0b.png"]), r"has 'a\\x00b.png' as file_name"),
        (content([], ["a.png"]) | {"categories": [{"id": 1}]}, "category 1: it has no name"),
        (content([], categories=[*DATES, {"id": 2, "name": "nut"}]), "category 2: it has the id 2, which"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, value, message):
    path = write(tmp_path / "all.json", value)
    save_image(tmp_path / "a.png")
    with pytest.raises(DatasetError, match=f"{path.name}: .*{message}"):
        opened(tmp_path)


def test_two_images_of_one_id_are_named(tmp_path):
    path = write_set(tmp_path, [annotation()], names=("a.png", "b.png"))
    value = json.loads(path.read_text())
    value["images"][1]["id"] = 0
    write(path, value)
    with pytest.raises(DatasetError, match=r"image 0 \(image 'b.png'\): it has the id 0, which 'a.png' has"):
        opened(tmp_path)


def test_a_file_that_is_cut_short_is_named(tmp_path):
    path = write_set(tmp_path, [annotation()])
    path.write_text(path.read_text()[:300])
    with pytest.raises(DatasetError, match=r"all.json, line 1: is cut short"):
        opened(tmp_path)
