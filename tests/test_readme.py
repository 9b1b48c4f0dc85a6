"""Every command of the README is run by a test or marked there as needing more than a test has."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pumpkin.commands import demo

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# The settings of a network so small that its training is a matter of seconds.
TINY = [
    "STAGES=[{layers: all, epochs: 1, learning_rate: 0.001}]", "IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64",
    "IMAGES_PER_GPU=2", "STEPS_PER_EPOCH=2", "TOP_DOWN_PYRAMID_SIZE=16", "RPN_CHANNELS=16",
    "FPN_CLASSIF_FC_LAYERS_SIZE=16", "MASK_HEAD_CHANNELS=8", "TRAIN_ROIS_PER_IMAGE=8",
]  # fmt: skip

PREVIEW = (
    "python scripts/train.py --preview preview.png --preview-presets presets.png --weights coco "
    "--dataset photos"
)
MINUTES = (
    "python scripts/train.py --weights imagenet --config configs/photos_small.yaml --dataset photos "
    "--minutes 30"
)
OWN = "tests/commands/test_readme_data.py, with random weights"
# The README's commands, and the test that runs each of them, beside those below.
COMMANDS = {
    "make demo": "test_the_demo_runs",
    "make test": "this test run",
    "python3 -m venv .venv": "the Makefile",
    ".venv/bin/python -m pip install -r requirements.txt": "the Makefile",
    ".venv/bin/python scripts/demo.py": "test_the_demo_runs",
    ".venv/bin/python -m pip install -r requirements-dev.txt": "the Makefile",
    ".venv/bin/python -m pytest": "this test run",
    "python -m pumpkin.synthetic --out data/pumpkin --train 200 --val 40 --seed 7": "test_the_demo_runs",
    "python scripts/download.py --classes Pumpkin --dataset data/pumpkin": "needs the network",
    "python scripts/train.py --weights coco --config configs/pumpkin.yaml": "needs the network",
    "python scripts/train.py --weights none --config configs/demo.yaml --dataset data/pumpkin": (
        "test_the_demo_runs"
    ),
    "python scripts/check_data.py --dataset data/pumpkin --sheet sheet.png": ("tests/commands/test_check.py"),
    "python scripts/check_data.py --dataset photos --sheet sheet.png": "tests/commands/test_check.py",
    "python scripts/train.py --weights coco --dataset coco.json --images photos": OWN,
    "python scripts/train.py --weights coco --dataset roboflow": OWN,
    "python scripts/train.py --weights coco --dataset via_project.json": OWN,
    "python scripts/train.py --weights coco --dataset labelme": OWN,
    "python scripts/train.py --weights coco --dataset yolo/data.yaml": OWN,
    "python scripts/train.py --weights coco --dataset masks": OWN,
    "python scripts/train.py --weights coco --dataset cells": OWN,
    "python scripts/train.py --weights coco --dataset label_maps": OWN,
    "python scripts/train.py --weights coco --dataset VOC2012": OWN,
    MINUTES: "tests/commands/test_train_minutes.py, with random weights",
    PREVIEW: "tests/datasets/test_preview.py",
    "python scripts/train.py --resume last": "tests/commands/test_train.py",
    "python scripts/train.py --resume last --epochs 90": "tests/commands/test_train.py",
    "python scripts/train.py --reproduce last": "tests/commands/test_train.py",
    "python scripts/evaluate.py --weights last --dataset data/pumpkin --report report": (
        "tests/commands/test_evaluate.py"
    ),
    "python scripts/evaluate.py --weights last --dataset data/pumpkin --clumps": (
        "tests/commands/test_evaluate.py"
    ),
    "python scripts/compare.py runs/first runs/second --report comparison": "tests/commands/test_compare.py",
    "python scripts/compare.py --list": "tests/commands/test_compare.py",
    "python -m mrcnn.legacy balloon.py train --dataset=../../datasets/balloon --weights=coco": (
        "tests/programs/test_programs.py, with leaves for balloons"
    ),
    "python scripts/detect.py photos/ --weights last --out detections": "test_the_demo_runs",
    "python scripts/detect.py clip.mp4 --every 5": "tests/commands/test_detect.py",
    "python scripts/detect.py photos/ --recursive --save overlay,coco,labelme --out results": (
        "tests/commands/test_detect.py"
    ),
    "python scripts/inspect.py photos/a.jpg --weights last": "tests/commands/test_inspect.py",
}


def fenced(language):
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return [text for kind, text in blocks if kind == language]


def commands_in_readme():
    lines = [line.split("  #")[0].strip() for block in fenced("") for line in block.splitlines()]
    return [line for line in lines if re.match(r"(\.venv/bin/)?(make|python3?)\b", line)]


def test_every_command_is_accounted_for():
    assert sorted(set(commands_in_readme())) == sorted(COMMANDS)


def test_what_needs_the_network_says_so():
    for command, how in COMMANDS.items():
        if how == "needs the network":
            before = README[: README.index(command)]
            assert "needs the network" in before[-500:], command


@pytest.mark.parametrize("command", [command for command in COMMANDS if "scripts/" in command])
def test_options_in_the_readme_exist(command):
    words = shlex.split(command)
    script = next(word for word in words if word.startswith("scripts/"))
    text = subprocess.run(
        [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for option in (word for word in words if word.startswith("--")):
        assert option in text.stdout


def test_files_in_the_readme_exist():
    linked = re.findall(r"\]\(([\w./-]+)[)#]", README)
    named = re.findall(r"(?:scripts|configs)/\w+\.\w+", README)
    for name in {*linked, *named}:
        assert (ROOT / name).exists(), name


def test_python_in_the_readme_is_valid():
    blocks = fenced("python")
    assert len(blocks) == 2  # the first is run by tests/test_predictor.py
    for block in blocks:
        compile(block, "README.md", "exec")


def test_the_picture_is_small():
    assert 0 < (ROOT / "docs" / "images" / "pumpkins.png").stat().st_size < 300_000


def test_the_commands_of_the_demo_fit_together(tmp_path):
    args = demo.parse(["--out", str(tmp_path), "--train", "4", "--val", "3", "--set", *TINY])
    scene = tmp_path / "scenes" / "val" / "pumpkin" / "scene.jpg"  # for detect, which looks for its images
    scene.parent.mkdir(parents=True)
    scene.touch()
    parsed = {}
    for name, *words in demo.commands(args):
        parsed[name] = importlib.import_module(f"pumpkin.commands.{name}").parse(words)
    assert list(parsed) == ["synthetic", "train", "evaluate", "detect"]
    assert (parsed["train"].weights, parsed["train"].set) == ("none", TINY)
    assert parsed["synthetic"].out == parsed["train"].dataset == parsed["evaluate"].dataset
    assert parsed["train"].out == parsed["evaluate"].runs == parsed["detect"].runs == str(tmp_path / "runs")


@pytest.mark.slow
def test_the_demo_runs(tmp_path):
    """The README's main command on a few scenes: render, train, evaluate, detect."""
    command = [sys.executable, "scripts/demo.py", "--out", str(tmp_path), "--train", "4", "--val", "3"]
    run = subprocess.run([*command, "--set", *TINY], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert (tmp_path / "pumpkins.png").stat().st_size > 10_000
    (weights,) = tmp_path.glob("runs/demo*/mask_rcnn_demo_0001.h5")
    assert (weights.parent / "evaluation_val.json").exists()
    assert len(list((tmp_path / "detections").glob("*.png"))) == 3
    for said in ("Data: 4 images to train on, 3 to validate on", "AP50", "Done in"):
        assert said in run.stdout


def test_links_of_the_other_pages_exist():
    for page in ("CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        named = re.findall(r"\]\(([\w./-]+)\)", text) + re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", text)
        assert named
        for name in named:
            assert (ROOT / name).exists(), f"{page}: {name}"


def test_contributing_names_targets_of_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(
        r"^make ([\w-]+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(targets) == 4
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
