"""What is decided for some minutes, from given speeds."""

import dataclasses

import pytest

from mrcnn.config import ConfigError
from mrcnn.training.stages import check_for_training
from pumpkin import budget
from pumpkin.budget import Facts
from pumpkin.config import PumpkinConfig
from pumpkin.recipe import Choice

STAGES = (
    {"layers": "heads", "epochs": 20, "learning_rate": 0.001},
    {"layers": "all", "epochs": 20, "learning_rate": 0.0001},
)
HALF_AN_HOUR = Facts(minutes=30, elapsed=60, images=160, batches=20, validated=40)


@dataclasses.dataclass(frozen=True)
class Pace:
    """As mrcnn.training.pace.Pace, which imports the backend."""

    steps: dict
    compiling: dict
    building: float = 5.0
    validation_step: float = 0.25
    validation_start: float = 5.0
    ap_image: float = 0.5
    ap_start: float = 10.0
    saving: float = 1.0


PACE = Pace({"heads": 0.5, "all": 1.0}, {"heads": 10.0, "all": 20.0})


def config_of(**settings):
    config = PumpkinConfig()
    config.update({"STAGES": STAGES, "IMAGES_PER_GPU": 2, **settings})
    return config


def values(facts=HALF_AN_HOUR, pace=PACE, **settings):
    return {
        name: choice.value for name, choice in budget.plan(facts, pace, config_of(**settings)).chosen.items()
    }


def test_half_an_hour():
    """1746 s, less 60 of them gone, 50 to compile, 246 between epochs and for the report: 1390 s of steps."""
    plan = budget.plan(HALF_AN_HOUR, PACE, config_of())
    assert [stage["epochs"] for stage in plan.chosen["STAGES"].value] == [8, 8]  # a tenth is 16 times 10 s
    assert plan.chosen["STEPS_PER_EPOCH"].value == 115  # 8 * 0.5 s and 8 * 1 s for each
    assert plan.passes == 23
    assert budget.lines(plan.chosen) == [
        "STAGES heads 8, all 8: 16 epochs, as validation, AP and saving take 10.0 s each",
        "STEPS_PER_EPOCH 115: 30 minutes at 1.33 steps/s: 1,840 steps of 2 images = 23 passes over 160 "
        "images; 1.0 minutes have gone by, and 4.9 are kept for compiling, validation, AP, saving and the "
        "report",
    ]


@pytest.mark.parametrize("minutes", [5, 8, 30, 480])
@pytest.mark.parametrize("settings", [{}, {"AP_EVERY": 0}, {"STAGES": STAGES[1:]}, {"AP_EVERY": 1}])
def test_the_time_is_used_and_kept(minutes, settings):
    """What the decisions take, added up from the pace, is the minutes but for a margin of 3 %."""
    facts = dataclasses.replace(HALF_AN_HOUR, minutes=minutes)
    found = {"AP_EVERY": 5, **settings, **values(facts, **settings)}
    epochs = sum(stage["epochs"] for stage in found["STAGES"])
    due = sum(
        1 for n in range(1, epochs + 1) if found["AP_EVERY"] and (n % found["AP_EVERY"] == 0 or n == epochs)
    )
    taken = 60 + 5 + 5 + epochs * (1 + 0.25 * 20)
    taken += bool(due) * 10 + due * 20 + (20 + 50 if due > 1 else 10 + 30)
    for stage in found["STAGES"]:
        steps = stage["epochs"] * found["STEPS_PER_EPOCH"]
        taken += PACE.compiling[stage["layers"]] + steps * PACE.steps[stage["layers"]]
    assert 0.9 * 60 * minutes < taken <= 0.97 * 60 * minutes


def test_without_validation_images_only_saving_lies_between_epochs():
    facts = dataclasses.replace(HALF_AN_HOUR, batches=0, validated=0)
    pace = dataclasses.replace(PACE, validation_step=0, validation_start=0, ap_image=0, ap_start=0)
    found = values(facts, pace)
    assert [stage["epochs"] for stage in found["STAGES"]] == [20, 20]  # the config's, as they cost 40 s
    assert found["STEPS_PER_EPOCH"] == int((1746 - 60 - 35 - 40) / 30)


def test_no_report_leaves_more_steps():
    facts = dataclasses.replace(HALF_AN_HOUR, reports=False)
    assert values(facts)["STEPS_PER_EPOCH"] == 121  # 70 s more


def test_the_first_steps_stay_a_tenth():
    assert "WARMUP_STEPS" not in values(WARMUP_STEPS=92)
    plan = budget.plan(HALF_AN_HOUR, PACE, config_of(WARMUP_STEPS=93))
    assert plan.chosen["WARMUP_STEPS"] == Choice(92, "a tenth of the first stage's 920 updates")
    assert values(WARMUP_STEPS=93, GRADIENT_ACCUMULATION=4)["WARMUP_STEPS"] == 23


@pytest.mark.parametrize("minutes", [0.01, 1, 3.3])
def test_too_few_minutes_name_the_least(minutes):
    facts = dataclasses.replace(HALF_AN_HOUR, minutes=minutes)
    with pytest.raises(ConfigError) as raised:
        budget.plan(facts, PACE, config_of())
    assert str(raised.value) == (
        f"--minutes {minutes:g} is too short: on this machine, measuring, compiling, validation, AP and the "
        "report take 3.0, and 20 steps 0.2; give 3.4 or more."
    )


def test_the_least_suffices():
    plan = budget.plan(dataclasses.replace(HALF_AN_HOUR, minutes=3.4), PACE, config_of())
    epochs = sum(stage["epochs"] for stage in plan.chosen["STAGES"].value)
    assert plan.chosen["STEPS_PER_EPOCH"].value * epochs >= budget.LEAST_STEPS == 20


# --- Sizes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passes", "side"), [(10, None), (12, None), (9.9, 960), (5, 704), (2, 448), (0.5, 256), (0.01, 256)]
)
def test_images_become_smaller_if_they_would_be_seen_fewer_than_ten_times(passes, side):
    assert budget.smaller_side(passes, config_of(IMAGE_MIN_DIM=800, IMAGE_MAX_DIM=1024)) == side


def test_what_never_becomes_smaller():
    assert budget.smaller_side(1, config_of(IMAGE_MIN_DIM=256, IMAGE_MAX_DIM=256)) is None
    assert budget.smaller_side(1, config_of(IMAGE_RESIZE_MODE="crop", IMAGE_MIN_DIM=256)) is None
    assert budget.smaller_side(1, config_of(TILE=512)) is None
    named = config_of()
    named.update({"IMAGE_MAX_DIM": 1024}, source="--set")
    assert budget.smaller_side(1, named) is None


@pytest.mark.parametrize("learned", [False, True])
def test_smaller_images_are_said_with_numbers(learned):
    config = config_of(IMAGE_MIN_DIM=800, IMAGE_MAX_DIM=1024, RPN_ANCHOR_SCALES=[32, 64, 128, 256, 512])
    found = budget.sizes(640, 4.26, config, learned)
    assert budget.lines(found) == [
        "IMAGE_MIN_DIM 640: at most 640",
        "IMAGE_MAX_DIM 640: 4.3 passes over the images at 1024 px are fewer than 10",
        *["RPN_ANCHOR_SCALES [20, 40, 80, 160, 320]: in proportion to the images"] * (not learned),
    ]
    config.update({name: choice.value for name, choice in found.items()})
    check_for_training(config)
