"""What all commands say: paths that cannot be, letters that a screen lacks, control characters in names."""

import io
import os
import sys

import numpy as np
import pytest
from PIL import Image

from pumpkin.__main__ import COMMANDS, main

LONG = "a" * 300  # longer than a file's name may be


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.png"
    Image.new("RGB", (8, 8)).save(path)
    return str(path)


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("detect {long}", 1, "detect: {long}: file name too long.\n"),
        ("detect {image} --weights {long}", 1, "detect: {long}: there is no such weights file.\n"),
        ("detect {image} --weights {image} --out {long}", 1, "detect: {long}: file name too long.\n"),
        ("evaluate --weights {long}", 1, "evaluate: {long}: there is no such weights file.\n"),
        ("check --dataset {long}", 1, "check: {long}: file name too long.\n"),
        ("convert {long} x --to coco", 1, "convert: {long}: file name too long.\n"),
        ("train --resume {long}", 1, "train: {long}: file name too long.\n"),
        ("train --weights none --config {long}", 1, "train: {long}: file name too long.\n"),
        ("synthetic --out {long} --train 1", 2, "synthetic: {long}: file name too long.\n"),
        ("download --dataset {long} --offline", 1, "download: {long}: file name too long.\n"),
        ("download --lock-out {long}/a --offline", 1, "download: {long}/a: file name too long.\n"),
    ],
)  # fmt: skip
def test_names_that_cannot_be(image, capsys, words, status, told):
    places = {"image": image, "long": LONG}
    assert main(words.format(**places).split()) == status
    assert capsys.readouterr().err == told.format(**places)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_needs_no_letters_beyond_ascii(capsys, name):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.isascii()


def write_masks(root, name):
    """A data set of one class, each split with one image."""
    pixels = np.zeros((40, 40), np.uint8)
    pixels[10:30, 10:30] = 255
    for number, split in enumerate(("train", "val")):
        folder = root / split / name
        (folder / "masks").mkdir(parents=True)
        Image.new("RGB", (40, 40), (90 * number, 50, 9)).save(folder / f"{split}.png")
        Image.fromarray(pixels).save(folder / "masks" / f"{split}_1.png")


def test_a_class_of_another_alphabet_on_an_ascii_screen(tmp_path, monkeypatch):
    write_masks(tmp_path, "\u5357\u74dc")
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    assert main(["check", "--dataset", str(tmp_path)]) == 0
    assert rb"\u5357\u74dc" in screen.buffer.getvalue()


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
def test_names_by_an_attacker(tmp_path, capsys):
    write_masks(tmp_path, "a\x1b[2J\nFine to train on.")
    assert main(["check", "--dataset", str(tmp_path)]) == 1
    classes = capsys.readouterr()
    assert r"class a\x1b[2J\nFine to train on." in classes.out
    write_masks(tmp_path / "set", "fig")
    (tmp_path / "set/train/fig/b\x1b[2J\nFine to train on..png").write_bytes(b"no image")
    assert main(["check", "--dataset", str(tmp_path / "set")]) == 3
    images = capsys.readouterr()
    assert r"b\x1b[2J\nFine to train on..png" in images.out
    for text in (*classes, *images):
        assert all(line.isprintable() for line in text.splitlines())
