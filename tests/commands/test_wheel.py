"""The built wheel, installed into a fresh environment, from an empty folder outside of the clone.

Needs no network: the new environment sees the packages of the one that runs the tests, but not the clone.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("mrcnn", "pumpkin", "configs", "pyproject.toml", "setup.py", "README.md", "LICENSE")
TINY = [
    "STAGES=[{layers: all, epochs: 1, learning_rate: 0.001}]", "IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64",
    "IMAGES_PER_GPU=2", "STEPS_PER_EPOCH=2", "TOP_DOWN_PYRAMID_SIZE=16", "RPN_CHANNELS=16",
    "FPN_CLASSIF_FC_LAYERS_SIZE=16", "MASK_HEAD_CHANNELS=8", "TRAIN_ROIS_PER_IMAGE=8",
]  # fmt: skip

pytestmark = pytest.mark.slow


def run(*words, cwd):
    """A finished process that knows nothing of the clone."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([*map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The path of a wheel, built from a copy so that the clone stays clean."""
    folder = tmp_path_factory.mktemp("build")
    (folder / "copy").mkdir()
    for name in SOURCES:
        source, target = ROOT / name, folder / "copy" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, folder / "copy"]
    done = run(sys.executable, "-m", "pip", *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def mrcnn(wheel, tmp_path_factory):
    """A function that runs the installed ``mrcnn`` in an empty folder; its ``folder`` is that folder."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, symlinks=os.name != "nt")
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    paths = {"base": str(home), "platbase": str(home)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    (site / "of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = scripts / Path(sys.executable).name
    if not python.exists():
        python = scripts / "python"
    done = run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index",
        "--force-reinstall", wheel, cwd=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path_factory.mktemp("empty")

    def call(*words):
        done = run(scripts / "mrcnn", *words, cwd=folder)
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    call.folder, call.python = folder, python
    return call


def test_the_package_is_the_wheels(mrcnn):
    script = "import mrcnn, pumpkin, os; print(os.path.dirname(mrcnn.__file__)); print(mrcnn.__version__)"
    done = run(mrcnn.python, "-c", script, cwd=mrcnn.folder)
    where, version = done.stdout.split()
    assert Path(where).parent == next(Path(where).parents[1].glob("site-packages")), done.stderr
    assert not Path(where).is_relative_to(ROOT)
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()
    assert (Path(where) / "py.typed").is_file() and (Path(where).parent / "pumpkin/py.typed").is_file()
    assert mrcnn("--version") == f"mrcnn {version}\n"


def test_every_command_has_its_help(mrcnn):
    for name in ("train", "detect", "evaluate", "compare", "download", "check", "synthetic", "demo"):
        assert mrcnn(name, "--help").startswith(f"usage: mrcnn {name} ")


def test_the_demo_renders_trains_evaluates_and_detects(mrcnn):
    """By the command's own name, as a user would type each step, with a packaged config."""
    said = mrcnn("demo", "--train", "4", "--val", "3", "--set", *TINY)
    for step in ("synthetic --out demo/scenes", "train --weights none --config demo", "evaluate", "detect"):
        assert f"\n$ mrcnn {step}" in said
    out = mrcnn.folder / "demo"
    (weights,) = out.glob("runs/demo*/mask_rcnn_demo_0001.h5")
    scores = json.loads((weights.parent / "evaluation_val.json").read_text())
    assert scores["images"] == 3
    assert len(json.loads((out / "detections/detections.json").read_text())) == 3
    assert (out / "pumpkins.png").stat().st_size > 10_000
    assert sorted(path.name for path in mrcnn.folder.iterdir()) == ["demo"]
