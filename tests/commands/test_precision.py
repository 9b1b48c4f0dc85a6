"""--precision of scripts/train.py and scripts/detect.py, and what too little memory ends with."""

import json

import numpy as np
import pytest
from PIL import Image

from mrcnn.training.errors import OutOfMemory
from pumpkin import jobs, models, training
from pumpkin.commands import detect, train
from tests.sooner import eagerly
from tests.tiny import picture


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "float32"),
        (["--precision", "bf16"], "mixed_bfloat16"),
        (["--precision", "fp16"], "mixed_float16"),
        (["--precision", "fp32", "--set", "PRECISION=mixed_float16"], "float32"),
    ],
)
def test_training_in_a_precision(words, expected):
    job = jobs.new_job(train.parse(["--weights", "none", *words]))
    precision = job.config.PRECISION
    assert precision == expected


def test_a_run_that_goes_on_keeps_its_precision(capsys):
    with pytest.raises(SystemExit):
        train.parse(["--resume", "last", "--precision", "bf16"])
    assert "--precision is for new runs" in capsys.readouterr().err


def test_detection_in_bfloat16_finds_nearly_the_same(tiny_weights, tmp_path, monkeypatch):
    Image.fromarray(picture(100, 120)).save(tmp_path / "a.png")
    built, build = [], models.open_model

    def open_model(path, config):
        built.append(build(path, config))
        return built[-1]

    monkeypatch.setattr(models, "open_model", open_model)
    scores = {}
    for name in ("fp32", "bf16"):
        words = [str(tmp_path / "a.png"), "--weights", str(tiny_weights), "--out", str(tmp_path / name)]
        with eagerly():
            assert detect.main([*words, "--precision", name]) == 0
        (record,) = json.loads((tmp_path / name / "detections.json").read_text())
        scores[name] = [found["score"] for found in record["detections"]]
    policies = [model.keras_model.get_layer("mrcnn_class_conv1").dtype_policy.name for model in built]
    assert policies == ["float32", "mixed_bfloat16"]
    assert len(scores["fp32"]) > 0
    np.testing.assert_allclose(scores["bf16"][:3], scores["fp32"][:3], rtol=0.02)


def test_too_little_memory_has_an_exit_code_of_its_own(monkeypatch, capsys):
    def train_steps(job, log):
        raise OutOfMemory("There is too little memory for a step.")

    monkeypatch.setattr(training, "train", train_steps)
    assert train.main(["--weights", "none"]) == 5
    assert capsys.readouterr().err == "train: There is too little memory for a step.\n"
