"""Whole runs of a tiny network: what they measure and say on the way, averages, and how they fail."""

import csv
import json
import math
import re

import numpy as np
import pytest
from PIL import Image

from mrcnn.evaluation import coco
from mrcnn.model import MaskRCNN
from mrcnn.training import driver
from mrcnn.training.data import TrainingData
from mrcnn.training.errors import NonFiniteLoss, OutOfMemory
from mrcnn.training.run import Run, checkpoints
from mrcnn.weights import named
from tests.scenes import Rectangles
from tests.tiny import Tiny

pytestmark = pytest.mark.slow  # whole runs of many epochs


def tiny(**settings):
    config = Tiny()
    config.update({
        "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64, "MINI_MASK_SHAPE": [28, 28], "TRAIN_ROIS_PER_IMAGE": 8,
        "POST_NMS_ROIS_TRAINING": 20, "STEPS_PER_EPOCH": None, "VALIDATION_STEPS": None, **settings,
    })  # fmt: skip
    return config


def stages(epochs, learning_rate):
    return [{"layers": "all", "epochs": epochs, "learning_rate": learning_rate}]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with everything at once: float16, averages, accumulation, AP, patience."""
    config = tiny(
        PRECISION="mixed_float16", GRADIENT_ACCUMULATION=2, EMA_MOMENTUM=0.5, GRADIENT_CLIP_BY="global",
        GRADIENT_CLIP_NORM=1.0, LEARNING_RATE_SCHEDULE="steps", AP_EVERY=2, BEST_BY="mask_ap", PATIENCE=2,
    )  # fmt: skip
    model = MaskRCNN("training", config, "runs")
    run, lines = Run(tmp_path_factory.mktemp("runs"), config), []
    val = Rectangles([2, 1])
    data = TrainingData(Rectangles([2, 1, 1, 2]), val)
    last = driver.train(model, data, run, stages=stages(9, 0.02), report=lines.append)
    with open(run.folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {"model": model, "run": run, "lines": lines, "val": val, "last": last, "rows": rows}


def test_losses_go_down_in_float16(trained):
    losses = [float(row["loss"]) for row in trained["rows"]]
    assert all(math.isfinite(loss) for loss in losses)
    assert min(losses[1:]) < 0.9 * losses[0]
    scaler = trained["model"].keras_model.optimizer
    assert float(np.asarray(scaler.dynamic_scale)) >= 1


def test_ap_is_measured_as_afterwards(trained):
    measured = {int(row["epoch"]): row["val_mask_ap"] for row in trained["rows"]}
    assert [epoch for epoch, value in measured.items() if value] == [e for e in measured if e % 2 == 0]
    detector = MaskRCNN("inference", trained["model"].config, "runs")
    assert not detector.load_weights(trained["last"]).not_in_file
    detector.config.update({"DETECTION_MIN_CONFIDENCE": 0.05})
    scores = coco.evaluate(detector.detect, trained["val"], progress=False, batch_size=2)
    assert float(measured[max(measured)]) == pytest.approx(scores["segm"]["AP"], abs=1e-6)


def test_it_stops_by_patience_and_keeps_the_best(trained):
    measured = {int(r["epoch"]): float(r["val_mask_ap"]) for r in trained["rows"] if r["val_mask_ap"]}
    best = max(measured, key=lambda epoch: (measured[epoch], -epoch))
    done = len(trained["rows"])
    assert set(checkpoints(trained["run"].folder)) == {best, done}
    if done < 9:
        assert done - best == 2
        assert trained["lines"][-1].startswith(f"Stopped early: no better epoch since epoch {best}")


def test_checkpoints_and_the_model_have_the_averages(trained):
    model = trained["model"].keras_model
    other = MaskRCNN("training", tiny(), "runs").keras_model
    named.load(other, trained["last"], minimum_share=1)
    ours, theirs = (
        {tensor.name: tensor.numpy() for tensor in named.tensors_of(network)} for network in (model, other)
    )
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])
    inner = model.optimizer.inner_optimizer
    inner.swap()
    raw = {tensor.name: tensor.numpy() for tensor in named.tensors_of(model)}
    inner.swap()
    assert any((raw[name] != ours[name]).any() for name in raw)


def test_a_line_tells_ap_speed_and_memory(trained):
    lines = [line for line in trained["lines"] if line.startswith("epoch")]
    assert len(lines) == len(trained["rows"])
    assert re.search(r"validation \d+\.\d{3}  \d+\.\d\d images/s, .*GB, rate 0\.02, \d+ s, .* left", lines[0])
    assert re.search(r"  AP masks 0\.\d{3}, boxes 0\.\d{3}  \d+\.\d\d images/s", lines[1])
    for row in trained["rows"]:
        assert float(row["images_per_second"]) > 0 and float(row["peak_memory_gb"]) > 0.1


def test_curves_are_drawn(trained):
    with Image.open(trained["run"].folder / "curves.png") as picture:
        assert picture.size == (1400, 700)


@pytest.fixture(scope="module")
def astray(tmp_path_factory):
    """A run that fails: with a learning rate far too high."""
    config = tiny(GRADIENT_CLIP_NORM=None, STEPS_PER_EPOCH=6)
    model = MaskRCNN("training", config, "runs")
    run = Run(tmp_path_factory.mktemp("runs"), config)
    start = {tensor.name: tensor.numpy() for tensor in named.tensors_of(model.keras_model)}
    with pytest.raises(NonFiniteLoss) as caught:
        driver.train(
            model, TrainingData(Rectangles([2, 1])), run, stages=stages(2, 1000), report=lambda line: None
        )
    return {"model": model, "run": run, "start": start, "error": caught.value}


def test_a_run_gone_astray_says_why(astray):
    record = json.loads((astray["run"].folder / "failure.json").read_text())
    assert str(astray["error"]).count("Likely cause: ") == 1
    assert "learning rate of 1e+03" in str(astray["error"])
    assert record["epoch"] == astray["error"].epoch <= 3
    assert record["learning_rate"] == pytest.approx(1000, rel=1e-6)


def test_the_good_weights_come_back(astray):
    kept = checkpoints(astray["run"].folder)
    assert all(epoch < astray["error"].epoch for epoch in kept)
    if not kept:
        for tensor in named.tensors_of(astray["model"].keras_model):
            np.testing.assert_array_equal(tensor.numpy(), astray["start"][tensor.name])


def test_too_little_memory_names_settings(trained, tmp_path, monkeypatch):
    class ResourceExhaustedError(Exception):
        """As TensorFlow's."""

    def fit(*args, **kwargs):
        raise ResourceExhaustedError("OOM when allocating tensor")

    model = trained["model"]
    monkeypatch.setattr(model.keras_model, "fit", fit)
    with pytest.raises(OutOfMemory, match=r"IMAGES_PER_GPU \(2\)"):
        driver.train(
            model, TrainingData(Rectangles([1])), Run(tmp_path, model.config),
            stages=stages(1, 0.1), report=lambda line: None,
        )  # fmt: skip
