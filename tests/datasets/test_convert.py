"""Conversion keeps images, classes and masks to the pixel, from every format to every other."""

import base64
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from faster_coco_eval import COCO
from PIL import Image

from mrcnn.datasets.convert import convert
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.formats import find_format
from mrcnn.datasets.images import ImageError
from mrcnn.datasets.recognition import recognise
from mrcnn.datasets.writers.names import Names, safe_name
from tests.datasets import format_sets
from tests.datasets.format_sets import HEIGHT, SET, WIDTH, pixels, selected, without_splits

SHARED = Path(__file__).resolve().parents[3] / "shared/data"


def is_single(thing):
    return len(thing.boxes) == 1 and not thing.crowd


# What each format can hold of the set.
SOURCES = {
    "via": (format_sets.write_via, is_single),
    "labelme": (format_sets.write_labelme, lambda thing: not thing.crowd),
    "coco": (format_sets.write_coco, lambda thing: True),
    "yolo": (format_sets.write_yolo, is_single),
    "openimages": (format_sets.write_openimages, lambda thing: True),
    "nuclei": (format_sets.write_nuclei, lambda thing: thing.name == "nut" and not thing.crowd),
    "masks": (format_sets.write_named_masks, lambda thing: not thing.crowd),
    "label_maps": (format_sets.write_label_maps, lambda thing: thing.name == "nut" and not thing.crowd),
    "voc": (format_sets.write_voc, lambda thing: thing.name == "nut" and not thing.crowd),
}
NAMELESS = ("nuclei", "label_maps")  # formats of one class, which is called object
# The reader of what each writer writes, and whether it keeps crowds.
TARGETS = {
    "coco": ("coco", True),
    "yolo": ("yolo", False),
    "labelme": ("labelme", True),
    "masks": ("openimages", True),
}


def load(layout, root, split):
    dataset = find_format(layout)()
    dataset.load_split(Path(root), split, None)
    dataset.prepare()
    return dataset


def load_all(layout, root):
    splits = find_format(layout).splits(Path(root))
    return {split: load(layout, root, split) for split in splits or [None]}


def stem(name):
    return Path(name).stem.replace(" ", "")


def content(datasets):
    """{(split, image): (pixels of the photograph, {(class, crowd, mask): how many})}."""
    found = {}
    for split, dataset in datasets.items():
        for image_id in dataset.image_ids:
            masks, class_ids = dataset.load_mask(image_id)
            things = Counter(
                (dataset.class_names[abs(number)], bool(number < 0), mask.tobytes())
                for mask, number in zip(np.moveaxis(masks, -1, 0), class_ids)
            )
            key = split, stem(dataset.image_info[image_id]["path"])
            found[key] = dataset.load_image(image_id).tobytes(), things
    return found


def expected(whole, rename=None):
    return {
        (split, stem(name)): (
            pixels(split or "train", name).tobytes(),
            Counter((rename or t.name, t.crowd, t.mask().tobytes()) for t in things),
        )
        for split, images in whole.items()
        for name, things in images.items()
    }


# Each format with splits, and without them if it can do without.
FORMS = [
    *((source, "with splits") for source in SOURCES),
    *((source, "without") for source in SOURCES if source not in ("yolo", "voc")),
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("source", "splits"), FORMS)
def test_every_pair_of_formats_keeps_every_mask(tmp_path, source, target, splits):
    layout, keeps_crowds = TARGETS[target]
    write, can_hold = SOURCES[source]
    whole = selected(SET, can_hold)
    if source == "voc":
        whole["val"] = {"val of voc.png": whole["val"]["a.png"]}
    if splits == "without":
        whole = without_splits(whole)
    write(tmp_path / "source", whole)
    datasets = load_all(source, tmp_path / "source")
    rename = "object" if source in NAMELESS else None
    assert content(datasets) == expected(whole, rename)

    result = convert(datasets, target, tmp_path / "made", progress=False)
    if not keeps_crowds:
        whole = selected(whole, lambda thing: not thing.crowd)
    assert recognise(tmp_path / "made") == [layout]
    made = load_all(layout, tmp_path / "made")
    if target == "yolo" and splits == "without":
        assert list(made) == ["train"]
        made = {None: made["train"]}
    assert content(made) == expected(whole, rename)
    count = sum(not t.crowd for images in whole.values() for things in images.values() for t in things)
    assert result.images == len(content(made)) and result.instances.total() == count
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made", "source"]


def test_images_are_copied_byte_for_byte(tmp_path):
    format_sets.write_coco(tmp_path / "source", SET)
    photograph = tmp_path / "source/train/a.jpg"
    (tmp_path / "source/train/a.png").unlink()
    Image.fromarray(pixels("train", "a.png")).save(photograph, "JPEG")
    path = tmp_path / "source/annotations/instances_train.json"
    path.write_text(path.read_text().replace('"a.png"', '"a.jpg"'))
    for target, place in {
        "coco": "train",
        "yolo": "images/train",
        "labelme": "train",
        "masks": "train/nut",
    }.items():
        convert(load_all("coco", tmp_path / "source"), target, tmp_path / target, progress=False)
        assert (tmp_path / target / place / "a.jpg").read_bytes() == photograph.read_bytes()


class Made(Dataset):
    """A data set of a user's own. things: [(path, masks, class ids)]."""

    def __init__(self, things, names=("nut",)):
        super().__init__()
        for number, name in enumerate(names, start=1):
            self.add_class("made", number, name)
        self.things = things
        for number, (path, _, _) in enumerate(things):
            self.add_image("made", number, str(path))
        self.prepare()

    def load_mask(self, image_id):
        _, masks, class_ids = self.things[image_id]
        return np.stack(masks, axis=-1), np.array(class_ids, np.int32)


def photograph(path, **save):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels("train", "x")).save(path, **save)
    return path


def box(x1, y1, x2, y2, shape=(HEIGHT, WIDTH)):
    mask = np.zeros(shape, bool)
    mask[y1:y2, x1:x2] = True
    return mask


def ring_mask():
    mask = box(5, 5, 15, 15)
    mask[8:12, 8:12] = False
    return mask


def segmentations(root):
    return [a["segmentation"] for a in json.loads((root / "annotations.json").read_text())["annotations"]]


def test_coco_has_polygons_where_they_are_exact_and_run_lengths_elsewhere(tmp_path):
    masks = [box(2, 3, 8, 9), ring_mask(), box(20, 3, 30, 9)]
    dataset = Made([(photograph(tmp_path / "x.png"), masks, [1, 1, -1])])
    convert({None: dataset}, "coco", tmp_path / "made", progress=False)
    polygon, hole, crowd = segmentations(tmp_path / "made")
    assert polygon == [[2, 3, 8, 3, 8, 9, 2, 9]]
    assert hole["size"] == crowd["size"] == [HEIGHT, WIDTH]
    content = json.loads((tmp_path / "made/annotations.json").read_text())
    assert [a["iscrowd"] for a in content["annotations"]] == [0, 0, 1]
    assert [a["area"] for a in content["annotations"]] == [36, 84, 60]
    assert content["annotations"][1]["bbox"] == [5, 5, 10, 10]
    assert content["categories"] == [{"id": 1, "name": "nut"}]


def test_cocos_own_library_makes_the_same_masks_of_what_is_written(tmp_path):
    format_sets.write_coco(tmp_path / "source", SET)
    convert(load_all("coco", tmp_path / "source"), "coco", tmp_path / "made", progress=False)
    coco = COCO(str(tmp_path / "made/annotations/instances_train.json"))
    found = {}
    for image in coco.loadImgs(coco.getImgIds()):
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        found[image["file_name"]] = Counter(
            (
                coco.cats[a["category_id"]]["name"],
                bool(a["iscrowd"]),
                coco.annToMask(a).astype(bool).tobytes(),
            )
            for a in annotations
        )
    whole = expected({"train": SET["train"]})
    assert {stem(name): things for name, things in found.items()} == {
        name: things for (_, name), (_, things) in whole.items()
    }


def test_polygons_that_were_drawn_stay_as_they_are(tmp_path):
    points = [[3.25, 4.5], [20.125, 6.75], [14.5, 25.0]]
    shape = {"label": "nut", "points": points, "shape_type": "polygon", "group_id": None, "flags": {}}
    photograph(tmp_path / "source/x.png")
    content = {"shapes": [shape], "imagePath": "x.png", "imageData": None}
    (tmp_path / "source/x.json").write_text(json.dumps(content))
    datasets = load_all("labelme", tmp_path / "source")
    convert(datasets, "coco", tmp_path / "coco", progress=False)
    assert segmentations(tmp_path / "coco") == [[[3.25, 4.5, 20.125, 6.75, 14.5, 25]]]
    convert(datasets, "labelme", tmp_path / "labelme", progress=False)
    made = json.loads((tmp_path / "labelme/x.json").read_text())
    assert [(s["shape_type"], s["points"]) for s in made["shapes"]] == [("polygon", points)]
    convert(datasets, "yolo", tmp_path / "yolo", progress=False)
    row = (tmp_path / "yolo/labels/x.txt").read_text().split()
    assert row[0] == "0" and np.allclose(
        np.array(row[1:], float).reshape(-1, 2) * (WIDTH, HEIGHT), points, atol=1e-6
    )


def test_labelme_has_mask_shapes_where_nothing_was_drawn(tmp_path):
    dataset = Made([(photograph(tmp_path / "x.png"), [ring_mask(), box(1, 1, 3, 3)], [1, -1])])
    convert({None: dataset}, "labelme", tmp_path / "made", progress=False)
    first, second = json.loads((tmp_path / "made/x.json").read_text())["shapes"]
    assert (first["shape_type"], first["points"]) == ("mask", [[5, 5], [14, 14]])
    assert first["flags"] == {} and second["flags"] == {"crowd": True}
    names = (tmp_path / "made/labels.txt").read_text()
    assert names == "__ignore__\n_background_\nnut\n"


def test_yolo_says_what_is_lost(tmp_path):
    dataset = Made([(photograph(tmp_path / "x.png"), [ring_mask(), box(1, 1, 3, 3)], [1, -1])])
    result = convert({None: dataset}, "yolo", tmp_path / "made", progress=False)
    assert result.notes == [
        "Crowd regions that are left out, so that they become background: 1.",
        "The worst IoU of a polygon with its mask: 1.0000.",
        "Programs for YOLO want a split val, and these data have none.",
    ]
    assert (result.instances, result.crowds) == ({"nut": 1}, 0)


def test_crowds_that_are_no_boxes_are_counted_where_crowds_are_boxes(tmp_path):
    dataset = Made([(photograph(tmp_path / "x.png"), [ring_mask(), box(1, 1, 3, 3)], [-1, -1])])
    result = convert({None: dataset}, "masks", tmp_path / "made", progress=False)
    assert result.notes == ["Crowd regions that became their boxes, as this layout has them: 1."]
    masks, class_ids = load("openimages", tmp_path / "made", None).load_mask(0)
    assert class_ids.tolist() == [-1, -1] and masks.sum(axis=(0, 1)).tolist() == [100, 4]


@pytest.mark.parametrize("target", TARGETS)
def test_photographs_that_exif_turns_become_upright_files(tmp_path, target):
    layout, _ = TARGETS[target]
    exif = Image.Exif()
    exif[0x0112] = 6
    path = photograph(tmp_path / "x.jpg", exif=exif)
    upright = box(3, 5, 12, 9, (WIDTH, HEIGHT))
    dataset = Made([(path, [upright], [1])])
    expected_pixels = dataset.load_image(0)
    assert expected_pixels.shape == (WIDTH, HEIGHT, 3)
    result = convert({"train": dataset}, target, tmp_path / "made", progress=False)
    note = "Images that became PNG files, because EXIF turns them, which not every program follows: 1."
    assert result.notes[0] == note
    made = load(layout, tmp_path / "made", "train")
    np.testing.assert_array_equal(made.load_image(0), expected_pixels)
    np.testing.assert_array_equal(made.load_mask(0)[0][..., 0], upright)


def test_files_that_a_layout_does_not_read_become_png(tmp_path):
    dataset = Made([(photograph(tmp_path / "x.gif"), [box(1, 1, 3, 3)], [1])])
    result = convert({None: dataset}, "masks", tmp_path / "masks", progress=False)
    assert result.notes == ["Images that became PNG files, because this layout has no .gif files: 1."]
    made = load("openimages", tmp_path / "masks", None)
    np.testing.assert_array_equal(made.load_image(0), dataset.load_image(0))


def test_names_are_safe_and_unique(tmp_path):
    paths = [tmp_path / name for name in ("one/x.png", "two/x.png", "two/X.jpg", "three/a:b?.png")]
    dataset = Made([(photograph(path), [box(k, 1, 3 + k, 3)], [1]) for k, path in enumerate(paths)])
    convert({None: dataset}, "labelme", tmp_path / "made", progress=False)
    made = sorted(path.name for path in (tmp_path / "made").glob("*.json"))
    assert made == ["X-2.json", "a_b_.json", "two_x.json", "x.json"]
    assert len(content(load_all("labelme", tmp_path / "made"))) == 4
    assert [safe_name(name) for name in ("con", "a/b", "ü ö", " .x. ", "")] == [
        "_con",
        "a_b",
        "ü ö",
        "x",
        "_",
    ]
    names = Names()
    assert [names.unique("d/a.b.png", ".png") for _ in range(3)] == ["a.b.png", "d_a.b.png", "a.b-2.png"]


def test_classes_with_one_folder_are_refused(tmp_path):
    dataset = Made([(photograph(tmp_path / "x.png"), [box(1, 1, 3, 3)], [1])], ["Nut", "nut"])
    with pytest.raises(DatasetError, match="two classes would have the folder 'nut'"):
        convert({None: dataset}, "masks", tmp_path / "made", progress=False)
    result = convert({None: dataset}, "coco", tmp_path / "made", progress=False)
    assert result.instances == {"Nut": 1}


def test_an_existing_folder_is_refused_unless_it_is_empty(tmp_path):
    dataset = Made([(photograph(tmp_path / "x.png"), [box(1, 1, 3, 3)], [1])])
    (tmp_path / "made").mkdir()
    convert({None: dataset}, "coco", tmp_path / "made", progress=False)
    with pytest.raises(DatasetError, match="exists and is not empty"):
        convert({None: dataset}, "coco", tmp_path / "made", progress=False)
    with pytest.raises(DatasetError, match="exists and is a file"):
        convert({None: dataset}, "coco", tmp_path / "x.png", progress=False)


def test_annotations_without_a_pixel_are_counted_and_the_others_stay_as_drawn(tmp_path):
    points = [[3.25, 4.5], [20.125, 6.75], [14.5, 25.0]]
    far = [[x + 500, y] for x, y in points]
    shapes = [{"label": "nut", "points": p, "shape_type": "polygon"} for p in (far, points)]
    photograph(tmp_path / "source/x.png")
    (tmp_path / "source/x.json").write_text(json.dumps({"shapes": shapes, "imagePath": "x.png"}))
    result = convert(load_all("labelme", tmp_path / "source"), "coco", tmp_path / "made", progress=False)
    assert result.notes == ["Annotations without a pixel in their image, which are left out: 1."]
    assert segmentations(tmp_path / "made") == [[[3.25, 4.5, 20.125, 6.75, 14.5, 25]]]


def test_mistakes_of_a_data_sets_own_code_are_named(tmp_path):
    path = photograph(tmp_path / "x.png")
    for masks, class_ids, message in (
        ([box(1, 1, 3, 3)], [7], "class id 7"),
        ([box(1, 1, 3, 3, (9, 9))], [1], "its masks have another size"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            convert({None: Made([(path, masks, class_ids)])}, "coco", tmp_path / "made", progress=False)
        assert str(path) in str(caught.value)
    assert not (tmp_path / "made").exists()


def test_pixels_that_a_data_set_makes_itself_are_written(tmp_path):
    class Inverted(Made):
        def load_image(self, image_id):
            return 255 - super().load_image(image_id)

    dataset = Inverted([(photograph(tmp_path / "x.png"), [box(1, 1, 3, 3)], [1])])
    result = convert({None: dataset}, "coco", tmp_path / "made", progress=False)
    assert result.notes == [
        "Images that became PNG files, because code of the data set makes their pixels: 1."
    ]
    made = load("coco", tmp_path / "made", None)
    np.testing.assert_array_equal(made.load_image(0), 255 - pixels("train", "x"))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ImageError, OSError])
def test_nothing_is_left_of_a_conversion_that_ends_early(tmp_path, error):
    dataset = Made([(photograph(tmp_path / f"{k}.png"), [box(1, 1, 3, 3)], [1]) for k in range(3)])
    loaded = dataset.load_mask

    def load_mask(image_id):
        if image_id == 2:
            raise error("stop")
        return loaded(image_id)

    dataset.load_mask = load_mask
    with pytest.raises(error):
        convert({None: dataset}, "coco", tmp_path / "out/made", progress=False)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_image_inside_a_file_of_labelmes_becomes_a_file(tmp_path):
    data = photograph(tmp_path / "x.png").read_bytes()
    (tmp_path / "source").mkdir()
    file = {"shapes": [], "imagePath": "x.png", "imageData": base64.b64encode(data).decode()}
    (tmp_path / "source/x.json").write_text(json.dumps(file))
    convert(load_all("labelme", tmp_path / "source"), "coco", tmp_path / "made", progress=False)
    assert (tmp_path / "made/images/x.png").read_bytes() == data


def names_of(datasets):
    return {name for dataset in datasets.values() for name in dataset.class_names}


REAL = {"food_via": "via", "nuts_coco": "coco", "openimages_sample": "openimages"}


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real photographs")
@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("target", TARGETS)
def test_real_photographs_keep_their_masks(tmp_path, name, target):
    layout, _ = TARGETS[target]
    datasets = load_all(REAL[name], SHARED / name)
    convert(datasets, target, tmp_path / "made", progress=False)
    made = load_all(layout, tmp_path / "made")
    if None in datasets and None not in made:
        made = {None: made["train"]}
    assert content(made) == content(datasets)
    assert {n for d in made.values() for n in d.class_names} == {
        n for d in datasets.values() for n in d.class_names
    }
