"""The VGG Image Annotator: files of all of its versions give the masks and the classes that were drawn."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets.annotated import Options
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.via import ViaDataset

FOOD = Path(__file__).resolve().parents[3] / "shared/data/food_via"
SIZE = (40, 60)
SQUARE = {"name": "polygon", "all_points_x": [10, 20, 20, 10], "all_points_y": [5, 5, 15, 15]}
RECT = {"name": "rect", "x": 30, "y": 10, "width": 12, "height": 8}


def region(shape, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


def export(*regions, name="a.png", as_dict=False):
    """An export of VIA 2 of one image, or with regions as VIA 1 writes them."""
    listed = {str(k): item for k, item in enumerate(regions)} if as_dict else list(regions)
    return {f"{name}99": {"filename": name, "size": 99, "regions": listed, "file_attributes": {}}}


def write(folder, content, names=("a.png",), file="via.json"):
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / file).write_text(text, encoding="utf-8")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE[::-1]).save(folder / name)


def load(root, split=None, classes=None, **options):
    dataset = ViaDataset()
    dataset.options = Options(**options)
    dataset.load_split(Path(root), split, classes)
    dataset.prepare()
    return dataset


def pixels(dataset, image_id=0):
    """{(class, box, number of pixels)} of an image: (y1, x1, y2, x2) half-open."""
    masks, class_ids = dataset.load_mask(image_id)
    found = []
    for mask, class_id in zip(np.moveaxis(masks, -1, 0), class_ids):
        y, x = np.nonzero(mask)
        box = (int(y.min()), int(x.min()), int(y.max()) + 1, int(x.max()) + 1)
        found.append((dataset.class_names[class_id], box, int(mask.sum())))
    return found


DRAWN = [("date", (5, 10, 15, 20), 100), ("fig", (10, 30, 18, 42), 96)]


def table_2(*regions, name="a.png", header="filename", count=None):
    columns = "file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    text = io.StringIO()
    text.write(f"{header},{columns}\n")
    rows = regions or [region({})]
    for k, item in enumerate(rows):
        cells = [name, 99, "{}", count or len(regions), k]
        csv.writer(text, lineterminator="\n").writerow([*cells, *map(json.dumps, item.values())])
    return text.getvalue()


def project_3(metadata, attribute, name="a.png"):
    return {
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1", "vid_list": ["1"]},
        "config": {}, "attribute": attribute,
        "file": {"1": {"fid": 1, "fname": name, "type": 2, "loc": 1, "src": ""}},
        "view": {"1": {"fid_list": [1]}},
        "metadata": {
            f"1_{k}": {"vid": "1", "flg": 0, "z": [], "xy": xy, "av": av}
            for k, (xy, av) in enumerate(metadata)
        },
    }  # fmt: skip


def attribute_3(name="class", kind=4, options=None, anchor="FILE1_Z0_XY1"):
    return {"aname": name, "anchor_id": anchor, "type": kind, "desc": "", "options": options or {}}


SHAPES_3 = [[7, 10, 5, 20, 5, 20, 15, 10, 15], [2, 30, 10, 12, 8]]
TWO = {"0": "date", "1": "fig"}


def table_3(attributes):
    text = io.StringIO()
    text.write("# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)\n")
    text.write(f"# ATTRIBUTES = {json.dumps(attributes)}\n")
    text.write(
        "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata\n"
    )
    for k, xy in enumerate(SHAPES_3):
        cells = [f"1_{k}", '["a.png"]', "0", "[]", json.dumps(xy), json.dumps({"1": str(k)})]
        csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


REGIONS = (region(SQUARE, **{"class": "date"}), region(RECT, **{"class": "fig"}))
VERSIONS = {
    "1, JSON": (export(*REGIONS, as_dict=True), "via.json"),
    "1, CSV": (table_2(*REGIONS, header="#filename"), "via.csv"),
    "2, JSON": (export(*REGIONS), "via.json"),
    "2, CSV": (table_2(*REGIONS), "via.csv"),
    "2, project": (
        {"_via_settings": {}, "_via_img_metadata": export(*REGIONS), "_via_attributes": {"region": {}}},
        "via.json",
    ),
    "3, project": (
        project_3([(xy, {"1": str(k)}) for k, xy in enumerate(SHAPES_3)], {"1": attribute_3(options=TWO)}),
        "via.json",
    ),
    "3, CSV": (table_3({"1": attribute_3(options=TWO)}), "via.csv"),
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_gives_the_same_masks_and_classes(tmp_path, version):
    content, file = VERSIONS[version]
    write(tmp_path, content, file=file)
    assert ViaDataset.recognises(tmp_path) and ViaDataset.splits(tmp_path) == []
    dataset = load(tmp_path)
    assert (dataset.class_names, dataset.faults) == (["BG", "date", "fig"], [])
    assert pixels(dataset) == DRAWN
    assert dataset.image_info[0]["id"] == "a.png"
    assert ViaDataset.recognises(tmp_path / file)
    assert pixels(load(tmp_path / file)) == DRAWN


# Area, and the box (y1, x1, y2, x2) to a pixel.
ROUND = {
    "circle": ({"name": "circle", "cx": 30, "cy": 20, "r": 10}, np.pi * 100, (10, 20, 30, 40)),
    "ellipse": ({"name": "ellipse", "cx": 30, "cy": 20, "rx": 20, "ry": 5}, np.pi * 100, (15, 10, 25, 50)),
    "turned": (
        {"name": "ellipse", "cx": 30, "cy": 20, "rx": 18, "ry": 5, "theta": np.pi / 2},
        np.pi * 90,
        (2, 25, 38, 35),
    ),
}


@pytest.mark.parametrize("kind", ROUND)
def test_circles_and_ellipses_have_their_area(tmp_path, kind):
    shape, area, box = ROUND[kind]
    write(tmp_path, export(region(shape)))
    ((name, found, count),) = pixels(load(tmp_path))
    assert name == "object" and abs(count - area) < 0.02 * area
    assert np.abs(np.subtract(found, box)).max() <= 1


def test_a_slanted_ellipse_turns_as_the_screen_shows_it(tmp_path):
    """theta is measured as the canvas of a browser does: clockwise, since y points down."""
    write(
        tmp_path,
        export(region({"name": "ellipse", "cx": 30, "cy": 20, "rx": 18, "ry": 3, "theta": np.pi / 4})),
    )
    masks, _ = load(tmp_path).load_mask(0)
    assert masks[30, 40, 0] and masks[10, 20, 0] and not masks[30, 20, 0] and not masks[10, 40, 0]


@pytest.mark.parametrize(
    ("numbers", "area", "box"),
    [
        ([3, 30, 20, 10], np.pi * 100, (10, 20, 30, 40)),
        ([4, 30, 20, 20, 5], np.pi * 100, (15, 10, 25, 50)),
        ([6, 10, 5, 20, 5, 20, 15, 10, 15], 100, (5, 10, 15, 20)),
        ([8, 10, 9, 15, 5, 20, 9, 15, 15], 100, (5, 10, 15, 20)),
        ([9, 30, 10, 40, 20, 30, 30], np.pi * 100, (10, 20, 30, 40)),
    ],
)
def test_the_shapes_of_version_3_have_their_area(tmp_path, numbers, area, box):
    write(tmp_path, project_3([(numbers, {})], {}))
    ((_, found, count),) = pixels(load(tmp_path))
    assert abs(count - area) < 0.02 * area and np.abs(np.subtract(found, box)).max() <= 1


def test_a_polyline_is_closed(tmp_path):
    write(tmp_path, export(region({**SQUARE, "name": "polyline"})))
    assert pixels(load(tmp_path)) == [("object", (5, 10, 15, 20), 100)]


def test_what_outlines_nothing_is_named_not_dropped_silently(tmp_path):
    flat = {"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1, 2]}
    write(tmp_path, export(region({"name": "point", "cx": 3, "cy": 4}), region(flat), region(SQUARE)))
    dataset = load(tmp_path)
    file = str(tmp_path / "via.json")
    assert dataset.faults == [
        ("no_shape", file, "region 0 (image 'a.png')"),
        ("ring", file, "region 1 (image 'a.png')"),
    ]
    assert pixels(dataset) == [("object", (5, 10, 15, 20), 100)]


# The class


def test_checkboxes_give_a_class_if_one_box_is_ticked(tmp_path):
    ticks = ({"date": True}, {"date": True, "fig": True}, {}, {"fig": True, "date": False})
    write(tmp_path, export(*(region(SQUARE, kind=tick) for tick in ticks)))
    dataset = load(tmp_path, class_attribute="kind")
    assert [name for name, *_ in pixels(dataset)] == ["date", "fig"]
    assert [(kind, detail) for kind, _, detail in dataset.faults] == [
        ("classes", "region 1 (image 'a.png'): date, fig"),
        ("no_class", "region 2 (image 'a.png')"),
    ]


@pytest.mark.parametrize(("kind", "value"), [(1, "fig"), (2, "1"), (3, "1"), (4, "1")])
def test_version_3_names_its_options(tmp_path, kind, value):
    attributes = {"1": attribute_3("shade", 1), "5": attribute_3("class", kind, TWO if kind > 1 else None)}
    write(tmp_path, project_3([(SHAPES_3[0], {"1": "dark", "5": value})], attributes))
    assert pixels(load(tmp_path)) == [("fig", (5, 10, 15, 20), 100)]


def test_several_ticked_boxes_of_version_3_are_named(tmp_path):
    write(tmp_path, project_3([(SHAPES_3[0], {"1": "0,1"})], {"1": attribute_3(kind=2, options=TWO)}))
    assert load(tmp_path, class_attribute="class").faults[0][0::2] == (
        "classes",
        "metadata '1_0' (image 'a.png'): date, fig",
    )


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ([{"note": "x1", "Class": "fig"}, {"note": "x2", "Class": "date"}], ["date", "fig"]),  # by its name
        ([{"fruit": "fig"}, {"fruit": "date"}], ["date", "fig"]),  # the only one
        ([{"ripe": "yes", "name": "fig"}, {"ripe": "no", "name": "fig"}], ["fig"]),
        ([{"name": "fig"}, {}, {}, {}], ["fig"]),  # few have it, but its name says what it is
        ([{}, {}], ["object"]),
        ([{"name": ""}, {"name": ""}], ["object"]),
        ([{"seen by": "C"}, {}, {}, {}], ["object"]),  # few have it
        ([{"number": str(k)} for k in range(30)], ["object"]),  # as many values as regions
        ([{"name": str(k), "kind": "ab"[k % 2]} for k in range(30)], ["a", "b"]),
    ],
)
def test_the_class_attribute_is_found(tmp_path, attributes, expected):
    write(tmp_path, export(*(region(SQUARE, **values) for values in attributes)))
    assert load(tmp_path).class_names[1:] == expected


def test_the_class_attribute_can_be_named(tmp_path):
    write(tmp_path, export(region(SQUARE, **{"class": "fig", "state": "ripe"})))
    assert load(tmp_path, class_attribute="state").class_names == ["BG", "ripe"]
    with pytest.raises(DatasetError, match="no region has an attribute 'stat', only 'class', 'state'"):
        load(tmp_path, class_attribute="stat")


def test_regions_without_a_class_are_named(tmp_path):
    write(tmp_path, export(region(SQUARE, name="fig"), region(RECT, name=" ")))
    dataset = load(tmp_path)
    assert dataset.faults == [("no_class", str(tmp_path / "via.json"), "region 1 (image 'a.png')")]
    assert pixels(dataset) == [("fig", (5, 10, 15, 20), 100)]


def test_options_of_a_project_give_the_order_of_the_classes(tmp_path):
    options = {"fig": "", "date": "", "never used": ""}
    attributes = {"region": {"class": {"type": "dropdown", "description": "", "options": options}}}
    content = {"_via_settings": {}, "_via_img_metadata": export(*REGIONS), "_via_attributes": attributes}
    write(tmp_path, content)
    assert load(tmp_path).class_names == ["BG", "fig", "date"]


def test_a_class_without_a_name_takes_the_one_that_is_asked_for(tmp_path):
    write(tmp_path, export(region(SQUARE)))
    dataset = load(tmp_path, classes=["bottle"])
    assert (dataset.known_classes, pixels(dataset)) == (["bottle"], [("bottle", (5, 10, 15, 20), 100)])
    with pytest.raises(DatasetError, match="no class 'bottle'"):
        load(tmp_path, classes=["bottle", "can"])


def test_a_selection_of_classes_gives_their_numbers(tmp_path):
    write(tmp_path, export(*REGIONS))
    assert pixels(load(tmp_path, classes=["fig"])) == DRAWN[1:]


# Files


def test_splits_share_attribute_and_classes(tmp_path):
    write(tmp_path / "train", export(region(SQUARE, kind="fig")))
    write(tmp_path / "valid", export(region(SQUARE, kind="date"), region(RECT, kind="fig")))
    assert ViaDataset.recognises(tmp_path) and ViaDataset.splits(tmp_path) == ["train", "val"]
    train, val, both = (load(tmp_path, split) for split in ("train", "val", None))
    assert train.class_names == val.class_names == ["BG", "date", "fig"]
    assert [info["id"] for info in train.image_info + val.image_info] == ["train/a.png", "valid/a.png"]
    assert both.num_images == 2 and len(pixels(val)) == 2
    with pytest.raises(DatasetError, match=r"no split 'test'.*train, val"):
        load(tmp_path, "test")


def test_images_are_found_beside_the_file_in_images_or_where_the_user_says(tmp_path):
    write(tmp_path / "a", export(REGIONS[0], name="C:\\Users\\me\\x y.png"), ["x y.png"])
    assert load(tmp_path / "a").image_info[0]["path"] == str(tmp_path / "a/x y.png")
    write(tmp_path / "b", export(REGIONS[0], name="deep/ü.png"), ["images/deep/ü.png"])
    assert load(tmp_path / "b").image_info[0]["path"] == str(tmp_path / "b/images/deep/ü.png")
    write(tmp_path / "c", export(REGIONS[0]), [])
    with pytest.raises(DatasetError, match=r"none of its 1 images is there.*--images"):
        load(tmp_path / "c")
    dataset = load(tmp_path / "c", images=str(_folder_with(tmp_path / "far", "a.png")))
    assert pixels(dataset) == [("date", (5, 10, 15, 20), 100)]


def _folder_with(folder, name):
    folder.mkdir()
    Image.new("RGB", SIZE[::-1]).save(folder / name)
    return folder


def test_missing_images_are_named(tmp_path):
    write(tmp_path, {**export(*REGIONS), **export(REGIONS[0], name="b.png")})
    dataset = load(tmp_path)
    assert dataset.num_images == 1
    assert dataset.faults == [("no_image", str(tmp_path / "via.json"), "image 'b.png', with its 1 regions")]


def test_an_image_without_regions_is_kept(tmp_path):
    write(tmp_path, {**export(*REGIONS), **export(name="b.png")}, ["a.png", "b.png"])
    assert load(tmp_path).load_mask(1)[0].shape == (*SIZE, 0)
    write(tmp_path / "csv", table_2(), file="v.csv")
    assert load(tmp_path / "csv").load_mask(0)[0].shape == (*SIZE, 0)


def test_of_two_entries_of_an_image_the_one_of_its_length_is_used(tmp_path):
    one, two = export(REGIONS[0]), export(*REGIONS)
    write(tmp_path, {})
    length = (tmp_path / "a.png").stat().st_size
    other = {f"a.png{length}": {**two["a.png99"], "size": length}}
    write(tmp_path, {**one, **other})
    dataset = load(tmp_path)
    assert pixels(dataset) == DRAWN
    assert [fault[:2] for fault in dataset.faults] == [("same_name", str(tmp_path / "a.png"))]


def test_an_export_beside_the_project_it_came_from_changes_nothing(tmp_path):
    write(tmp_path, VERSIONS["2, project"][0])
    write(tmp_path, export(*REGIONS), file="via_export.json")
    dataset = load(tmp_path)
    assert (pixels(dataset), dataset.faults, dataset.num_images) == (DRAWN, [], 1)


def test_an_outline_of_thousands_of_points_is_read_from_a_table(tmp_path):
    turn = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    x, y = (30 + 10 * np.cos(turn)).tolist(), (20 + 10 * np.sin(turn)).tolist()
    write(
        tmp_path, table_2(region({"name": "polygon", "all_points_x": x, "all_points_y": y})), file="via.csv"
    )
    limit = csv.field_size_limit()
    ((_, _, count),) = pixels(load(tmp_path))
    assert abs(count - 314) < 7 and csv.field_size_limit() == limit


# Damage: (content, what the message says after the path)
DAMAGED = {
    "not closed": ('{"a.png99": {"filename": "a.png", "regions": [', "is cut short"),
    "a list": ("[1]", "a list instead of an object"),
    "number for an image": ({"a.png99": 5}, "image 'a.png99' is 5 instead of an object"),
    "no filename": ({"a.png99": {"size": 1, "regions": []}}, "image 'a.png99': 'filename' is missing"),
    "regions": (
        {"a.png99": {"filename": "a.png", "regions": "x"}},
        "image 'a.png99': 'regions' is 'x' instead of a list or an object",
    ),
    "region": (export(7), "region 0 \\(image 'a.png'\\) is 7 instead of an object"),
    "strings": (
        export(region({**SQUARE, "all_points_x": ["1", "2", "3", "4"]})),
        "region 0 \\(image 'a.png'\\): 'all_points_x' is '1', which is no coordinate",
    ),
    "lengths": (export(region({**SQUARE, "all_points_x": [1, 2, 3]})), "3 points have an x and 4 a y"),
    "shape": (export(region({"name": "blob"})), "no shape of VIA is called 'blob'"),
    "far": (export(region({**RECT, "x": 1e300})), "'x' is 1e\\+300, which is no coordinate"),
    "no number": (export(region({**RECT, "x": None})), "'x' is missing"),
    "class that clears the screen": (export(region(RECT, name="a\x1b[2J")), "that cannot be shown"),
    "attribute": (export(region(RECT, name=[1])), "attribute 'name' is \\[1\\] instead of"),
    "view": (project_3([(SHAPES_3[0], {})], {}) | {"view": {}}, "metadata '1_0': there is no view '1'"),
    "code": (project_3([([12, 1, 2], {})], {}), "no shape of VIA has the code 12"),
    "code of text": (project_3([(["7", 1, 2], {})], {}), "no shape of VIA has the code '7'"),
    "numbers": (project_3([([2, 1, 2], {})], {}), "a shape of code 2 has 2 numbers"),
    "unknown option": (
        project_3([(SHAPES_3[0], {"1": "9"})], {"1": attribute_3(options=TWO)}),
        "metadata '1_0' \\(image 'a.png'\\): attribute 'class' has no option '9'",
    ),
    "unknown attribute": (project_3([(SHAPES_3[0], {"4": "9"})], {}), "there is no attribute '4'"),
    "columns": (table_2(REGIONS[0]).replace("region_shape_attributes", "x"), "the header has no column"),
    "cell": (table_2(REGIONS[0]).replace("polygon", 'poly""gon'), "line 2: "),
    "fields": (table_2(REGIONS[0]) + "a,b\n", "line 3: 2 fields for 7 columns"),
}  # fmt: skip


@pytest.mark.parametrize("fault", DAMAGED)
def test_damage_is_named_with_path_and_record(tmp_path, fault):
    content, message = DAMAGED[fault]
    file = "via.csv" if isinstance(content, str) and content.startswith("filename") else "via.json"
    write(tmp_path, content, file=file)
    with pytest.raises(DatasetError, match=message) as caught:
        load(tmp_path)
    assert str(tmp_path / file) in str(caught.value)


def test_other_folders_are_not_recognised(tmp_path):
    (tmp_path / "coco.json").write_text('{"images": [], "annotations": [], "categories": []}')
    (tmp_path / "a.json").write_text(
        '{"version": "5", "shapes": [], "imagePath": "a.png", "imageData": null}'
    )
    assert not ViaDataset.recognises(tmp_path)
    with pytest.raises(DatasetError, match="no JSON or CSV file of VIA's"):
        load(tmp_path)


@pytest.mark.skipif(not FOOD.is_dir(), reason="needs the real photographs")
def test_real_photographs_have_their_regions():
    assert ViaDataset.recognises(FOOD) and ViaDataset.splits(FOOD) == ["train", "val"]
    names = ["piring", "roti tawar", "tahu bacem", "tahu goreng", "tempe bacem", "tempe goreng"]
    for split, images, instances in (("train", 12, 66), ("val", 6, 41)):
        dataset = load(FOOD, split)
        assert (dataset.class_names[1:], dataset.num_images, dataset.faults) == (names, images, [])
        assert sum(len(dataset.load_mask(k)[1]) for k in dataset.image_ids) == instances
