"""Wrong settings drawn at random: of any type, range or combination, from YAML, --set and class attributes.

Each must be named in one sentence, before data are read and before a folder is made. MRCNN_DRAWS says how
many are drawn; the ranges stand here once more, so that a slip in mrcnn/config.py is not its own proof.
"""

import datetime
import math
import os
import random
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from mrcnn import choices
from mrcnn.config import Config, ConfigError
from mrcnn.model import MaskRCNN
from mrcnn.modeling import losses
from mrcnn.ops.roi_align import _AXIS_SAMPLERS
from pumpkin.commands import train
from pumpkin.config import PumpkinConfig, settings_page

DRAWS = int(os.environ.get("MRCNN_DRAWS", 300))

WHOLE = {
    "SEED": (0, 2**31 - 2), "GPU_COUNT": (1, 1024), "IMAGES_PER_GPU": (1, 4096), "WORKERS": (0, 256),
    "STEPS_PER_EPOCH": (1, 10**9), "VALIDATION_STEPS": (0, 10**9), "TOP_DOWN_PYRAMID_SIZE": (1, 65536),
    "RPN_CHANNELS": (1, 65536), "RPN_ANCHOR_STRIDE": (1, 64), "RPN_TRAIN_ANCHORS_PER_IMAGE": (1, 10**6),
    "PRE_NMS_LIMIT": (1, 10**6), "POST_NMS_ROIS_TRAINING": (1, 10**6), "POST_NMS_ROIS_INFERENCE": (1, 10**6),
    "IMAGE_MIN_DIM": (0, 65536), "IMAGE_MAX_DIM": (64, 65536), "IMAGE_CHANNEL_COUNT": (1, 1024),
    "FPN_CLASSIF_FC_LAYERS_SIZE": (1, 65536), "MASK_HEAD_CHANNELS": (1, 65536), "POOL_SIZE": (1, 64),
    "MASK_POOL_SIZE": (1, 256), "TRAIN_ROIS_PER_IMAGE": (1, 10**6), "MAX_GT_INSTANCES": (1, 10**5),
    "DETECTION_MAX_INSTANCES": (1, 10**5), "GRADIENT_ACCUMULATION": (1, 10**6), "WARMUP_STEPS": (0, 10**9),
    "AP_EVERY": (0, 10**6), "AP_IMAGES": (1, 10**9), "PATIENCE": (0, 10**6), "NUM_CLASSES": (1, 10**6),
    "TILE": (32, 65536),
}  # fmt: skip
# From the least that is allowed to the most; an open end is written with a little beyond it.
NUMBERS = {
    "CACHE_GB": (0, 10**5), "CHECKPOINT_MINUTES": (0, 10**6), "RPN_NMS_THRESHOLD": (0, 1),
    "IMAGE_MIN_SCALE": (0, 1000),
    "ROI_POSITIVE_RATIO": (1e-9, 1), "DETECTION_MIN_CONFIDENCE": (0, 1), "DETECTION_NMS_THRESHOLD": (0, 1),
    "DETECTION_NMS_SIGMA": (1e-9, 1000), "LEARNING_MOMENTUM": (0, 1), "WEIGHT_DECAY": (0, 1000),
    "GRADIENT_CLIP_NORM": (0, 10**9), "EMA_MOMENTUM": (0, 1 - 1e-9), "LEARNING_RATE_FACTOR": (1e-9, 1000),
    "LEARNING_RATE": (0, 1000), "BOX_LOSS_BETA": (1e-9, 1000), "RPN_BOX_LOSS_BETA": (1e-9, 1000),
}  # fmt: skip
WORDS = (
    "PRECISION", "IMAGE_RESIZE_MODE", "ROI_ALIGN", "ROI_SAMPLING", "DETECTION_NMS", "WEIGHT_DECAY_KIND",
    "GRADIENT_CLIP_BY", "OPTIMIZER", "LEARNING_RATE_SCHEDULE", "BEST_BY", "BACKBONE", "MASK_TARGET",
    "MASK_PASTE", "BOX_LOSS", "RPN_BOX_LOSS",
)  # fmt: skip
FLAGS = ("TRAIN_BN", "USE_RPN_ROIS", "USE_MINI_MASK", "DETECTION_BACKGROUND_WINS")
# Name: how many numbers, the least and the most; None: one or more.
LISTS = {
    "BACKBONE_STRIDES": (5, 1, 1024), "RPN_ANCHOR_SCALES": (5, 1e-9, 65536),
    "RPN_ANCHOR_RATIOS": (None, 1e-9, 1000), "RPN_BBOX_STD_DEV": (4, 1e-9, 1000),
    "BBOX_STD_DEV": (4, 1e-9, 1000), "MASK_SHAPE": (2, 1, 512), "MINI_MASK_SHAPE": (2, 1, 4096),
    "MEAN_PIXEL": (3, -65536, 65536), "LEARNING_RATE_MILESTONES": (None, 1e-9, 1 - 1e-9),
}  # fmt: skip
OTHERS = (
    "NAME", "BACKBONE_WEIGHTS", "BACKBONE_PRESET", "COMPUTE_BACKBONE_SHAPE", "STAGES", "AUGMENTATION",
    "LOSS_WEIGHTS",
)  # fmt: skip
OF_COMMANDS = ("CLASSES", "CLASS_ATTRIBUTE", "DATASET", "IMAGES", "LAYOUT", "VAL_SHARE")
MAY_BE_NONE = {
    "NAME", "STEPS_PER_EPOCH", "VALIDATION_STEPS", "TRAIN_BN", "GRADIENT_CLIP_NORM", "IMAGE_MIN_DIM",
    "IMAGE_MIN_SCALE", "BACKBONE_WEIGHTS", "BACKBONE_PRESET", "COMPUTE_BACKBONE_SHAPE", "IMAGES",
    "CLASS_ATTRIBUTE",
    "RPN_BOX_LOSS", "RPN_BOX_LOSS_BETA", "AP_IMAGES", "WORKERS",
    "TILE",
}  # fmt: skip


def test_every_setting_is_drawn():
    drawn = [*WHOLE, *NUMBERS, *WORDS, *FLAGS, *LISTS, *OTHERS]
    assert sorted(drawn) == Config.names()
    assert sorted([*drawn, *OF_COMMANDS]) == PumpkinConfig.names()


# --- Values of a wrong type or range ------------------------------------------------------------


def texts(rng):
    """Text that is no setting's word, number or path."""
    return rng.choice(
        ["", "abc", "12", "1e-3", "10/3", "None", "tru", "squared", "caf\u00e9", "a\nb", "x" * 500]
    )


def other_types(rng):
    """A value that is neither a number, nor true or false, nor text."""
    return rng.choice([[], [[]], {}, {"a": 1}, {1: 2}, datetime.date(2026, 1, 2), [None], [{"a": []}], ["1"]])


def outside(rng, least, most):
    """A number outside of a range, or none at all."""
    far = rng.choice([1, 10**3, 10**9, 10**30])
    near = [least - 1e-3, most + 0.5]
    return rng.choice([least - far, most + far, *near, 10**400, math.inf, -math.inf, math.nan])


def wrong_whole(rng, least, most):
    return rng.choice([wrong_number(rng, least, most), least + 0.5, 10 / 3])


def wrong_number(rng, least, most):
    return rng.choice([outside(rng, least, most), rng.choice([True, False]), texts(rng), other_types(rng)])


def wrong_list(rng, count, least, most):
    """A list that is too long, too short, or holds a wrong number; or no list."""
    middle = 1 if least <= 1 <= most else (least + most) / 2
    right = [middle] * (count or rng.randint(1, 4))
    wrong = [*right]
    wrong[rng.randrange(len(wrong))] = rng.choice([outside(rng, least, most), None, "a", [1], True])
    sizes = [right * 2, right[:-1]] if count else [[]]
    return rng.choice([wrong, rng.choice(sizes), texts(rng), {"a": 1}, True, *([5] if count != 3 else [])])


def wrong_stages(rng):
    good = {"layers": "all", "epochs": 2, "learning_rate": 0.1}
    key = rng.choice(sorted(good))
    wrong = {
        "layers": rng.choice([3, None, "(heads", "*", ["all"]]),
        "epochs": wrong_whole(rng, 1, 10**6),
        "learning_rate": rng.choice(
            [0, -0.1, math.inf, math.nan, 10**400, True, texts(rng), other_types(rng)]
        ),
    }
    stage = rng.choice([
        {**good, key: wrong[key]}, {**good, "momentum": 1}, {k: v for k, v in good.items() if k != key},
        "all", None, 5, [],
    ])  # fmt: skip
    return rng.choice([[stage], [good, stage], [], 5, "all", good, True])


def wrong_augmentation(rng, commands):
    """commands: only they look into the words and mappings, which a program gives to train()."""
    plain = [3, True, [], [1], 0.5, None]
    deep = ["heavy", "", {"preset": "heavy"}, {"preset": [1]}, {"rotate": 45}, {1: 2}, {"scale": [2, 1]},
            {"blur": float("nan")}, {"rotation": -5}, {"turn": 1}, {"crop": 0}, {"copy_paste": 2},
            {"paste_at_most": 1.5}, {"brightness": float("inf")}]  # fmt: skip
    return rng.choice(plain + (2 * deep if commands else []))


def wrong_loss_weights(rng):
    name = rng.choice(sorted(Config.LOSS_WEIGHTS))
    return rng.choice(
        [5, "abc", [1, 2], True, None, {"mask": 1}, {1: 2}, {name: wrong_number(rng, 0, 10**9)}]
    )


def wrong_value(rng, name, commands):
    """A value that this setting cannot have."""
    if name not in MAY_BE_NONE and rng.random() < 0.1:
        return None
    if name == "LEARNING_RATE" and commands:
        return rng.choice([0.5, 1, wrong_number(rng, 0, 1000)])
    if name == "NUM_CLASSES" and commands:
        return rng.choice([5, wrong_whole(rng, 1, 10**6)])
    if name in WHOLE:
        return wrong_whole(rng, *WHOLE[name])
    if name in NUMBERS:
        return wrong_number(rng, *NUMBERS[name])
    if name in WORDS:
        return rng.choice([texts(rng), 3, 0.5, True, other_types(rng)])
    if name in FLAGS:
        return rng.choice([texts(rng), 0, 1, 0.5, other_types(rng)])
    if name in LISTS:
        return wrong_list(rng, *LISTS[name])
    own = {
        "STAGES": lambda: wrong_stages(rng),
        "AUGMENTATION": lambda: wrong_augmentation(rng, commands),
        "LOSS_WEIGHTS": lambda: wrong_loss_weights(rng),
        "NAME": lambda: rng.choice([5, True, [], {"a": 1}, "", "..", "a/b", "a\\b", "a\x00b", "n" * 300]),
        "BACKBONE_WEIGHTS": lambda: rng.choice([5, True, ["a"], {"a": 1}]),
        "BACKBONE_PRESET": lambda: rng.choice([5, True, "resnet_50_imagenet", ["a"], {"preset": "a"}]),
        "COMPUTE_BACKBONE_SHAPE": lambda: rng.choice([5, True, "abc", ["a"]]),
        "CLASSES": lambda: rng.choice(["date,fig", "", [], [3], ["a", None], ["a", "a"], [""], 5, {"a": 1}]),
        "DATASET": lambda: rng.choice([5, True, "", ["a"], {"a": 1}]),
        "LAYOUT": lambda: rng.choice([5, True, "", "cocos", ["a"], {"a": 1}, "a:", ":B", "a b:C"]),
        "IMAGES": lambda: rng.choice([5, True, "", ["a"], {"a": 1}]),
        "CLASS_ATTRIBUTE": lambda: rng.choice([5, True, "", " ", ["a"], {"a": 1}]),
        "VAL_SHARE": lambda: rng.choice([-0.1, 0.91, 1, 20, "0.2", "many", None, True, [0.2]]),
    }
    return own[name]()


# --- Combinations -------------------------------------------------------------------------------


def no_multiple(rng, least=65):
    """A whole number that is not a multiple of 64."""
    return 64 * rng.randint(least // 64, 30) + rng.randint(1, 63)


def combinations(rng, commands):
    """Settings that are right each, but not together; the first is the one that must be named."""
    side = 64 * rng.randint(2, 20)
    half = rng.choice([size for size in range(1, 30) if size != 14])
    found = [
        {"IMAGE_MAX_DIM": no_multiple(rng)},
        {"IMAGE_MIN_DIM": no_multiple(rng), "IMAGE_RESIZE_MODE": "crop", "IMAGE_MAX_DIM": 4096},
        {"IMAGE_RESIZE_MODE": "crop", "IMAGE_MIN_DIM": rng.choice([0, None])},
        {"IMAGE_MIN_DIM": side + rng.randint(1, 500) + 1000, "IMAGE_MAX_DIM": side},
        {"MEAN_PIXEL": [1.0] * rng.choice([1, 2, 4, 5])},
        {"IMAGE_CHANNEL_COUNT": rng.choice([1, 2, 4])},
        {"IMAGE_CHANNEL_COUNT": 4, "MEAN_PIXEL": [1, 2, 3, 4], "BACKBONE": "MobileNetV2"},
        {"MASK_SHAPE": [2 * half, 2 * half]},
        {"MASK_SHAPE": [28, 14]},
        {"MASK_POOL_SIZE": half},
        {"ROI_POSITIVE_RATIO": rng.uniform(1e-6, 0.004)},
        {"TRAIN_ROIS_PER_IMAGE": rng.randint(1, 3)},
        {"AP_EVERY": 0, "BEST_BY": "mask_ap"},
        {"BACKBONE_STRIDES": [4, 8, 16, 32, rng.choice([32, 128])]},
        {"BACKBONE_WEIGHTS": "backbone.h5", "BACKBONE": rng.choice(["light", "resnet50"])},
        {
            "STAGES": [{"layers": rng.choice(["3+", "4+", "5+"]), "epochs": 1, "learning_rate": 0.1}],
            "BACKBONE": rng.choice(["light", "MobileNetV2", "ResNet50"]),
        },
    ]
    if commands:
        found += [
            {"IMAGE_RESIZE_MODE": rng.choice(["none", "pad64"]), "IMAGE_MIN_DIM": 512},
            {"IMAGE_CHANNEL_COUNT": 4, "MEAN_PIXEL": [1, 2, 3, 4]},
            {"NUM_CLASSES": 4, "CLASSES": ["a", "b"]},
            {"BACKBONE_WEIGHTS": "no/such/file.h5", "BACKBONE": "MobileNetV2"},
        ]
    return rng.choice(found)


def draw(rng, commands):
    """Wrong settings, and the names of those that must be in the message."""
    if rng.random() < 0.25:
        settings = combinations(rng, commands)
        return settings, [next(iter(settings))]
    names = [*Config.names(), *(OF_COMMANDS if commands else ())]
    chosen = rng.sample(names, rng.choice([1, 1, 1, 2, 3, 6]))
    if "CLASSES" in chosen and "NUM_CLASSES" in chosen:  # which follows from CLASSES, where these are right
        chosen.remove("NUM_CLASSES")
    return {name: wrong_value(rng, name, commands) for name in chosen}, chosen


# --- The ways into the program ------------------------------------------------------------------


def as_set(value):
    """A value as it is typed after NAME=, or None where YAML has no such text on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def from_command(settings, way, folder, capsys):
    """What scripts/train.py says of settings that come from a file or from --set."""
    words = ["--weights", "none", "--dataset", str(folder / "data"), "--out", str(folder / "runs")]
    if "DATASET" in settings:
        words[2:4] = []
    if way == "yaml":
        (folder / "own.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        words += ["--config", str(folder / "own.yaml")]
    else:
        words += ["--set", *(f"{name}={as_set(value)}" for name, value in settings.items())]
    assert train.main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("train: ")
    assert not (folder / "runs").exists()
    return error


def from_class(settings, way, folder, capsys):
    """What the library says of a program's class."""
    own = type("Own", (Config,), dict(settings))
    with pytest.raises(ConfigError) as caught:
        MaskRCNN("training", own(), folder / "runs")
    assert not (folder / "runs").exists()
    return str(caught.value)


WAYS = {"yaml": from_command, "--set": from_command, "class": from_class}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("way", WAYS)
def test_wrong_settings_are_named_before_anything_is_done(tmp_path, capsys, way):
    rng = random.Random(f"{way} {DRAWS}")
    for _ in range(DRAWS // len(WAYS)):
        settings, names = draw(rng, commands=way != "class")
        message = WAYS[way](settings, way, tmp_path, capsys)
        for name in names:
            lines = [line for line in message.splitlines() if re.search(rf"\b{name}\b", line)]
            assert lines, (settings, message)
            assert any(re.search(r"\b(must|cannot|got|is|has|needs)\b.*[.?]$", line) for line in lines), (
                message
            )
        assert len(message) < 600 * (len(names) + 3), (settings, message)


# --- What programs have, and is right -------------------------------------------------------------


def test_what_old_programs_write_is_taken():
    class Old(Config):
        NAME = "old"
        STEPS_PER_EPOCH = 100 / 2  # Python 2 had 50
        NUM_CLASSES = np.int64(1) + 3
        IMAGE_MAX_DIM = 512  # and no IMAGE_MIN_DIM
        IMAGE_CHANNEL_COUNT = 1
        MEAN_PIXEL = 127
        DETECTION_MIN_CONFIDENCE = np.float32(0.5)
        RPN_ANCHOR_SCALES = np.array([8, 16, 32, 64, 128])
        LOSS_WEIGHTS = {"rpn_class_loss": 2}
        TRAIN_BN = None
        MY_OWN = -1
        MINI_MASK_SHAPE = [28, 28]

    config = Old()
    config.check()
    assert (config.STEPS_PER_EPOCH, type(config.STEPS_PER_EPOCH)) == (50, int)
    assert (config.MY_OWN, config.IMAGE_META_SIZE) == (-1, 16)


def test_all_that_is_wrong_is_said_at_once(tmp_path, capsys):
    settings = [
        "POOL_SIZE=-1",
        "IMAGE_MAX_DIM=500",
        "MASK_SHAPE=[14, 14]",
        "ROI_ALIGN=algined",
        "PRECISION=x",
    ]
    (tmp_path / "own.yaml").write_text("IMAGES_PER_GPU: 0\nLEARNING_RATE: 0.5\n")
    words = ["--weights", "none", "--config", str(tmp_path / "own.yaml"), "--set", *settings]
    assert train.main(words) == 1
    lines = capsys.readouterr().err.removeprefix("train: ").splitlines()
    file = str(tmp_path / "own.yaml")
    assert sorted(lines) == sorted([
        f"{file}: IMAGES_PER_GPU must be a whole number from 1 to 4,096, got 0.",
        f"{file}: LEARNING_RATE must be left out, for STAGES has the learning rate of each stage, as in "
        "STAGES=[{layers: all, epochs: 10, learning_rate: 0.001}]; got 0.5.",
        "--set: POOL_SIZE must be a whole number from 1 to 64, got -1.",
        "--set: ROI_ALIGN must be one of corner, aligned, got 'algined'; the nearest is aligned.",
        "--set: PRECISION must be one of float32, mixed_bfloat16, mixed_float16, got 'x'.",
        "--set: IMAGE_MAX_DIM must be a multiple of 64, the stride of P6, got 500; the nearest are 448 and "
        "512.",
        "--set: MASK_SHAPE must be [28, 28], twice MASK_POOL_SIZE, which is 14, got [14, 14].",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"CLASSES": "date,fig"}, "got 'date,fig'; a list is written CLASSES=[date, fig]."),
        ({"TRAIN_BN": "None"}, "got 'None'; YAML writes None as null."),
        ({"WEIGHT_DECAY": "1e-3"}, "got '1e-3'; YAML wants a dot, as in 1.0e-3."),
        ({"IMAGE_MAX_DIM": "128"}, "got '128'; write the number without quotes."),
        ({"IMAGE_MAX_DIM": 100}, "got 100; the nearest are 64 and 128."),
        (
            {"GRADIENT_CLIP_NORM": -1},
            "from 0 to 1,000,000,000 or None (never, as 0), got -1.",
        ),
        ({"BACKBONE": "Xception"}, "got 'Xception'; its maps do not have the strides 4, 8, 16 and 32."),
        ({"BACKBONE": "resnet5"}, "got 'resnet5'; the nearest known one is resnet50."),
        (
            {True: 1},
            "the name of a setting must be text, got True; YAML reads on, off, yes and no",
        ),
        ({1: 2}, "the name of a setting must be text, got 1."),
    ],
)
def test_advice(settings, message):
    with pytest.raises(ConfigError) as caught:
        PumpkinConfig.of((settings, "own.yaml"))
    assert message in str(caught.value)
    assert str(caught.value).startswith("own.yaml: ")


def test_words_have_one_home():
    assert tuple(_AXIS_SAMPLERS) == choices.ROI_ALIGN
    assert tuple(Config.STAGES[0]) == choices.STAGE_KEYS
    assert tuple(Config.LOSS_WEIGHTS) == tuple(loss.name for loss in losses.LOSSES)
    assert set(choices.FIXED_SIZE_MODES) < set(choices.RESIZE_MODES)


def test_the_page_of_settings_is_up_to_date():
    page = Path(__file__).resolve().parents[1] / "docs/settings.md"
    same = page.read_text(encoding="utf-8") == settings_page()
    assert same, "write it anew: python -m pumpkin.config > docs/settings.md"


def test_the_table_has_a_row_for_each_setting():
    rows = PumpkinConfig.table().splitlines()[2:]
    assert sorted(row.split(" | ")[0].removeprefix("| ") for row in rows) == PumpkinConfig.names()
    assert all(row.count(" | ") == 3 and row.endswith(" |") for row in rows)
