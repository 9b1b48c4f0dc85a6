"""The preview shows the very images of a training, and stops."""

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import preview
from mrcnn.pipeline.augment import PRESETS
from mrcnn.pipeline.loader import Loader
from pumpkin.commands import train
from pumpkin.config import load_config
from pumpkin.dataset import open_dataset
from tests.scenes import write_dataset

SMALL = ["IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64", "AUGMENTATION=clumps"]


@pytest.fixture
def data(tmp_path):
    return write_dataset(tmp_path / "data", train=3, val=1)


@pytest.fixture
def shown(monkeypatch):
    """The pictures of the sheets that are written."""
    pictures = []
    write = preview.write_pictures

    def watch(path, items):
        pictures.extend(items)
        write(path, items)

    monkeypatch.setattr(preview, "write_pictures", watch)
    return pictures


def test_the_pictures_are_those_of_a_training(data, tmp_path, shown):
    config = load_config(None, SMALL)
    dataset = open_dataset(config, data, "train")
    path = tmp_path / "new/preview.png"
    assert preview.write_preview(dataset, config, path, count=7) == 7
    loader = Loader(dataset, config, augmentation=config.AUGMENTATION)
    names = set()
    for position, picture in enumerate(shown):
        image_id, image, class_ids, masks = loader.example(position)
        np.testing.assert_array_equal(picture.image, image)
        np.testing.assert_array_equal(picture.masks, masks)
        name = dataset.image_info[image_id]["id"]
        assert picture.caption == f"{name}  {len(class_ids)} mask{'s'[: len(class_ids) != 1]}"
        names.add(name)
    assert names == {"train00", "train01", "train02"}  # two passes and one more
    with Image.open(path) as sheet:
        assert sheet.format == "PNG" and sheet.width > 1000
    assert [file.name for file in path.parent.iterdir()] == ["preview.png"]


def test_crowds_are_counted_and_not_drawn(data, tmp_path, shown):
    crowds = data / "train/pumpkin/crowds"
    crowds.mkdir()
    (crowds / "train00.csv").write_text("XMin,XMax,YMin,YMax\n0,1,0,1\n")
    config = load_config(None, ["IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64"])
    preview.write_preview(open_dataset(config, data, "train"), config, tmp_path / "sheet.png", count=3)
    captions = sorted(picture.caption for picture in shown)
    assert captions == ["1 crowd  train00  1 mask", "train01  2 masks", "train02  1 mask"]


def test_the_command_writes_the_sheet_and_trains_nothing(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--preview", "preview.png", "--dataset", str(data), "--set", *SMALL]
    assert train.main(words) == 0
    assert capsys.readouterr().out.endswith("The first 24 images of a training: preview.png\n")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "preview.png"}


def test_a_preview_stands_beside_all_options_of_a_training(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--preview", "sheet.png", "--dataset", str(data), "--weights", "none", "--config", "demo"]
    words += ["--epochs", "3", "--precision", "bf16", "--out", "elsewhere", "--no-check", "--skip-bad"]
    assert train.main([*words, "--seed", "5", "--val-share", "0.3", "--set", *SMALL]) == 0
    assert capsys.readouterr().out.endswith("The first 24 images of a training: sheet.png\n")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "sheet.png"}


def test_the_presets_show_the_same_images(data, tmp_path, shown):
    config = load_config(None, [*SMALL[:2], "AUGMENTATION={preset: light, scale: [2, 2]}"])
    dataset = open_dataset(config, data, "train")
    names = preview.write_presets(dataset, config, tmp_path / "presets.png")
    assert names == [*PRESETS, "this config"]
    rows = [shown[start : start + 6] for start in range(0, len(shown), 6)]
    assert [{picture.fault for picture in row} for row in rows] == [{name} for name in names]
    images = [[picture.caption.split()[0] for picture in row] for row in rows]
    assert all(row == images[0] for row in images) and set(images[0]) == {"train00", "train01", "train02"}
    plain = Loader(dataset, config, augmentation=None)
    for position, picture in enumerate(rows[names.index("none")]):
        np.testing.assert_array_equal(picture.image, plain.example(position)[1])
    larger = Loader(dataset, config, augmentation=config.AUGMENTATION)
    np.testing.assert_array_equal(rows[-1][2].image, larger.example(2)[1])


def test_the_command_writes_both_sheets(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "--preview-presets",
        "presets.png",
        "--preview",
        "a.png",
        "--dataset",
        str(data),
        "--set",
        *SMALL,
    ]
    assert train.main(words) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"The same images under {', '.join(PRESETS)}: presets.png"
    assert {path.name for path in tmp_path.iterdir()} == {"data", "a.png", "presets.png"}


def test_a_training_needs_to_be_told_how_it_begins(capsys):
    with pytest.raises(SystemExit):
        train.parse(["--dataset", "data"])
    assert "one of --weights, --resume, --reproduce and --preview is needed" in capsys.readouterr().err
