"""YOLO's segmentation labels: data.yaml in its forms, rows that are no rings, and damage."""

import numpy as np
import pytest
import yaml
from PIL import Image

from mrcnn.datasets import DatasetError
from mrcnn.datasets.annotated import Options
from mrcnn.datasets.scan import look, scan_by_loading
from mrcnn.datasets.yolo import Yolo

SIZE = (30, 40)
SQUARE = [0.25, 1 / 3, 0.5, 1 / 3, 0.5, 2 / 3, 0.25, 2 / 3]  # 10 x 10 pixels from (10, 10)


def row(numbers=SQUARE, class_id=0):
    return " ".join(str(number) for number in (class_id, *numbers))


def save(root, image, *rows, labels=True):
    """Write an image and its labels."""
    path = root / image
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE[::-1]).save(path)
    if labels:
        text = root / image.replace("images", "labels").replace(".png", ".txt")
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("\n".join(rows))


def describe(root, **content):
    root.mkdir(exist_ok=True)
    (root / "data.yaml").write_text(yaml.safe_dump({"names": ["date", "fig"], **content}))
    return root / "data.yaml"


def write_set(root, *rows):
    """One image and its labels."""
    save(root, "images/train/a.png", *rows)
    describe(root, train="images/train")


def opened(root, split="train", classes=None):
    dataset = Yolo()
    dataset.load_split(root, split, classes)
    dataset.prepare()
    return dataset


def names_of(dataset):
    return [info["id"] for info in dataset.image_info]


# data.yaml


def places(root, form):
    """Return train, val and path of data.yaml in one of its forms."""
    if form == "folders":
        return {"path": ".", "train": "images/train", "val": "images/val"}
    if form == "an absolute path":
        return {"path": str(root), "train": "images/train", "val": "images/val"}
    if form == "the path of another machine":
        return {"path": "../datasets/nuts", "train": "images/train", "val": "images/val"}
    if form == "a folder too deep":
        return {"train": "../images/train", "val": "../images/val"}
    if form == "lists":
        return {"train": ["images/train"], "val": ["images/val", "images/more"]}
    (root / "train.txt").write_text("./images/train/a.png\n")
    (root / "val.txt").write_text(f"images/val/b.png\r\n\r\n{root}/images/more/c.png")
    return {"train": "train.txt", "val": "val.txt"}


FORMS = [
    "folders", "an absolute path", "the path of another machine", "a folder too deep", "lists", "text files",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("as_file", [False, True])
def test_splits_are_folders_lists_or_text_files(tmp_path, form, as_file):
    save(tmp_path, "images/train/a.png", row())
    save(tmp_path, "images/val/b.png", row(class_id=1))
    save(tmp_path, "images/more/c.png", row())
    path = describe(tmp_path, test="../test/images", **places(tmp_path, form))
    root = path if as_file else tmp_path
    assert Yolo.recognises(root) and Yolo.splits(root) == ["train", "val"]
    assert names_of(opened(root)) == ["images/train/a.png"]
    val = opened(root, "val")
    more = ["images/more/c.png"] if form in ("lists", "text files") else []
    assert sorted(names_of(val)) == [*more, "images/val/b.png"]
    assert val.load_mask(names_of(val).index("images/val/b.png"))[1].tolist() == [2]
    assert opened(root, None).num_images == 2 + len(more)


def test_roboflow_has_images_and_labels_in_a_folder_a_split(tmp_path):
    save(tmp_path, "train/images/a.png", row())
    save(tmp_path, "valid/images/b.png", row(), row())
    describe(tmp_path, train="../train/images", val="../valid/images", nc=2)
    assert opened(tmp_path, "val").load_mask(0)[0].shape == (*SIZE, 2)


@pytest.mark.parametrize(
    "place",
    [
        "images/train", "images\\train", ".\\images\\train", "/home/me/fruit/images/train",
        "C:\\Users\\me\\fruit\\images\\train", "D:/fruit/images/train/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_list", [False, True])
def test_paths_of_another_machine_lead_to_the_folder_here(tmp_path, place, in_list):
    save(tmp_path, "images/train/a.png", row())
    if in_list:
        (tmp_path / "train.txt").write_text(
            place.rstrip("/") + ("\\" if "\\" in place else "/") + "a.png\r\n"
        )
    describe(tmp_path, path="/home/me/fruit", train="train.txt" if in_list else place)
    dataset = opened(tmp_path)
    assert [info["path"] for info in dataset.image_info] == [str(tmp_path / "images/train/a.png")]
    assert dataset.load_mask(0)[0].sum() == 100 and not dataset.faults


def test_classes_txt_may_be_beside_images_and_labels(tmp_path):
    (tmp_path / "classes.txt").write_text("date\nfig\n")
    assert not Yolo.recognises(tmp_path)
    save(tmp_path, "a.png", row(class_id=1))
    assert Yolo.recognises(tmp_path)
    dataset = opened(tmp_path, None)
    assert dataset.class_names[1:] == ["date", "fig"]
    assert dataset.load_mask(0)[1].tolist() == [2]


def test_labels_may_be_beside_their_images(tmp_path):
    save(tmp_path, "photos/a.png", row())
    describe(tmp_path, train="photos")
    assert opened(tmp_path).load_mask(0)[0].sum() == 100


def test_only_the_last_folder_of_images_is_replaced(tmp_path):
    save(tmp_path / "images", "nuts/images/a.png", row())
    describe(tmp_path / "images", train="nuts/images")
    assert opened(tmp_path / "images").load_mask(0)[0].sum() == 100


@pytest.mark.parametrize("names", [["date", "fig"], {0: "date", 1: "fig"}, {1: "fig", 0: "date"}])
def test_names_are_a_list_or_a_mapping(tmp_path, names):
    write_set(tmp_path, row(class_id=1), row(class_id=0))
    describe(tmp_path, train="images/train", names=names)
    assert opened(tmp_path).class_names == ["BG", "date", "fig"]
    assert opened(tmp_path).load_mask(0)[1].tolist() == [2, 1]
    assert opened(tmp_path, classes=["fig"]).load_mask(0)[1].tolist() == [1]


def test_names_may_have_gaps(tmp_path):
    write_set(tmp_path, row(class_id=7), row(class_id=3))
    describe(tmp_path, train="images/train", names={7: "fig", 3: "date"})
    assert opened(tmp_path).load_mask(0)[1].tolist() == [2, 1]


def test_classes_txt_takes_the_place_of_data_yaml(tmp_path):
    save(tmp_path, "images/a.png", row(class_id=1))
    (tmp_path / "classes.txt").write_text("date\nfig\n")
    assert Yolo.recognises(tmp_path) and Yolo.splits(tmp_path) == []
    assert opened(tmp_path).class_names == ["BG", "date", "fig"]
    assert opened(tmp_path).load_mask(0)[1].tolist() == [2]


@pytest.mark.parametrize(
    "content, message",
    [
        ({"names": None}, "has no names; list the names"),
        ({"names": {"x": "date"}}, "'x' is no number of a class"),
        ({"names": [True]}, "True is no text; correct it, or put it in quotes"),
        ({"train": "/"}, "train is '/', the root of all files; name the images' folder"),
        ({"train": 7}, "there is no '7' in"),
        ({"train": {}}, "names no images; add a line train"),
        ({"train": "imagse"}, "train: there is no 'imagse' in .*; correct the path"),
        ({"kpt_shape": [17, 3]}, "labels are of key points"),
    ],
)
def test_what_is_wrong_in_data_yaml_is_named(tmp_path, content, message):
    write_set(tmp_path, row())
    describe(tmp_path, **{"train": "images/train", **content})
    with pytest.raises(DatasetError, match=rf"data.yaml: .*{message}"):
        opened(tmp_path)


def test_a_folder_of_images_is_no_option(tmp_path):
    write_set(tmp_path, row())
    dataset = Yolo()
    dataset.options = Options(images="images")
    with pytest.raises(DatasetError, match=r"data.yaml: it says where the images are; leave out --images"):
        dataset.load_split(tmp_path, "train")


def test_other_folders_are_not_recognised(tmp_path):
    assert not Yolo.recognises(tmp_path) and not Yolo.recognises(tmp_path / "none")
    (tmp_path / "config.yaml").write_text("LAYOUT: coco\n")
    assert not Yolo.recognises(tmp_path) and not Yolo.recognises(tmp_path / "config.yaml")
    with pytest.raises(DatasetError, match=r"no data.yaml; looked for a YAML file with names and train"):
        opened(tmp_path)


# Labels


def test_a_row_is_an_instance_and_what_is_beyond_the_image_is_cut(tmp_path):
    write_set(tmp_path, row(), "", row([0.5, 0.5, 1.5, 0.5, 1.5, 1.5, 0.5, 1.5], 1) + "\r")
    dataset = opened(tmp_path)
    masks, class_ids = dataset.load_mask(0)
    assert class_ids.tolist() == [1, 2] and masks.sum(axis=(0, 1)).tolist() == [100, 15 * 20]
    assert masks[10:20, 10:20, 0].all() and masks[15:, 20:, 1].all()
    assert look(dataset, 0) == scan_by_loading(dataset, 0)


def test_rows_without_outline_are_counted(tmp_path):
    write_set(tmp_path, row(), row([0.5, 0.5, 0.2, 0.2]), row([0.1, 0.1, 0.2, 0.2, 0.3, 0.3]))
    dataset = opened(tmp_path)
    assert dataset.load_mask(0)[0].shape[2] == 1
    labels = str(tmp_path / "labels/train/a.txt")
    assert dataset.faults == [("no_shape", labels, "line 2 holds a box"), ("ring", labels, "line 3")]


def test_an_image_without_labels_has_no_instances(tmp_path):
    write_set(tmp_path, row())
    save(tmp_path, "images/train/b.png", labels=False)
    save(tmp_path, "images/train/c.png")
    dataset = opened(tmp_path)
    assert names_of(dataset) == [f"images/train/{name}.png" for name in "abc"]
    assert [dataset.load_mask(image_id)[0].shape[2] for image_id in range(3)] == [1, 0, 0]
    assert dataset.faults == []


def test_no_labels_at_all_are_an_error(tmp_path):
    save(tmp_path, "images/train/a.png", labels=False)
    describe(tmp_path, train="images/train")
    with pytest.raises(DatasetError, match=r"train: none of 1 images has labels, such as .*a.png; put them"):
        opened(tmp_path)


def test_images_that_are_missing_or_listed_twice_are_counted(tmp_path):
    write_set(tmp_path, row())
    (tmp_path / "labels/train/stray.txt").write_text(row())
    listed = tmp_path / "train.txt"
    listed.write_text("./images/train/a.png\n./images/train/gone.png\n./images/train/a.png\n")
    describe(tmp_path, train="train.txt")
    dataset = opened(tmp_path)
    assert names_of(dataset) == ["images/train/a.png"]
    assert dataset.faults == [
        ("no_image", str(tmp_path / "images/train/gone.png"), ""),
        ("same_name", str(tmp_path / "images/train/a.png"), f"listed twice in {tmp_path / 'data.yaml'}"),
        ("no_image", str(tmp_path / "labels/train/stray.txt"), "labels without an image"),
    ]


@pytest.mark.parametrize(
    "line, message",
    [
        ("0 0.1 0.2 0.3 0.4 0.5 0.6 0.7", "a class and 7 numbers are no ring"),
        ("0 0.1", "a class and 1 numbers are no ring"),
        ("2 0.1 0.2 0.3 0.4 0.5 0.9", "no class 2 among the names in .*data.yaml"),
        ("0.5 0.1 0.2 0.3 0.4 0.5 0.9", "no class 0.5 among the names"),
        ("date 0.1 0.2 0.3 0.4 0.5 0.9", "'date' is no number"),
        ("0 0.1 x 0.3 0.4 0.5 0.9", "'x' is no number"),
        ("0 0.1 nan 0.3 0.4 0.5 0.9", "a ring is pairs of finite numbers"),
        ("0 10 20 100 200 50 60", "coordinates are shares of the image's sides, from 0 to 1"),
    ],
)
def test_a_damaged_row_is_named(tmp_path, line, message):
    write_set(tmp_path, row(), line)
    with pytest.raises(DatasetError, match=rf"labels/train/a.txt, line 2: .*{message}.* export the labels"):
        opened(tmp_path)


def test_a_label_file_that_is_no_text_is_named(tmp_path):
    write_set(tmp_path, row())
    (tmp_path / "labels/train/a.txt").write_bytes(b"\xff\xfe0\x00")
    with pytest.raises(DatasetError, match=r"a.txt, line 1: is not UTF-8 text"):
        opened(tmp_path)


def test_a_ring_in_shares_is_the_ring_in_pixels(tmp_path):
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, (12, 2))
    write_set(tmp_path, row(points.ravel()))
    from mrcnn.datasets import shapes

    expected = shapes.rasterize(shapes.Rings((points * SIZE[::-1],)), SIZE)
    np.testing.assert_array_equal(opened(tmp_path).load_mask(0)[0][:, :, 0], expected)
