"""scripts/convert.py: its exit codes and what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mrcnn.datasets import convert as conversion
from pumpkin.commands import convert
from tests.datasets import format_sets
from tests.datasets.format_sets import SET, selected, without_splits

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    format_sets.write_coco(tmp_path / "source", SET)
    return tmp_path / "source"


@pytest.mark.parametrize(
    ("target", "title", "crowds", "file"),
    [
        ("coco", "COCO", ", crowds 1", "annotations/instances_val.json"),
        ("yolo", "YOLO", "", "labels/val/a.txt"),
        ("labelme", "labelme", ", crowds 1", "val/a.json"),
        ("masks", "mask images", ", crowds 1", "val/nut/masks/a_m01_00000000.png"),
    ],
)
def test_it_says_what_was_read_and_written(source, capsys, target, title, crowds, file):
    made = source.parent / "made"
    assert convert.main([str(source), str(made), "--to", target]) == 0
    first, *notes, last = capsys.readouterr().out.splitlines()
    assert first.startswith("Read as COCO: 4 images, ") and first.endswith("classes fig tree, nut")
    assert last == (f"Written as {title} to {made}: images 4, instances 8 (5 nut, 3 fig tree){crowds}")
    assert (made / file).is_file()
    lost = "note   Crowd regions that are left out, so that they become background: 1."
    assert (lost in notes) == (target == "yolo")


def test_a_layout_can_be_forced_and_classes_selected(source, capsys):
    made = source.parent / "made"
    options = ["--set", "LAYOUT=coco", "CLASSES=[nut]"]
    assert convert.main([str(source), str(made), "--to", "labelme", *options]) == 0
    assert "instances 5 (5 nut)" in capsys.readouterr().out
    shapes = json.loads((made / "train/a.json").read_text())["shapes"]
    assert {shape["label"] for shape in shapes} == {"nut"}


def test_what_the_source_left_out_is_said(source, capsys):
    (source / "train/empty.png").unlink()
    assert convert.main([str(source), str(source.parent / "made"), "--to", "coco"]) == 0
    out = capsys.readouterr().out
    assert "note   Annotated images that are missing, which are left out: 1, such as " in out


def test_a_used_folder_is_one(source, capsys):
    made = source.parent / "made"
    made.mkdir()
    (made / "mine.txt").write_text("mine")
    assert convert.main([str(source), str(made), "--to", "coco"]) == 1
    assert capsys.readouterr().err == f"convert: {made}: exists and is not empty; name a new folder.\n"
    assert [path.name for path in made.iterdir()] == ["mine.txt"]


def test_a_folder_within_the_source_is_one(source, capsys):
    assert convert.main([str(source), str(source / "made"), "--to", "coco"]) == 1
    assert "lies in the data set itself" in capsys.readouterr().err


def test_damaged_and_missing_data_are_one(source, capsys):
    path = source / "annotations/instances_train.json"
    path.write_text(path.read_text()[:-9])
    made = source.parent / "made"
    assert convert.main([str(source), str(made), "--to", "coco"]) == 1
    assert str(path) in capsys.readouterr().err
    assert convert.main([str(source / "nothing"), str(made), "--to", "coco"]) == 1
    assert "there is no such" in capsys.readouterr().err
    assert not made.exists()


def test_ctrl_c_is_130_and_leaves_nothing(source, capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion, "instances_of", stop)
    made = source.parent / "made"
    assert convert.main([str(source), str(made), "--to", "coco"]) == 130
    assert capsys.readouterr().err.endswith("convert: stopped; nothing is written.\n")
    assert sorted(path.name for path in source.parent.iterdir()) == ["source"]


def test_a_file_and_attributes_of_via(tmp_path, capsys):
    whole = without_splits(selected(SET, lambda thing: len(thing.boxes) == 1 and not thing.crowd))
    format_sets.write_via(tmp_path / "source", whole)
    (tmp_path / "source/via.json").rename(tmp_path / "via.json")
    made = str(tmp_path / "made")
    words = [str(tmp_path / "via.json"), made, "--to", "coco", "--images"]
    assert convert.main([*words, str(tmp_path / "source"), "--class-attribute", "class"]) == 0
    assert capsys.readouterr().out.startswith("Read as VIA: 3 images, 4 instances, classes fig tree, nut\n")
    words[1] = str(tmp_path / "other")
    assert convert.main([*words, str(tmp_path / "source"), "--class-attribute", "kind"]) == 1
    assert "no region has an attribute 'kind', only 'class'" in capsys.readouterr().err


def test_the_script_is_the_command(source):
    words = [
        sys.executable,
        str(ROOT / "scripts/convert.py"),
        str(source),
        str(source.parent / "m"),
        "--to",
        "yolo",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Read as COCO: ")
