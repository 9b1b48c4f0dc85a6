"""The default recipe: what is chosen for which facts, and the file that repeats it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml

from mrcnn.training.stages import check_for_training
from pumpkin import default_config, recipe_file
from pumpkin.config import PumpkinConfig, load_config
from pumpkin.recipe import Facts, choose
from tests.scenes import Rectangles

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
# Those of the data that the packaged configs were measured on, in round numbers.
NUCLEI = Facts(False, 160, 1, 76, 360, 256, (0.031, 0.0625, 0.13), "imagenet")
PUMPKINS = Facts(True, 400, 1, 12, 1024, 1024, (0.06, 0.2, 0.5), "coco")
SCENES = Facts(False, 400, 1, 10, 320, 320, (0.08, 0.2, 0.4), "none")


def values(facts, **fixed):
    return {name: choice.value for name, choice in choose(facts, fixed).items()}


def config_of(facts, **fixed):
    """A checked config with the recipe on top of what the user has named."""
    config = PumpkinConfig()
    config.update({**values(facts, **fixed), **fixed})
    check_for_training(config)
    return config


def packaged(name):
    return yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())


def test_small_nuclei_get_the_settings_that_were_measured():
    found, measured = values(NUCLEI), packaged("nuclei")
    same = (
        "BACKBONE", "TRAIN_BN", "IMAGE_RESIZE_MODE", "IMAGE_MIN_DIM", "IMAGE_MIN_SCALE", "IMAGE_MAX_DIM",
        "IMAGES_PER_GPU", "TOP_DOWN_PYRAMID_SIZE", "RPN_CHANNELS", "FPN_CLASSIF_FC_LAYERS_SIZE",
        "MASK_HEAD_CHANNELS", "RPN_ANCHOR_SCALES", "RPN_TRAIN_ANCHORS_PER_IMAGE", "PRE_NMS_LIMIT",
        "POST_NMS_ROIS_TRAINING", "POST_NMS_ROIS_INFERENCE", "TRAIN_ROIS_PER_IMAGE", "ROI_SAMPLING",
        "DETECTION_NMS", "DETECTION_BACKGROUND_WINS", "OPTIMIZER", "WEIGHT_DECAY", "LEARNING_RATE_SCHEDULE",
        "ROI_ALIGN", "BOX_LOSS_BETA",
    )  # fmt: skip
    assert {name: found[name] for name in same} == {name: measured[name] for name in same}
    assert (found["MAX_GT_INSTANCES"], found["DETECTION_MAX_INSTANCES"]) == (80, 120)
    assert found["STAGES"] == [{"layers": "all", "epochs": 25, "learning_rate": 0.001}]


def test_scenes_from_random_weights_get_those_of_the_demo():
    found, measured = values(SCENES), packaged("demo")
    differing = {
        "NAME", "MAX_GT_INSTANCES", "DETECTION_MAX_INSTANCES", "DETECTION_MIN_CONFIDENCE",
        "DETECTION_NMS", "DETECTION_NMS_THRESHOLD", "RPN_ANCHOR_SCALES",
    }  # fmt: skip
    same = (measured.keys() & found.keys()) - differing
    assert len(same) > 15
    assert {name: found[name] for name in same} == {name: measured[name] for name in same}
    assert found["RPN_ANCHOR_SCALES"] == [24, 48, 96, 192, 384]
    assert (found["MAX_GT_INSTANCES"], found["DETECTION_MAX_INSTANCES"]) == (10, 50)


def test_coco_weights_get_their_network_and_two_stages():
    found = values(PUMPKINS)
    assert found == {
        "BACKBONE": "resnet101", "IMAGE_MIN_DIM": 800, "IMAGE_MAX_DIM": 1024, "IMAGES_PER_GPU": 2,
        "RPN_ANCHOR_SCALES": [32, 64, 128, 256, 512], "MAX_GT_INSTANCES": 20, "DETECTION_MAX_INSTANCES": 50,
        "ROI_SAMPLING": "by_instance", "DETECTION_NMS": "soft_gaussian", "DETECTION_BACKGROUND_WINS": False,
        "STAGES": [
            {"layers": "heads", "epochs": 20, "learning_rate": 0.001},
            {"layers": "all", "epochs": 20, "learning_rate": 0.0001},
        ],
        "AUGMENTATION": "light",
    }  # fmt: skip
    slow = values(dataclasses.replace(PUMPKINS, accelerator=False))
    assert (slow["BACKBONE"], slow["IMAGE_MIN_DIM"], slow["IMAGE_MAX_DIM"]) == ("resnet101", 512, 512)
    assert [stage["epochs"] for stage in slow["STAGES"]] == [5, 5]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"weights": "imagenet"}, {"BACKBONE": "resnet50", "OPTIMIZER": "adamw", "IMAGE_MAX_DIM": 512}),
        ({"weights": "none", "classes": 60}, {"FPN_CLASSIF_FC_LAYERS_SIZE": 1024}),
        ({"sides": (0.02, 0.1, 0.3)}, {"RPN_ANCHOR_SCALES": [16, 32, 64, 128, 256]}),
        ({"weights": "none", "sides": (0.2, 0.4, 0.6)}, {"IMAGE_MAX_DIM": 320}),
        ({"weights": "none", "sides": (0.03, 0.1, 0.3)}, {"IMAGE_MAX_DIM": 1024}),
        ({"weights": "none", "sides": (0.01, 0.1, 0.3)}, {"IMAGE_MAX_DIM": 1024}),
        ({"instances": 3}, {"MAX_GT_INSTANCES": 10, "DETECTION_MAX_INSTANCES": 50}),
        ({"instances": 900}, {"MAX_GT_INSTANCES": 200, "DETECTION_MAX_INSTANCES": 1000}),
        ({"images": 1}, {"IMAGES_PER_GPU": 1}),
    ],
)
def test_the_facts_decide(changes, expected):
    found = values(dataclasses.replace(PUMPKINS, **changes))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(("images", "passes"), [(12, 40), (400, 40), (800, 20), (118_000, 10)])
def test_many_images_need_fewer_passes(images, passes):
    stages = values(dataclasses.replace(PUMPKINS, images=images))["STAGES"]
    assert sum(stage["epochs"] for stage in stages) == passes


def test_a_weights_file_decides_the_network():
    stored = config_of(SCENES).to_plain()
    found = values(dataclasses.replace(PUMPKINS, weights="file", stored=stored))
    for name in ("BACKBONE", "TRAIN_BN", "RPN_CHANNELS", "MASK_HEAD_CHANNELS", "MASK_SHAPE", "POOL_SIZE"):
        assert found[name] == stored[name], name
    assert [stage["layers"] for stage in found["STAGES"]] == ["heads", "all"]


@pytest.mark.parametrize(
    ("fixed", "expected"),
    [
        ({"BACKBONE": "light"}, {"RPN_CHANNELS": 64, "TRAIN_BN": None}),
        ({"BACKBONE": "MobileNetV2"}, {"RPN_CHANNELS": 96}),
        ({"IMAGE_MAX_DIM": 512}, {"IMAGE_MIN_DIM": 512}),
        ({"IMAGE_MIN_DIM": 1100}, {"IMAGE_MAX_DIM": 1152}),
        ({"IMAGE_RESIZE_MODE": "crop"}, {"IMAGE_MIN_DIM": 256, "IMAGE_MAX_DIM": 1024}),
    ],
)
def test_what_the_user_names_is_followed(fixed, expected):
    found = values(PUMPKINS, **fixed)
    assert not fixed.keys() & found.keys()
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("weights", ["coco", "imagenet", "none"])
def test_every_recipe_is_sound(weights):
    rng = np.random.default_rng(1)
    for _ in range(60):
        sides = tuple(float(side) for side in np.sort(rng.random(3) ** 3))
        longer = int(rng.integers(64, 6000))
        facts = Facts(
            bool(rng.integers(2)), int(rng.integers(1, 5000)), int(rng.integers(1, 90)),
            int(rng.integers(1, 700)), longer + int(rng.integers(0, 500)), longer, sides, weights,
        )  # fmt: skip
        fixed = {"IMAGE_MAX_DIM": 64 * int(rng.integers(1, 20))} if rng.random() < 0.2 else {}
        config = config_of(facts, **fixed)
        assert config.DETECTION_MAX_INSTANCES <= config.POST_NMS_ROIS_INFERENCE
        assert config.POST_NMS_ROIS_TRAINING >= config.TRAIN_ROIS_PER_IMAGE
        assert config.IMAGE_SHAPE[0] <= max(1024, fixed.get("IMAGE_MAX_DIM", 0))


def test_facts_are_measured():
    dataset = Rectangles(instances=(2, 1, 0, 3, 1), shape=(50, 70))
    facts = default_config.measure(dataset, True, "none")
    assert (facts.accelerator, facts.images, facts.classes, facts.instances) == (True, 5, 2, 3)
    assert (facts.longest, facts.longer, facts.weights) == (70, 70, "none")
    side = np.sqrt((50 // 3) * (70 // 3)) / 70
    np.testing.assert_allclose(facts.sides[2], side, rtol=0.01)
    assert facts.sides[0] <= facts.sides[1] <= facts.sides[2]
    assert default_config.measure(Rectangles(instances=(0,)), False, "none").instances == 0


def test_the_file_repeats_the_config(tmp_path):
    lines = []
    config = load_config(
        None, ["VAL_SHARE=0.3", "STAGES=[{layers: heads, epochs: 4, learning_rate: 0.01}]"], SEED=7
    )
    config.update({"DATASET": "My photos/über.json", "CLASSES": ["a: b", "ü"], "LAYOUT": "coco"})
    text = default_config.fill(config, Rectangles(), "none", epochs=2, report=lines.append).text()
    assert lines == text.splitlines()
    assert lines[0].startswith("# python scripts/train.py --weights none --config recipe.yaml")
    assert lines[1].startswith("# A recipe for 5 images, 2 classes, at most 3 instances in an image, whose ")
    assert "NAME: über  # after the data set" in lines
    assert "BACKBONE: light  # random weights: a small network learns from few images" in lines
    assert "STAGES: [{layers: heads, epochs: 2, learning_rate: 0.01}]" in lines
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    assert load_config(tmp_path / "recipe.yaml").to_plain() == config.to_plain()


@pytest.mark.parametrize(
    ("dataset", "name"),
    [("data/My Fruits", "my_fruits"), ("a/nuts.json", "nuts"), ("/", "run"), ("x/" + "n" * 99, "n" * 60)],
)
def test_a_run_is_named_after_its_data(dataset, name):
    assert recipe_file.name_of(dataset) == name
