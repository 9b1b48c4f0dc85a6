"""The preview shows the very images of a training, and stops."""

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import preview
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


def test_a_preview_trains_nothing_else(capsys):
    with pytest.raises(SystemExit):
        train.main(["--preview", "a.png", "--weights", "none"])
    assert "not allowed with argument" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--epochs 3", "--precision bf16", "--out elsewhere", "--no-check"])
def test_options_of_a_training_are_refused(option, capsys):
    with pytest.raises(SystemExit):
        train.parse(["--preview", "sheet.png", *option.split()])
    assert f"{option.split()[0]} is for trainings" in capsys.readouterr().err
