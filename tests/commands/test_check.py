"""scripts/check_data.py: its exit codes, what it says, and its sheet."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mrcnn.datasets import check as data_check
from pumpkin.commands import check
from tests.scenes import write_dataset

SMALL = ["--set", "IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64", "RPN_ANCHOR_SCALES=[8, 16, 32, 48, 64]"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    return write_dataset(tmp_path / "data")


def test_fine_data_are_zero(folder, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    assert check.main(["--dataset", str(folder), "--sheet", str(sheet), *SMALL]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "Read as Open Images' folders: 5 images, 7 instances, class pumpkin"
    assert told[1] == f"{folder} has no test split, only train, val"
    assert told[2].split()[-2:] == ["train", "val"]
    assert told[-2:] == [f"The sheet of 5 images is {sheet}", "Fine to train on."]
    with Image.open(sheet) as image:
        assert image.format == "PNG"


def test_sizes_are_those_of_the_recipe_unless_they_are_named(folder, capsys):
    assert check.main(["--dataset", str(folder)]) == 0
    told = capsys.readouterr().out.splitlines()
    anchors = "RPN_ANCHOR_SCALES [32, 64, 128, 256, 512]"
    line = "Sizes are for a training from COCO weights on a CPU: IMAGE_MIN_DIM 512, IMAGE_MAX_DIM 512"
    assert told[2] == f"{line}, {anchors}"
    sides = {row.split(",")[0].strip(): row.split()[-1] for row in told if "px" in row}
    with Image.open(next(folder.rglob("val0*.png"))) as image:
        scale = 512 / max(image.size)
    assert int(sides["side when scaled"]) == pytest.approx(scale * int(sides["side"]), abs=scale)
    assert check.main(["--dataset", str(folder), "--set", "RPN_ANCHOR_SCALES=[24, 48, 96, 192, 384]"]) == 0
    out = capsys.readouterr().out
    assert f"{line}\n" in out and "  below 24 px, the smallest" in out
    assert check.main(["--dataset", str(folder), "--config", "demo"]) in (0, 3)
    assert "Sizes are" not in capsys.readouterr().out


def test_a_leak_is_three(folder, capsys):
    leaked = folder / "val/pumpkin/leaked.png"
    leaked.write_bytes((folder / "train/pumpkin/train00.png").read_bytes())
    assert check.main(["--dataset", str(folder), *SMALL]) == 3
    told = capsys.readouterr().out
    assert f"{folder / 'train/pumpkin/train00.png'} = {leaked}" in told
    assert told.endswith("These data have fatal faults; do not train on them.\n")


def test_notes_are_told_and_zero(folder, capsys):
    (folder / "train/pumpkin/masks/mask.png").write_bytes(b"")
    assert check.main(["--dataset", str(folder), *SMALL]) == 0
    told = capsys.readouterr().out
    assert "note   Files among the masks that belong to no image, which are left out: 1." in told
    assert str(folder / "train/pumpkin/masks/mask.png") in told
    assert told.endswith("Fine to train on if you accept the notes.\n")


def test_all_names_every_file(folder, capsys):
    for number in range(9):
        (folder / f"train/pumpkin/bad{number}.png").write_bytes(b"")
    assert check.main(["--dataset", str(folder), *SMALL]) == 3
    assert "bad8.png" not in capsys.readouterr().out
    assert check.main(["--dataset", str(folder), "--all", *SMALL]) == 3
    assert "bad8.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "nowhere"], "nowhere: there is no such file or folder"),
        (["--config", "gone.yaml"], "--config gone.yaml: there is no such file"),
        (["--set", "IMAGE_MAX_DIMS=3"], "the nearest known one is IMAGE_MAX_DIM"),
    ],
)
def test_mistakes_are_one_sentence_and_one(words, message, capsys):
    assert check.main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("check: ") and error.count("\n") == 1
    assert message in error


def test_an_interrupt_ends_quietly(folder, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(data_check, "look", interrupt)
    assert check.main(["--dataset", str(folder), *SMALL]) == 130
    assert capsys.readouterr().err.endswith("check: stopped.\n")


def test_it_needs_no_backend(folder):
    """It starts at once: neither Keras nor a backend is loaded."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pumpkin.commands import check; "
        f"code = check.main(['--dataset', {str(folder)!r}]); "
        "print(code, {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 set()"
