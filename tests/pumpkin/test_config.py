"""The application's config and its NAME=VALUE settings."""

import pytest
import yaml

from mrcnn.config import ConfigError
from pumpkin.config import PumpkinConfig, load_config


def test_classes_decide_the_class_count():
    config = PumpkinConfig()
    assert (config.CLASSES, config.NUM_CLASSES, config.DATASET) == (("Pumpkin",), 2, "data/pumpkin")
    config.update({"CLASSES": ["Pumpkin", "Squash", "Apple"]})
    assert config.NUM_CLASSES == 4
    assert config.IMAGE_META_SIZE == 12 + 4


def test_settings_stand_above_the_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("NAME: own\nCLASSES: [Dog, Cat]\nLEARNING_MOMENTUM: 0.8\n")
    config = load_config(path, ["LEARNING_MOMENTUM=0.7", "STEPS_PER_EPOCH=5", "CLASSES=[Fox]"])
    assert (config.NAME, config.LEARNING_MOMENTUM, config.STEPS_PER_EPOCH) == ("own", 0.7, 5)
    assert (config.CLASSES, config.NUM_CLASSES) == (("Fox",), 2)
    assert load_config().NAME == "pumpkin"


def test_values_are_yaml():
    config = load_config(settings=["NAME=a=b", "TRAIN_BN=null", "LOSS_WEIGHTS={rpn_class_loss: 2}"])
    assert (config.NAME, config.TRAIN_BN) == ("a=b", None)
    assert config.LOSS_WEIGHTS["rpn_class_loss"] == 2
    assert config.LOSS_WEIGHTS["mrcnn_mask_loss"] == 1.0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("SEED", "expected NAME=VALUE, got 'SEED'"),
        ("SEED=[1", r"SEED, line 1: is not YAML: .* Got '\[1'"),
        ("SEDE=1", "unknown setting 'SEDE'; the nearest known one is SEED"),
        ("CLASES=[Dog]", "the nearest known one is CLASSES"),
        ("SEED=many", "SEED must be a whole number from 0 to 2,147,483,646, got 'many'"),
        ("NUM_CLASSES=5", "NUM_CLASSES follows from CLASSES"),
        ("CLASSES=[]", r"CLASSES must be a list of one or more, each a name, got \[\]"),
        ("CLASSES=[Dog, 3]", r"CLASSES must be a list of one or more, each a name, got .*3"),
    ],
)
def test_bad_settings_are_named(setting, message):
    with pytest.raises(ConfigError, match=message):
        load_config(settings=[setting])


def test_the_config_of_a_run_can_be_used_again(tmp_path):
    config = load_config(settings=["CLASSES=[Dog, Cat]", "SEED=4"])
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.to_plain()))
    assert load_config(tmp_path / "config.yaml").to_plain() == config.to_plain()
