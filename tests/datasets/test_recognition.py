"""Which format a folder has, and what is said if it has none."""

import json

import pytest

from mrcnn.datasets import FORMATS, DatasetError, recognition
from mrcnn.datasets.class_folders import ClassFolders
from mrcnn.datasets.formats import find_format, open_dataset
from tests.datasets import format_sets
from tests.scenes import write_dataset


def test_a_format_is_recognised_by_its_files(tmp_path):
    assert recognition.recognise(write_dataset(tmp_path)) == ["openimages"]
    assert recognition.title_of("openimages") == "Open Images' folders"
    assert recognition.title_of("my_module:Mine") == "my_module:Mine"


@pytest.mark.parametrize("layout", FORMATS)
def test_each_format_says_its_name_and_what_it_looks_for(layout, tmp_path):
    kind = find_format(layout)
    assert kind.title and kind.looks_for
    assert kind.recognises(tmp_path) is False


def test_what_is_not_recognised_is_described_with_what_each_format_looks_for(tmp_path):
    for name in ("a.JPG", "b.jpg", "c.txt", "README", ".hidden", "raw/d.tif", ".git/e.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DatasetError) as caught:
        recognition.recognise(tmp_path)
    first, *others = str(caught.value).splitlines()
    assert first == (
        f"{tmp_path}: no format recognises this folder. It holds files: 2 .jpg, 1 .tif, 1 .txt, 1 no suffix; "
        "folders: raw. LAYOUT=NAME forces a format:"
    )
    assert [line.split(" looks for ")[0] for line in others[:-1]] == [f"  {layout}" for layout in FORMATS]
    assert ClassFolders.looks_for in others[list(FORMATS).index("openimages")]
    assert others[-1].startswith("  my_module:MyDataset is a class of your own")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.json", b"", "is empty"),
        ("wide.json", '{"images": []}'.encode("utf-16"), "is not UTF-8 text"),
        ("cut.json", b'{"x": [', "is cut short"),
        ("data.yaml", b"names: [fig", "is not YAML"),
    ],
)
def test_damage_is_named_where_it_hides_the_format(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    for root in (tmp_path, tmp_path / name):
        with pytest.raises(DatasetError) as caught:
            recognition.recognise(root)
        first = str(caught.value).splitlines()[0]
        assert first.endswith(". LAYOUT=NAME forces a format:")
        assert f". {tmp_path / name}" in first and reason in first


def test_several_files_of_a_format_are_recognised_and_named(tmp_path):
    whole = format_sets.without_splits(format_sets.SET)
    format_sets.write_coco(tmp_path, whole)
    (file,) = tmp_path.rglob("*.json")
    (tmp_path / "old.json").write_bytes(file.read_bytes())
    (tmp_path / "new.json").write_bytes(file.read_bytes())
    file.unlink()
    assert recognition.recognise(tmp_path) == ["coco"]
    with pytest.raises(DatasetError, match=r"several annotation files: new.json, old.json; give the path"):
        open_dataset("coco", tmp_path, None)


def test_many_kinds_are_cut_short(tmp_path):
    for number in range(7):
        (tmp_path / f"a.{number}").touch()
        (tmp_path / f"f{number}").mkdir()
    words = recognition.describe(tmp_path)
    assert words.startswith("It holds files: 1 .") and "and 2 more kinds; folders: f0, f1, f2" in words
    assert words.endswith("and 2 more folders.")


def test_a_file_and_nothing(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(2048))
    with pytest.raises(DatasetError, match=r"no format recognises this file\. It has 2,048 bytes"):
        recognition.recognise(tmp_path / "a.bin")
    with pytest.raises(DatasetError, match="gone: there is no such file or folder"):
        recognition.recognise(tmp_path / "gone")


@pytest.mark.parametrize(
    ("layout", "splits"),
    [
        *((layout, True) for layout in ("via", "labelme", "coco", "yolo", "openimages", "nuclei")),
        *((layout, False) for layout in ("via", "labelme", "coco", "openimages", "nuclei")),
    ],
)
def test_each_format_is_recognised_by_its_reader_alone(tmp_path, layout, splits):
    write = getattr(format_sets, f"write_{layout}")
    whole = format_sets.selected(format_sets.SET, lambda thing: not thing.crowd)
    write(tmp_path, whole if splits else format_sets.without_splits(whole))
    assert recognition.recognise(tmp_path) == [layout]


def test_real_data_are_recognised(shared_data):
    known = {"nuclei": "nuclei", "openimages_sample": "openimages", "nuts_coco": "coco", "food_via": "via"}
    for name, layout in known.items():
        assert recognition.recognise(shared_data(name)) == [layout], name


def test_the_notes_that_label_studio_puts_beside_yolo_are_not_coco(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    (tmp_path / "labels" / "a.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    (tmp_path / "classes.txt").write_text("fig\n")
    notes = {"categories": [{"id": 0, "name": "fig"}], "info": {"contributor": "Label Studio"}}
    (tmp_path / "notes.json").write_text(json.dumps(notes, indent=2))
    assert recognition.recognise(tmp_path) == ["yolo"]
