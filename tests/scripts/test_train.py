"""scripts/train.py from the command line's words to a run's folder, and every mistake a user may make."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from mrcnn import weights
from mrcnn.model import MaskRCNN
from mrcnn.training import callbacks
from mrcnn.training.run import checkpoints
from pumpkin import train as steps
from pumpkin.config import load_config
from scripts import train
from tests.scenes import rectangles, write_dataset, write_image

ROOT = Path(train.__file__).resolve().parents[1]
TINY = {
    "NAME": "tiny", "BACKBONE": "light", "TRAIN_BN": None, "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64,
    "RPN_ANCHOR_SCALES": [8, 16, 32, 48, 64], "TOP_DOWN_PYRAMID_SIZE": 16, "RPN_CHANNELS": 16,
    "FPN_CLASSIF_FC_LAYERS_SIZE": 16, "MASK_HEAD_CHANNELS": 8, "PRE_NMS_LIMIT": 60,
    "POST_NMS_ROIS_TRAINING": 20, "POST_NMS_ROIS_INFERENCE": 10, "TRAIN_ROIS_PER_IMAGE": 8,
    "MAX_GT_INSTANCES": 3, "DETECTION_MAX_INSTANCES": 5, "AUGMENTATION": "light",
    "STAGES": [{"layers": "all", "epochs": 6, "learning_rate": 0.001}], "VALIDATION_STEPS": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("configs") / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"), train=3, val=1)


@pytest.fixture(scope="module")
def run(config, data, tmp_path_factory):
    """Calls main for two epochs in all; returns the run's folder."""

    def call(*words):
        out = tmp_path_factory.mktemp("runs")
        common = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--epochs", "2"]
        assert train.main([*common, "--out", str(out), *words]) == 0
        (folder,) = out.iterdir()
        return folder

    return call


@pytest.fixture(scope="module")
def first(run):
    return run("--seed", "3", "--set", "WORKERS=1")


def last_weights(folder):
    return checkpoints(folder)[2].read_bytes()


def test_a_run_leaves_everything_in_its_folder(first, data):
    assert {"config.yaml", "run.json", "train.log", "metrics.csv", "mask_rcnn_tiny_0002.h5"} <= {
        path.name for path in first.iterdir()
    }
    stored = yaml.safe_load((first / "config.yaml").read_text())
    assert (stored["SEED"], stored["DATASET"], stored["WORKERS"]) == (3, str(data), 1)
    assert [stage["epochs"] for stage in stored["STAGES"]] == [2]
    facts = json.loads((first / "run.json").read_text())
    assert (facts["seed"], facts["weights"]) == (3, "none")
    log = (first / "train.log").read_text().splitlines()
    assert log[0] == "Data: 3 images to train on, 1 to validate on"
    assert log[1] == "Weights: random, from the seed"
    assert log[2] == f"Run: {first}"
    assert [line.split()[:2] for line in log[3:5]] == [["epoch", "1/2"], ["epoch", "2/2"]]
    assert log[5:] == [f"Weights: {first / 'mask_rcnn_tiny_0002.h5'}"]


def test_the_seed_decides_the_weights_to_the_last_bit(first, run):
    assert last_weights(run("--seed", "3", "--set", "WORKERS=3")) == last_weights(first)
    assert last_weights(run("--seed", "4")) != last_weights(first)


def test_a_loss_that_explodes_ends_with_a_code_of_its_own(config, data, tmp_path, capsys):
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(tmp_path)]
    stages = "STAGES=[{layers: all, epochs: 2, learning_rate: 1.0e+30}]"
    assert train.main([*words, "--set", stages, "GRADIENT_CLIP_NORM=null"]) == 3
    message = capsys.readouterr().err
    assert message.startswith("train: The loss is no finite number in epoch ")
    assert "WARMUP_STEPS" in message
    (folder,) = tmp_path.iterdir()
    assert checkpoints(folder).keys() <= {1}


# --- Mistakes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--set", "IMAGE_MAX_DIMS=64"],
            "--set: unknown setting 'IMAGE_MAX_DIMS'; the nearest known one is IM",
        ),
        (["--set", "SEED"], "--set: expected NAME=VALUE, got 'SEED'"),
        (["--set", "SEED=x"], "SEED must be a whole number, got 'x'"),
        (["--set", "OPTIMIZER=adam"], "OPTIMIZER must be one of sgd, adamw, got 'adam'"),
        (["--set", "AUGMENTATION=heavy"], "Unknown augmentation 'heavy'"),
        (["--seed", "-1"], "SEED must be a whole number from 0, got -1"),
        (["--epochs", "0"], "0 epochs are too few: the config has 1 stage, each needs one"),
        (["--config", "gone.yaml"], "gone.yaml: cannot be read: No such file"),
        (
            ["--weights", "gone.h5"],
            "--weights gone.h5: there is no such file, and it is none of coco, imagenet",
        ),
        (["--weights", "last"], "no run here has a checkpoint yet"),
        (["--weights", "imagenet"], "no ImageNet weights for the backbone 'light'; use --weights none"),
    ],
)
def test_mistakes_are_one_sentence(config, data, tmp_path, capsys, words, message):
    common = [
        "--weights",
        "none",
        "--config",
        str(config),
        "--dataset",
        str(data),
        "--out",
        str(tmp_path / "runs"),
    ]
    assert train.main([*common, *words]) == 1
    error = capsys.readouterr().err
    assert error.startswith("train: ") and error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "runs").exists()


def test_a_bad_name_in_a_config_names_the_file_and_the_nearest(tmp_path, capsys):
    (tmp_path / "own.yaml").write_text("BACKBON: light\n")
    assert train.main(["--weights", "none", "--config", str(tmp_path / "own.yaml")]) == 1
    assert (
        "own.yaml: unknown setting 'BACKBON'; the nearest known one is BACKBONE." in capsys.readouterr().err
    )


def test_without_data_both_commands_that_make_some_are_named(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/train.py"), "--weights", "none"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("train: data/pumpkin: there is no such folder.")
    assert "`python scripts/download.py --classes Pumpkin --dataset data/pumpkin`" in done.stderr
    assert "`python -m pumpkin.synthetic --out data/pumpkin --train 200 --val 40`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_epochs_are_shared_among_the_stages():
    lines = []
    found = steps.settings(ROOT / "configs/pumpkin.yaml", [], epochs=4, report=lines.append)
    assert [stage["epochs"] for stage in found.STAGES] == [2, 2]
    assert lines == ["Epochs by stage: heads 2, all 2"]


def opened(config, root):
    lines = []
    settings = load_config(config, [f"DATASET={root}"])
    return steps.open_splits(settings, lines.append), lines


def test_no_validation_is_told_and_allowed(config, tmp_path):
    write_dataset(tmp_path, train=2, val=0)
    (dataset, validation), lines = opened(config, tmp_path)
    assert (dataset.num_images, validation) == (2, None)
    assert lines[0].startswith("No validation: ") and "no split 'val'; it holds train" in lines[0]
    assert lines[1] == "Data: 2 images to train on, 0 to validate on"


def test_data_without_an_instance_are_refused(config, tmp_path):
    image, _ = rectangles(64, 64, 1)
    write_image(tmp_path / "train/pumpkin", "a", image)
    with pytest.raises(ValueError, match="none of the 1 training images has an instance"):
        opened(config, tmp_path)


def test_an_unreadable_image_is_left_to_the_run(config, tmp_path):
    write_dataset(tmp_path, train=2, val=1)
    (tmp_path / "train/pumpkin/train00.png").write_text("no image")
    opened(config, tmp_path)
    (tmp_path / "train/pumpkin/train01.png").write_text("no image")
    with pytest.raises(ValueError, match=r"train00\.png: is no image"):
        opened(config, tmp_path)


def test_heads_of_another_class_count_start_anew_and_it_is_told(first, config):
    path = checkpoints(first)[2]
    settings = load_config(config, ["CLASSES=[Pumpkin, Squash]", "SEED=8"])
    model = MaskRCNN("training", settings, "runs")
    before = np.array(model.keras_model.get_layer("fpn_p2").weights[0])
    lines = []
    steps.load_start(model, str(path), path, lines.append)
    (line,) = lines
    assert line.startswith("Weights: mask_rcnn_tiny_0002.h5: loaded ")
    assert "mrcnn_class_logits (file: 2 classes, model: 3)" in line
    assert "so these layers start anew" in line
    after = np.array(model.keras_model.get_layer("fpn_p2").weights[0])
    stored = weights.read(path, [("fpn_p2", "fpn_p2", "kernel")])["fpn_p2/kernel"]
    np.testing.assert_array_equal(after, stored)
    assert (after != before).any()
    assert model.class_names is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["BACKBONE_WEIGHTS=a.h5"],
            "BACKBONE_WEIGHTS is for backbones of keras.applications, not for 'light'",
        ),
        (["BACKBONE=MobileNetV2", "BACKBONE_WEIGHTS=a.h5"], "BACKBONE_WEIGHTS a.h5: there is no such file"),
    ],
)
def test_backbone_weights_are_checked_before_anything_is_built(
    config, data, tmp_path, capsys, settings, message
):
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(tmp_path)]
    assert train.main([*words, "--set", *settings]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_interrupt_says_what_is_kept(config, data, tmp_path, capsys, monkeypatch):
    def interrupt(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(callbacks.StopAtNonFinite, "on_epoch_begin", interrupt)
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(tmp_path)]
    assert train.main([*words, "--epochs", "2"]) == 130
    (folder,) = tmp_path.iterdir()
    assert f"The last whole epoch is kept: {checkpoints(folder)[1]}" in capsys.readouterr().out
