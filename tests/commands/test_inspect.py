"""scripts/inspect.py: pictures of an image's stages, of weights and of their learning."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pumpkin.commands import inspect
from pumpkin.synthetic import generate
from tests.sooner import eagerly
from tests.tiny import detector, picture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    generate(folder, {"train": 2, "val": 2}, seed=7, size=96, workers=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def run(scenes, tmp_path_factory):
    """A run's folder whose weights are those of a start from random weights, but for one layer."""
    folder = tmp_path_factory.mktemp("runs") / "tiny20261128T1200"
    folder.mkdir()
    model = detector()
    model.class_names = ["BG", "pumpkin", "stone"]
    model.save_weights(folder / "mask_rcnn_tiny_0001.h5", epoch=1)
    (folder / "run.json").write_text('{"weights": {"name": "none", "file": null, "sha256": null}}')
    return folder


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_stages_of_a_photograph(run, tmp_path, capsys):
    Image.fromarray(picture(90, 120)).save(tmp_path / "a.png")
    words = [str(tmp_path / "a.png"), "--weights", str(run), "--out", str(tmp_path / "out")]
    with eagerly():
        assert inspect.main([*words, "--layers", "fpn_p2, fpn_p3"]) == 0
    expected = ["activations.png", "anchors.png", "detections.png", "masks.png", "proposals.png"]
    assert names_in(tmp_path / "out") == expected
    assert "anchors.png, proposals.png, detections.png, masks.png, activations.png" in capsys.readouterr().out


def test_an_image_of_a_data_set_has_its_targets(run, scenes, tmp_path, capsys):
    words = ["--image", "1", "--dataset", str(scenes), "--weights", str(run), "--out", str(tmp_path / "out")]
    with eagerly():
        assert inspect.main(words) == 0
        assert "rois.png" in names_in(tmp_path / "out")
        assert inspect.main([*words, "--image", "none"]) == 1
    assert capsys.readouterr().err == (
        "inspect: There is no image 'none' among 2: give a file's name, or a number from 0.\n"
    )


def test_weights_and_learning_of_a_run(run, scenes, tmp_path, capsys):
    words = ["--dataset", str(scenes), "--weights", str(run), "--out", str(tmp_path / "out")]
    with eagerly():
        assert inspect.main(words) == 0
    assert names_in(tmp_path / "out") == ["gradients.png", "learning.png", "weights.csv", "weights_1.png"]
    with open(tmp_path / "out" / "weights.csv", newline="") as file:
        rows = {row["weight"]: row for row in csv.DictReader(file)}
    assert rows["mrcnn_bbox_fc/kernel"]["note"] == "dead?"  # the detector of the tests has zeros there
    assert rows["fpn_p2/kernel"]["shape"] == "3 x 3 x 32 x 32"
    assert "weights_1.png, learning.png, gradients.png" in capsys.readouterr().out


def test_without_data_and_earlier_weights(run, tmp_path, capsys):
    path = shutil.copy(run / "mask_rcnn_tiny_0001.h5", tmp_path / "a.h5")
    words = ["--dataset", str(tmp_path / "none"), "--weights", str(path), "--out", str(tmp_path / "out")]
    assert inspect.main(words) == 0
    told = capsys.readouterr().out
    assert "No change of the weights: give earlier ones with --since FILE." in told
    assert "No gradients, which need the data that the weights are trained on (--dataset): " in told
    assert inspect.main([*words, "--since", str(run / "mask_rcnn_tiny_0001.h5")]) == 0
    assert "learning.png" in names_in(tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["a.png", "--image", "1"], "give either PHOTO or --image, not both"),
        (["a.png", "--since", "b.h5"], "--since compares weights: leave out PHOTO and --image"),
        (["--out", __file__], f"--out must be a folder, but {__file__} is a file"),
    ],
)
def test_bad_arguments(words, fault, capsys):
    with pytest.raises(SystemExit) as exit:
        inspect.main(words)
    assert exit.value.code == 2
    assert fault in capsys.readouterr().err


@pytest.mark.parametrize("script", ["inspect", "train", "check_data"])
def test_the_script_hides_no_module_of_python(script):
    """scripts/inspect.py has the name of a module that half of Python imports."""
    program = f"import sys, runpy; sys.argv = ['{script}', '--help']; sys.path.insert(0, 'scripts')\n"
    program += f"try: runpy.run_path('scripts/{script}.py', run_name='__main__')\nexcept SystemExit: pass\n"
    program += "import inspect; print(inspect.signature(print) and inspect.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.splitlines()[-1]).parent.name != "scripts"
    shown = subprocess.run(
        [sys.executable, f"scripts/{script}.py", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("usage: ")
