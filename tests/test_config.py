"""Config: derived values, overrides from YAML, and errors that name the nearest setting."""

import numpy as np
import pytest

from mrcnn.config import Config, ConfigError


class Small(Config):
    NAME = "small"
    NUM_CLASSES = 3
    IMAGES_PER_GPU = 4
    IMAGE_MAX_DIM = 256
    GT_CACHE = True  # a setting of the program's own


def test_derived_values_follow_overrides():
    config = Small()
    assert (config.BATCH_SIZE, config.IMAGE_META_SIZE) == (4, 15)
    np.testing.assert_array_equal(config.IMAGE_SHAPE, [256, 256, 3])
    config.update({"NUM_CLASSES": 5, "IMAGE_RESIZE_MODE": "crop", "IMAGE_MIN_DIM": 128})
    assert config.IMAGE_META_SIZE == 17
    np.testing.assert_array_equal(config.IMAGE_SHAPE, [128, 128, 3])


def test_own_names_of_a_subclass_are_kept():
    assert Small().to_dict()["GT_CACHE"] is True


def test_a_misspelt_override_warns_with_the_nearest_name():
    class Misspelt(Config):
        DETECTION_MIN_CONFIDENSE = 0.9

    with pytest.warns(UserWarning, match="did you mean DETECTION_MIN_CONFIDENCE"):
        Misspelt()


def test_yaml_overrides(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("IMAGE_MAX_DIM: 512\nRPN_ANCHOR_SCALES: [8, 16, 32, 64, 128]\nMEAN_PIXEL: [1, 2, 3]\n"
                    "LOSS_WEIGHTS: {mrcnn_mask_loss: 2.0, edge_loss: 0.5}\n"
                    "STEPS_PER_EPOCH: null\n")  # fmt: skip
    config = Config.from_yaml(path, IMAGE_MIN_DIM=256)
    assert (config.IMAGE_MAX_DIM, config.IMAGE_MIN_DIM, config.STEPS_PER_EPOCH) == (512, 256, None)
    assert config.RPN_ANCHOR_SCALES == (8, 16, 32, 64, 128)
    assert config.MEAN_PIXEL.dtype == float
    assert config.LOSS_WEIGHTS["mrcnn_mask_loss"] == 2.0
    assert config.LOSS_WEIGHTS["rpn_bbox_loss"] == 1.0
    assert config.LOSS_WEIGHTS["edge_loss"] == 0.5  # whether there is such a loss, the network knows
    assert Config.LOSS_WEIGHTS["mrcnn_mask_loss"] == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("IMAGE_MAX_DIMS: 512", "unknown setting 'IMAGE_MAX_DIMS'; the nearest known one is IMAGE_MAX_DIM"),
        ("IMAGE_MAX_DIM: big", "IMAGE_MAX_DIM must be a whole number from 64 to 65,536, got 'big'"),
        ("DETECTION_NMS: soft", "DETECTION_NMS must be one of hard, soft_linear, soft_gaussian, got 'soft'"),
        ("USE_MINI_MASK: 1", "USE_MINI_MASK must be true or false"),
        (
            "MEAN_PIXEL: [1, 2]",
            "MEAN_PIXEL must have a number for each channel, 3 by IMAGE_CHANNEL_COUNT, got [1",
        ),
        ("LOSS_WEIGHTS: {edge_loss: -1}", "LOSS_WEIGHTS must"),
        ("LOSS_WEIGHTS: {mask: 1}", "LOSS_WEIGHTS must be a mapping of rpn_class_loss, "),
        ("- 1", "expected lines of NAME: value"),
        ("a: [", "is not YAML"),
    ],
)
def test_bad_yaml_names_the_file_and_the_fault(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml") as caught:
        Config.from_yaml(path)
    assert message in str(caught.value)


def test_plain_values_survive_yaml(tmp_path):
    import yaml

    path = tmp_path / "full.yaml"
    path.write_text(yaml.safe_dump(Small().to_plain()))
    again = Small.from_yaml(path)
    assert again.to_plain() == Small().to_plain()


def test_functions_are_plain_by_their_names():
    class Own(Config):
        BACKBONE = staticmethod(test_plain_values_survive_yaml)

    assert Own().to_plain()["BACKBONE"].endswith("test_config.test_plain_values_survive_yaml")


def test_an_augmentation_is_a_name_or_a_mapping(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("AUGMENTATION: {preset: strong, rotation: 45, scale: [0.5, 2]}")
    config = Config.from_yaml(path)
    assert config.AUGMENTATION == {"preset": "strong", "rotation": 45, "scale": [0.5, 2]}
    config.update({"AUGMENTATION": {"blur": 1.0}})
    assert config.AUGMENTATION == {"blur": 1.0}  # not mixed with the one before
    config.update({"AUGMENTATION": "light"})
    assert config.AUGMENTATION == "light"
    with pytest.raises(ConfigError, match="AUGMENTATION must be a preset's name or a mapping, got 3"):
        config.update({"AUGMENTATION": 3})
