"""The commands on a system without POSIX: Windows has none of these modules and calls."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenes import write_dataset

ROOT = Path(__file__).resolve().parents[2]
POSIX = ("fcntl", "resource", "pwd", "grp", "termios", "posix", "pty")

# Our code finds none of the modules and calls; other packages ask the system's name themselves.
WITHOUT_POSIX = f"""
import builtins, fcntl, os, sys
real_import, real_open, real_fsync = builtins.__import__, os.open, os.fsync
def ours(globals):
    return str((globals or {{}}).get("__name__", "")).startswith(("mrcnn", "pumpkin"))
def without(name, globals=None, *rest, **options):
    if name in {POSIX} and ours(globals):
        raise ImportError("Windows has no " + name)
    return real_import(name, globals, *rest, **options)
def open_file(path, *rest, **options):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return real_open(path, *rest, **options)
def fsync(handle):
    if fcntl.fcntl(handle, fcntl.F_GETFL) & 3 == os.O_RDONLY:
        raise OSError(9, "Bad file descriptor")
    real_fsync(handle)
builtins.__import__, os.open, os.fsync = without, open_file, fsync
for name in ("sched_getaffinity", "geteuid", "killpg"):
    delattr(os, name)
from pumpkin.__main__ import main
sys.exit(main())
"""
TINY = [
    "STAGES=[{layers: all, epochs: 1, learning_rate: 0.001}]", "BACKBONE=light", "IMAGE_MIN_DIM=64",
    "IMAGE_MAX_DIM=64", "RPN_ANCHOR_SCALES=[8, 16, 32, 48, 64]", "IMAGES_PER_GPU=2", "STEPS_PER_EPOCH=1",
    "VALIDATION_STEPS=1", "TOP_DOWN_PYRAMID_SIZE=16", "RPN_CHANNELS=16", "FPN_CLASSIF_FC_LAYERS_SIZE=16",
    "MASK_HEAD_CHANNELS=8", "TRAIN_ROIS_PER_IMAGE=8", "AP_EVERY=0",
]  # fmt: skip


def imports_at_the_top(path):
    """The modules that a file imports unconditionally: not within try, with, if or a function."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_no_file_needs_a_posix_module():
    paths = [path for package in ("mrcnn", "pumpkin", "scripts") for path in (ROOT / package).rglob("*.py")]
    assert len(paths) > 100
    needing = {str(path): set(POSIX) & set(imports_at_the_top(path)) for path in paths}
    assert {path: found for path, found in needing.items() if found} == {}


def run(*words, cwd):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX, *map(str, words)],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip


def test_scenes_are_rendered_and_checked_without_posix(tmp_path):
    done = run(
        "synthetic", "--out", "scenes", "--train", 1, "--val", 1, "--size", 64, "--workers", 1, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    done = run("check", "--dataset", "scenes", "--set", *TINY, cwd=tmp_path)
    assert done.returncode in (0, 3) and "Traceback" not in done.stderr, done.stderr
    assert "train" in done.stdout


@pytest.mark.slow
def test_a_training_without_posix(tmp_path):
    write_dataset(tmp_path / "data")
    done = run("train", "--weights", "none", "--dataset", "data", "--no-report", "--set", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("runs/*/mask_rcnn_*_0001.h5"))) == 1
