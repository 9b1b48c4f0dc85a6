"""The README's command for each format of annotations, run on a tiny set of that format."""

import re
import shlex
from pathlib import Path

import pytest

from pumpkin.commands import check, train
from tests.datasets import format_sets
from tests.datasets.format_sets import SET, selected
from tests.datasets.test_mask_image_formats import write_class_folders, write_label_maps, write_voc
from tests.sooner import eagerly

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## Your own photographs") : README.index("## Train on real pumpkins")]
COMMANDS = re.findall(
    r"^python scripts/(train\.py --weights coco --dataset .*?)(?:  .*)?$", SECTION, re.MULTILINE
)
SMALL = [
    "IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64", "STEPS_PER_EPOCH=1", "VALIDATION_STEPS=1", "IMAGES_PER_GPU=1",
    "TOP_DOWN_PYRAMID_SIZE=16", "RPN_CHANNELS=16", "FPN_CLASSIF_FC_LAYERS_SIZE=16", "MASK_HEAD_CHANNELS=8",
    "TRAIN_ROIS_PER_IMAGE=8", "AP_EVERY=0",
]  # fmt: skip


def things(keep=lambda thing: not thing.crowd):
    """The images with instances of the set, as far as a format can hold them."""
    whole = selected(SET, keep)
    return {
        split: {name: found for name, found in images.items() if found} for split, images in whole.items()
    }


def single(thing):
    return len(thing.boxes) == 1 and not thing.crowd


def write_coco(root):
    format_sets.write_coco(root, format_sets.without_splits(things()))
    (root / "annotations.json").rename(root / "coco.json")
    (root / "images").rename(root / "photos")


def write_roboflow(root):
    format_sets.write_coco(root / "roboflow", things())
    for split, folder in (("train", "train"), ("val", "valid")):
        path = root / f"roboflow/annotations/instances_{split}.json"
        (root / f"roboflow/{split}").rename(root / f"roboflow/{folder}")
        path.rename(root / f"roboflow/{folder}/_annotations.coco.json")


def write_via(root):
    format_sets.write_via(root, format_sets.without_splits(things(single)))
    (root / "via.json").rename(root / "via_project.json")


def write_labelme(root):
    format_sets.write_labelme(root / "labelme", format_sets.without_splits(things()))


# What is written for each command, by its data set, and what must be read from it.
SETS = {
    "coco.json": (write_coco, "COCO: 2 images, 6 instances, classes fig tree, nut"),
    "roboflow": (write_roboflow, "COCO: 3 images, 8 instances, classes fig tree, nut"),
    "via_project.json": (write_via, "VIA: 2 images, 4 instances, classes fig tree, nut"),
    "labelme": (write_labelme, "labelme: 2 images, 6 instances, classes fig tree, nut"),
    "yolo/data.yaml": (
        lambda root: format_sets.write_yolo(root / "yolo", things(single)),
        "YOLO: 3 images, 6 instances, classes fig tree, nut",
    ),
    "masks": (
        lambda root: write_class_folders(root / "masks"),
        "mask images: 5 images, 9 instances, classes date, fig",
    ),
    "cells": (
        lambda root: format_sets.write_nuclei(root / "cells", things()),
        "a folder an image: 3 images, 8 instances, class object",
    ),
    "label_maps": (
        lambda root: write_label_maps(root / "label_maps"),
        "label maps: 5 images, 9 instances, class object",
    ),
    "VOC2012": (
        lambda root: write_voc(root / "VOC2012"),
        "Pascal VOC: 5 images, 9 instances, classes bottle, tvmonitor",
    ),
}


def words_of(command):
    """The arguments of a command, without the weights that need the network."""
    name, *words = shlex.split(command)
    assert name == "train.py"
    words[words.index("coco")] = "none"
    return words


def data_set_of(command):
    words = shlex.split(command)
    return words[words.index("--dataset") + 1]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A function that writes the set of a command into the working folder, and returns what is read."""
    monkeypatch.chdir(tmp_path)

    def write(command):
        function, expected = SETS[data_set_of(command)]
        function(tmp_path)
        return f"Read as {expected}"

    return write


def test_each_format_of_the_readme_has_a_set():
    assert [data_set_of(command) for command in COMMANDS] == list(SETS)


@pytest.mark.parametrize("command", COMMANDS, ids=data_set_of)
def test_the_command_reads_the_format(command, written, capsys):
    expected = written(command)
    assert train.main([*words_of(command), "--preview", "preview.png", "--set", *SMALL]) == 0
    assert capsys.readouterr().out.splitlines()[0] == expected
    assert Path("preview.png").stat().st_size > 1000
    words = words_of(command)[2:]  # without --weights none
    assert check.main([*words, "--sheet", "sheet.png", "--set", *SMALL[:2]]) in (0, 3)
    assert capsys.readouterr().out.splitlines()[0] == expected


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=data_set_of)
def test_the_command_trains(command, written, capsys):
    expected = written(command)
    with eagerly():
        assert (
            train.main([*words_of(command), "--epochs", "1", "--no-check", "--no-report", "--set", *SMALL])
            == 0
        )
    assert capsys.readouterr().out.splitlines()[0] == expected
    (folder,) = Path("runs").iterdir()
    assert (folder / "recipe.yaml").is_file() and list(folder.glob("mask_rcnn_*_0001.h5"))
