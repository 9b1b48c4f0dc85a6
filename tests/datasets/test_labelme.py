"""labelme's files: every shape, groups, images inside the file or elsewhere, and what is wrong by name."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets.annotated import Options
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.images import ImageError
from mrcnn.datasets.labelme import LabelmeDataset
from mrcnn.datasets.scan import look

SIZE = (40, 60)
SQUARE = [[10, 5], [20, 5], [20, 15], [10, 15]]
PHOTOGRAPH = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)


def png(array, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


def text(data):
    return base64.b64encode(data).decode()


def shape(points, label="fig", kind="polygon", **more):
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


def mask_shape(mask, corner, **more):
    """A mask [h, w] bool at (y, x), as labelme 5 writes it."""
    y, x = corner
    points = [[x, y], [x + mask.shape[1] - 1, y + mask.shape[0] - 1]]
    return shape(points, kind="mask", mask=text(png(mask)), **more)


def write(folder, *shapes, stem="a", image=True, **fields):
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": f"{stem}.png",
        "imageData": None, "imageHeight": SIZE[0], "imageWidth": SIZE[1], **fields,
    }  # fmt: skip
    (folder / f"{stem}.json").write_text(json.dumps(content), encoding="utf-8")
    if image:
        (folder / f"{stem}.png").write_bytes(png(PHOTOGRAPH))


def load(root, split=None, classes=None, **options):
    dataset = LabelmeDataset()
    dataset.options = Options(**options)
    dataset.load_split(root, split, classes)
    dataset.prepare()
    return dataset


def box(mask):
    y, x = np.nonzero(mask)
    return int(y.min()), int(x.min()), int(y.max()) + 1, int(x.max()) + 1


def pixels(dataset, image_id=0):
    """[(class, box (y1, x1, y2, x2), number of pixels)] of an image; crowds have a minus."""
    masks, class_ids = dataset.load_mask(image_id)
    return [
        ("-" * int(number < 0) + dataset.class_names[abs(number)], box(mask), int(mask.sum()))
        for mask, number in zip(np.moveaxis(masks, -1, 0), class_ids)
    ]


@pytest.mark.parametrize(
    ("drawn", "area", "expected"),
    [
        (shape(SQUARE), 100, (5, 10, 15, 20)),
        (shape(SQUARE, kind=None), 100, (5, 10, 15, 20)),  # as old versions write polygons
        (shape([[20, 15], [10, 5]], kind="rectangle"), 100, (5, 10, 15, 20)),
        (shape(SQUARE, kind="rectangle"), 100, (5, 10, 15, 20)),
        (shape([[10, 10], [15, 5], [20, 10], [15, 15]], kind="oriented_rectangle"), 50, (5, 10, 15, 20)),
        (shape([[30, 20], [36, 28]], kind="circle"), np.pi * 100, (10, 20, 30, 40)),  # a point on the rim
        (mask_shape(np.tri(4, 6, dtype=bool), (3, 7)), 10, (3, 7, 7, 11)),
        (mask_shape(np.ones((4, 6), bool), (-2, 57)), 6, (0, 57, 2, 60)),
    ],
)
def test_shapes_have_their_area(tmp_path, drawn, area, expected):
    write(tmp_path, drawn)
    ((name, found, count),) = pixels(load(tmp_path))
    slanted = 0.2 if area in (50, np.pi * 100) else 0  # a slanted edge cuts pixels
    assert name == "fig" and abs(count - area) <= slanted * area
    assert np.abs(np.subtract(found, expected)).max() <= slanted * 5


def test_an_embedded_mask_is_exact(tmp_path):
    mask = np.random.default_rng(1).random((17, 23)) > 0.5
    write(tmp_path, mask_shape(mask, (11, 13)))
    expected = np.zeros(SIZE, bool)
    expected[11:28, 13:36] = mask
    np.testing.assert_array_equal(load(tmp_path).load_mask(0)[0][..., 0], expected)


def test_a_group_of_one_label_is_one_instance(tmp_path):
    far = [[x + 30, y + 10] for x, y in SQUARE]
    hole = mask_shape(np.ones((2, 2), bool), (0, 0), group_id=7)
    write(
        tmp_path,
        shape(SQUARE, group_id=7), shape(far, group_id=7), shape(SQUARE, "date", group_id=7),
        shape(far), shape(far), hole,
    )  # fmt: skip
    assert pixels(load(tmp_path)) == [
        ("fig", (0, 0, 25, 50), 204),
        ("date", (5, 10, 15, 20), 100),
        ("fig", (15, 40, 25, 50), 100),
        ("fig", (15, 40, 25, 50), 100),
    ]


def test_what_outlines_nothing_is_named(tmp_path):
    write(
        tmp_path,
        shape([[1, 1], [9, 9]], kind="line"), shape([[1, 1], [9, 9], [5, 9]], kind="linestrip"),
        shape([[1, 1]], kind="point"), shape([[1, 1], [9, 9]]), shape(SQUARE, ""), shape(SQUARE),
    )  # fmt: skip
    dataset = load(tmp_path)
    assert [(kind, detail) for kind, _, detail in dataset.faults] == [
        ("no_shape", "shape 0 ('fig')"),
        ("no_shape", "shape 1 ('fig')"),
        ("no_shape", "shape 2 ('fig')"),
        ("ring", "shape 3 ('fig')"),
        ("no_class", "shape 4"),
    ]
    assert {path for _, path, _ in dataset.faults} == {str(tmp_path / "a.json")}
    assert len(pixels(dataset)) == 1


def test_a_flag_marks_crowds(tmp_path):
    write(tmp_path, shape(SQUARE, flags={"crowd": True}), shape(SQUARE, flags={"crowd": False}))
    assert [name for name, *_ in pixels(load(tmp_path))] == ["-fig", "fig"]


# Images


def test_the_image_inside_is_used_if_its_file_is_missing(tmp_path):
    write(tmp_path, shape(SQUARE), image=False, imageData=text(png(PHOTOGRAPH)))
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.load_image(0), PHOTOGRAPH)
    assert dataset.image_size(0) == SIZE and len(pixels(dataset)) == 1
    assert dataset.data_files(0) == [tmp_path / "a.json"]
    assert dataset.exif_orientation(0).number == 1


@pytest.mark.parametrize("encoded", [png(PHOTOGRAPH), png(PHOTOGRAPH, "BMP")])
def test_the_check_looks_at_the_image_inside(tmp_path, encoded):
    write(tmp_path, shape(SQUARE), image=False, imageData=text(encoded))
    dataset = load(tmp_path)
    found = look(dataset, 0)
    y, x = np.nonzero(dataset.load_mask(0)[0][:, :, 0])
    assert (found.size, found.faults) == (SIZE, [])
    assert found.instances == [(1, np.ptp(y) + 1, np.ptp(x) + 1)]


def test_the_check_names_a_damaged_image_inside(tmp_path):
    write(tmp_path, shape(SQUARE), image=False, imageData=text(png(PHOTOGRAPH)[:-30]))
    found = look(load(tmp_path), 0)
    assert [(kind, path) for kind, path, _ in found.faults] == [("image", str(tmp_path / "a.json"))]


def test_a_file_goes_before_the_image_inside(tmp_path):
    write(tmp_path, shape(SQUARE), imageData=text(png(np.zeros((*SIZE, 3), np.uint8))))
    np.testing.assert_array_equal(load(tmp_path).load_image(0), PHOTOGRAPH)


@pytest.mark.parametrize(
    "path", ["C:\\photos\\a.png", "..\\set\\a.png", "/home/me/a.png", "gone.png", "", None]
)
def test_paths_of_another_machine_lead_to_the_file_beside(tmp_path, path):
    write(tmp_path, shape(SQUARE), imagePath=path)
    assert load(tmp_path).image_info[0]["path"] == str(tmp_path / "a.png")


def test_images_may_lie_elsewhere(tmp_path):
    write(tmp_path / "images", stem="x")
    (tmp_path / "images/x.json").unlink()
    write(tmp_path / "marks", shape(SQUARE), image=False, imagePath="..\\images\\x.png")
    assert len(pixels(load(tmp_path / "marks"))) == 1
    write(tmp_path / "marks", shape(SQUARE), image=False, imagePath="x.png")
    assert len(pixels(load(tmp_path / "marks", images=str(tmp_path / "images")))) == 1


def test_missing_images_and_images_without_annotations_are_named(tmp_path):
    write(tmp_path, shape(SQUARE), stem="b", image=False)
    write(tmp_path, shape(SQUARE))
    (tmp_path / "c.png").write_bytes(png(PHOTOGRAPH))
    (tmp_path / "notes.json").write_text('{"by": "me"}')
    (tmp_path / "._a.json").write_bytes(b"\0\1")
    dataset = load(tmp_path)
    assert [info["id"] for info in dataset.image_info] == ["a"]
    assert dataset.faults == [
        ("no_image", str(tmp_path / "b.json"), "b.png, with 1 shapes"),
        ("foreign", str(tmp_path / "notes.json"), ""),
        ("unlabelled", str(tmp_path / "c.png"), ""),
    ]


def test_two_files_of_one_image_are_named(tmp_path):
    write(tmp_path, shape(SQUARE))
    write(tmp_path, stem="b", image=False, imagePath="a.png")
    dataset = load(tmp_path)
    assert dataset.num_images == 1 and [fault[:2] for fault in dataset.faults] == [
        ("same_name", str(tmp_path / "a.png"))
    ]


# Folders and classes


def test_splits_are_folders_with_the_classes_of_all(tmp_path):
    write(tmp_path / "train", shape(SQUARE, "fig"))
    write(tmp_path / "val", shape(SQUARE, "date"), stem="b")
    assert LabelmeDataset.recognises(tmp_path) and LabelmeDataset.splits(tmp_path) == ["train", "val"]
    train, val, both = (load(tmp_path, split) for split in ("train", "val", None))
    assert train.class_names == val.class_names == ["BG", "date", "fig"]
    assert [info["id"] for info in both.image_info] == ["train/a", "val/b"]
    assert pixels(val) == [("date", (5, 10, 15, 20), 100)]
    with pytest.raises(DatasetError, match=r"no split 'test'.*train, val"):
        load(tmp_path, "test")


def test_a_flat_folder_and_a_file_have_no_splits(tmp_path):
    write(tmp_path, shape(SQUARE))
    for place in (tmp_path, tmp_path / "a.json"):
        assert LabelmeDataset.recognises(place) and LabelmeDataset.splits(place) == []
        assert len(pixels(load(place))) == 1


def test_labels_txt_gives_the_order_of_the_classes(tmp_path):
    write(tmp_path, shape(SQUARE, "a"), shape(SQUARE, "b"), shape(SQUARE, "c"))
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\nc\nb\n")
    assert load(tmp_path).class_names == ["BG", "c", "b", "a"]
    assert [name for name, *_ in pixels(load(tmp_path, classes=["b", "a"]))] == ["a", "b"]


@pytest.mark.parametrize("data", [None, text(bytes(10_000))])
def test_a_file_is_recognised_however_many_points_stand_before_its_names(tmp_path, data):
    points = [[10 + k / 1000, 5 + k % 2] for k in range(400)]
    write(tmp_path, shape(points), imageData=data)
    path = tmp_path / "a.json"
    assert path.read_text().index("imagePath") > 4096
    assert LabelmeDataset.recognises(tmp_path) and LabelmeDataset.recognises(path)


def test_other_folders_are_not_recognised(tmp_path):
    (tmp_path / "via.json").write_text('{"a.png1": {"filename": "a.png", "size": 1, "regions": []}}')
    assert not LabelmeDataset.recognises(tmp_path)


# Damage: (the shape or the fields, what the message says)
DAMAGED = {
    "points": ({"shapes": [shape("x")]}, "shape 0: 'points' is 'x' instead of a list"),
    "strings": ({"shapes": [shape([["1", "2"]])]}, "shape 0: 'points' is '1', which is no coordinate"),
    "triples": ({"shapes": [shape([[1, 2, 3]] * 3)]}, "shape 0: not every point has an x and a y"),
    "far": ({"shapes": [shape([[1, 2], [1e9, 3], [4, 5]])]}, "no coordinate in an image"),
    "circle": ({"shapes": [shape(SQUARE, kind="circle")]}, "a circle has 4 points"),
    "kind": ({"shapes": [shape(SQUARE, kind="blob")]}, "no shape of labelme is a 'blob'"),
    "label": ({"shapes": [shape(SQUARE, label=[1])]}, "shape 0: 'label' is \\[1\\] instead of text"),
    "label that clears the screen": ({"shapes": [shape(SQUARE, "a\x1b[2J")]}, "cannot be shown"),
    "group": ({"shapes": [shape(SQUARE, group_id=[1])]}, "'group_id' is \\[1\\] instead of"),
    "shape": ({"shapes": [5]}, "shape 0 is 5 instead of an object"),
    "shapes": ({"shapes": 5}, "'shapes' is 5 instead of a list"),
    "no mask": ({"shapes": [shape(SQUARE[:2], kind="mask")]}, "shape 0: 'mask' is None instead of text"),
    "mask": ({"shapes": [shape(SQUARE[:2], kind="mask", mask="abcd")]}, "shape 0: 'mask' is no picture"),
    "mask of another size": (
        {"shapes": [{**mask_shape(np.ones((4, 6), bool), (1, 1)), "points": [[1, 1], [20, 4]]}]},
        "shape 0: its mask has 6 x 4 pixels, but its points are the corners of 20 x 4",
    ),
    "height": ({"imageHeight": "x"}, "'imageHeight' is 'x' instead of a number"),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_damage_is_named_with_path_and_record(tmp_path, fault):
    fields, message = DAMAGED[fault]
    write(tmp_path, **fields)
    with pytest.raises(DatasetError, match=message) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "a.json"))


def test_a_file_that_is_cut_short_is_named(tmp_path):
    write(tmp_path, shape(SQUARE))
    path = tmp_path / "a.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DatasetError, match=r"a.json.* is cut short"):
        load(tmp_path)


@pytest.mark.parametrize("data", ["abc", "#####", text(b"no picture"), text(png(PHOTOGRAPH)[:500])])
def test_a_damaged_image_inside_is_named(tmp_path, data):
    write(tmp_path, shape(SQUARE), image=False, imageData=data)
    with pytest.raises(ImageError, match=r"a.json.*imageData"):
        load(tmp_path).load_image(0)
