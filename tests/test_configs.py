"""Every config that comes with the code can be loaded, trained and started as its first line says."""

import shlex
from pathlib import Path

import pytest

from mrcnn.training.stages import check_for_training
from pumpkin.commands import train
from pumpkin.config import load_config
from pumpkin.initial_weights import SPECIAL_WEIGHTS

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
PATHS = sorted(CONFIGS.glob("*.yaml"))


def test_those_promised_are_there():
    promised = {"demo.yaml", "nuclei.yaml", "photos.yaml", "photos_small.yaml", "pumpkin.yaml"}
    assert promised <= {path.name for path in PATHS}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_config_is_sound(path):
    config = load_config(path)
    check_for_training(config)
    assert path.stem == config.NAME
    assert len(config.RPN_ANCHOR_SCALES) == len(config.BACKBONE_STRIDES)
    assert config.IMAGE_SHAPE[0] % 64 == 0
    assert config.POST_NMS_ROIS_TRAINING >= config.TRAIN_ROIS_PER_IMAGE
    assert config.DETECTION_MAX_INSTANCES <= config.POST_NMS_ROIS_INFERENCE


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_config_opens_with_its_command(path):
    comments = [
        line for line in path.read_text().splitlines() if line.startswith("# python scripts/train.py")
    ]
    (command,) = comments
    words = shlex.split(command.removeprefix("# python scripts/train.py"))
    args = train.parse(words)
    assert args.config == f"configs/{path.name}"
    assert args.weights in SPECIAL_WEIGHTS


def test_pumpkins_start_with_their_heads():
    config = load_config(CONFIGS / "pumpkin.yaml")
    assert (config.BACKBONE, config.CLASSES, config.AUGMENTATION) == ("resnet101", ("Pumpkin",), "light")
    assert [tuple(stage.values()) for stage in config.STAGES] == [("heads", 20, 1e-3), ("all", 20, 1e-4)]
