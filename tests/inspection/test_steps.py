"""Each reason why an instance is missed, in a network whose every stage is given."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.evaluation.stages import Ranked, Stages
from mrcnn.inspection.steps import REASONS, STAGES, Followed

BOX = (10, 10, 50, 50)
NEAR = (10, 12, 50, 52)  # IoU 38 / 42 with it
BESIDE = (10, 30, 50, 70)  # IoU 1 / 3 with it, and 2 / 3 with (10, 22, 50, 62)
FAR = (60, 60, 90, 90)


class Given:
    """A trace whose arrays are given: ROIs, and the RPN's boxes by rank, of which ``proposals`` are kept."""

    def __init__(
        self, proposals=(NEAR,), boxes=None, probabilities=((0.1, 0.9, 0.0),), kept=None, ranked=(NEAR,),
        anchors=None, places=(0,), limit=100, **settings,
    ):  # fmt: skip
        config = Config()
        config.update({"NUM_CLASSES": 3, "DETECTION_MIN_CONFIDENCE": 0.7, **settings})
        self.model = SimpleNamespace(config=config, class_names=["BG", "fig", "date"])
        self.probabilities = np.array(probabilities)
        class_ids, scores = self.probabilities.argmax(axis=1), self.probabilities.max(axis=1)
        candidates = (class_ids > 0) & (scores >= config.DETECTION_MIN_CONFIDENCE)
        self.stages = Stages(
            np.array(proposals, float).reshape(-1, 4),
            np.array(proposals if boxes is None else boxes, float).reshape(-1, 4),
            class_ids,
            scores,
            candidates,
            candidates if kept is None else np.array(kept),
        )
        ranked = np.array(ranked, float)
        scores = np.linspace(0.9, 0.1, len(ranked))
        anchors = ranked if anchors is None else np.array(anchors, float)
        self.ranked = Ranked(scores, anchors, ranked, limit, np.array(places))


def follow(trace, boxes=(BOX,), class_ids=(1,), found=False, mask_ious=None):
    """What becomes of the first of some instances."""
    return Followed(trace, np.array(boxes), class_ids, np.array([found] * len(boxes)), 0, mask_ious)


CASES = {
    "found": (
        Given(), {"found": True, "mask_ious": [0.8]},
        "the highest IoU of a detected mask of its class is 0.80",
    ),
    "anchors": (Given((FAR,), ranked=(FAR,)), {}, "the best of 1 has an IoU of 0.00 with it"),
    "RPN boxes": (
        Given((FAR,), ranked=(FAR,), anchors=(NEAR,)), {}, "none belongs to it; the highest IoU is 0.00",
    ),
    "PRE_NMS_LIMIT": (
        Given((FAR,), ranked=(FAR, FAR, NEAR), limit=2), {},
        "1 of 3 belong to it; the best has rank 3, RPN score 0.100, IoU 0.90; only the first 2 go on",
    ),
    "NMS of proposals": (
        Given(((10, 22, 50, 62),), ranked=((10, 22, 50, 62), NEAR), RPN_NMS_THRESHOLD=0.5),
        {"boxes": (BOX, BESIDE), "class_ids": (1, 1)},
        "NMS: one of RPN score 0.900 overlaps it with an IoU of 0.60, and 0.5 is allowed",
    ),
    "POST_NMS_ROIS_INFERENCE": (
        Given((FAR,), ranked=(FAR, NEAR), POST_NMS_ROIS_INFERENCE=1), {},
        "POST_NMS_ROIS_INFERENCE is 1, and as many have a higher RPN score",
    ),
    "background": (
        Given(probabilities=((0.6, 0.3, 0.1),)), {}, "fig 0.300, background 0.600",
    ),
    "other class": (
        Given(probabilities=((0.1, 0.2, 0.7),)), {}, "fig 0.200, background 0.100, date 0.700",
    ),
    "DETECTION_MIN_CONFIDENCE": (
        Given(probabilities=((0.2, 0.6, 0.2),)), {},
        "its score is 0.600, and DETECTION_MIN_CONFIDENCE is 0.7",
    ),
    "moved": (
        Given(boxes=(BESIDE,)), {"boxes": (BOX, BESIDE), "class_ids": (1, 1)},
        "its IoU is 0.33, and that with another instance 1.00",
    ),
    "NMS": (
        Given(
            (BESIDE, NEAR), probabilities=((0, 0.95, 0), (0, 0.9, 0)), kept=(True, False),
            ranked=(BESIDE, NEAR), places=(0, 1),
        ),
        {"boxes": (BOX, BESIDE), "class_ids": (1, 1)},
        "the fig of score 0.950 overlaps it with an IoU of 0.38, and 0.3 is allowed",
    ),
    "DETECTION_MAX_INSTANCES": (
        Given(
            (FAR, NEAR), probabilities=((0, 0.95, 0), (0, 0.9, 0)), kept=(True, False), ranked=(FAR, NEAR),
            places=(0, 1), DETECTION_MAX_INSTANCES=1,
        ),
        {}, "DETECTION_MAX_INSTANCES is 1, and as many have a higher score",
    ),
    "mask": (Given(), {"mask_ious": [0.4]}, "the highest IoU of a detected mask of its class is 0.40"),
}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason(reason):
    trace, instance, text = CASES[reason]
    followed = follow(trace, **instance)
    assert (followed.reason, followed.fate) == (reason, REASONS[reason][0])
    *passed, last = followed.steps
    assert last.text == text
    assert all(step.passed for step in passed)
    assert last.passed == (reason == "found")
    assert [step.stage for step in followed.steps] == list(STAGES[: len(followed.steps)])


def test_the_page_names_every_reason():
    page = (Path(__file__).resolve().parents[2] / "docs/inspect.md").read_text(encoding="utf-8")
    for reason, (fate, _) in REASONS.items():
        assert reason == "found" or f"`{reason}`" in page, reason
        assert reason == "found" or f"| {fate} |" in page, fate


def test_the_best_roi_of_an_instance_is_followed():
    trace = Given((NEAR, BOX), probabilities=((0.5, 0.4, 0.1), (0.6, 0.3, 0.1)), ranked=(NEAR, BOX))
    (step,) = (step for step in follow(trace).steps if step.stage == "class")
    assert step.text == "fig 0.400, background 0.500"
    (step,) = (step for step in follow(trace).steps if step.stage == "proposals")
    assert (step.text, step.box) == ("2 of 2 belong to it; the highest IoU is 1.00", NEAR)


def test_background_that_does_not_win_is_no_reason():
    trace = Given(probabilities=((0.6, 0.4, 0.0),), DETECTION_BACKGROUND_WINS=False)
    trace.stages.class_ids[0], trace.stages.scores[0] = 1, 0.4
    followed = follow(trace)
    assert followed.reason == "DETECTION_MIN_CONFIDENCE"
    assert followed.steps[3].text == (
        "fig 0.400, background 0.600, which does not count (DETECTION_BACKGROUND_WINS is false)"
    )


def test_soft_nms_lowers_the_score():
    trace = Given(
        (BESIDE, NEAR), probabilities=((0, 0.95, 0), (0, 0.9, 0)), kept=(True, False),
        ranked=(BESIDE, NEAR), places=(0, 1), DETECTION_NMS="soft_gaussian",
    )  # fmt: skip
    followed = follow(trace, boxes=(BOX, BESIDE), class_ids=(1, 1))
    assert followed.steps[-1].text == (
        "the fig of score 0.950 overlaps it with an IoU of 0.38, which lowers its score too far"
    )


def test_an_unknown_class_is_any_but_background():
    assert follow(Given(probabilities=((0.1, 0.0, 0.9),)), class_ids=(0,)).fate == "mask"
    assert follow(Given(probabilities=((0.9, 0.0, 0.1),)), class_ids=(0,)).reason == "background"
