"""Explanations by a real network: they agree with the clump report, print as tables and draw pictures."""

import numpy as np
import pytest
from PIL import Image

from mrcnn.evaluation import outcome
from mrcnn.inspection.explanation import explain, explain_instances
from mrcnn.predictor import Predictor
from tests.scenes import Rectangles
from tests.tiny import detector, picture

# With these, the untrained network loses instances at several stages.
MANY = {"PRE_NMS_LIMIT": 4092, "POST_NMS_ROIS_INFERENCE": 600, "RPN_NMS_THRESHOLD": 0.9}
SETTINGS = (
    {**MANY, "DETECTION_NMS_THRESHOLD": 0.5},
    {**MANY, "DETECTION_NMS_THRESHOLD": 0.9, "DETECTION_MAX_INSTANCES": 600},
)


@pytest.fixture(scope="module")
def model(eagerly):
    made = detector(DETECTION_NMS_THRESHOLD=0.5)
    made.class_names = ["BG", "dull", "bright"]
    return made


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_clump_report_agrees_on_each_instance(eagerly, settings):
    network, dataset = detector(**settings), Rectangles((3, 0, 4, 5), shape=(90, 120))
    *_, whole = outcome.measure(network, dataset, progress=False, watch=True).scores["clumps"]
    explained = [e for i in dataset.image_ids for e in explain_instances(network, dataset, i, False)]
    fates = [explanation.fate for explanation in explained]
    assert {fate: fates.count(fate) for fate in whole["fates"]} == whole["fates"]
    assert len(set(fates)) >= 3
    missed = [e for i in dataset.image_ids for e in explain_instances(network, dataset, i)]
    assert [e.fate for e in missed] == [fate for fate in fates if fate != "found"]


def test_a_box_where_something_was_found(model):
    image = picture(90, 120)
    box = model.detect([image])[0]["rois"][0]
    explanation = explain(model, image, box, "a.jpg")
    assert (explanation.fate, explanation.reason, explanation.class_name) == ("found", "found", None)
    lines = str(explanation).splitlines()
    corners = " ".join(map(str, box))
    assert lines[:3] == [
        "a.jpg",
        f"object at {corners} (y1 x1 y2 x2): it is detected",
        "  stage        kept what happened",
    ]
    assert lines[-1].startswith("  NMS          yes  kept")


def test_a_box_where_nothing_is(model):
    explanation = explain(model, picture(90, 120), (0, 0, 2, 2))
    assert explanation.reason == "anchors"
    assert explanation.title == "object at 0 0 2 2 (y1 x1 y2 x2), lost: anchors, no anchor resembles it"
    assert [step.passed for step in explanation.steps] == [False]


def test_a_point_stands_for_the_detection_that_holds_it(model):
    image = picture(90, 120)
    found = model.detect([image])[0]
    y, x = np.argwhere(found["masks"][:, :, 0])[0]
    explanation = explain(model, image, (y, x))
    np.testing.assert_array_equal(explanation.box, found["rois"][0])
    assert explanation.fate == "found"
    assert f"around the point {y} {x}: it is detected" in explanation.title


def test_a_point_stands_for_the_box_around_it_that_is_most_like_an_object(model):
    explanation = explain(model, picture(90, 120), (45, 60))
    y1, x1, y2, x2 = explanation.box
    assert y1 <= 45 <= y2 and x1 <= 60 <= x2
    assert y1 >= 0 and y2 <= 90 and x1 >= 0 and x2 <= 120  # the RPN's boxes reach into the padding
    assert explanation.reason == "PRE_NMS_LIMIT"  # no proposal has this point in its middle
    assert explanation.point == (45, 60)


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ((1, 2, 3), r"A place is a point \(y, x\) or a box \(y1, x1, y2, x2\), received \(1, 2, 3\)\."),
        ((91, 2), r"The place 91, 2 is not within the image: the image is 90 pixels high and 120 wide\."),
        ((0, -1, 5, 5), r"The place 0, -1, 5, 5 is not within the image"),
        ((5, 5, 5, 9), r"The box 5, 5, 5, 9 is empty: give it as y1, x1, y2, x2\."),
        ((float("nan"), 5), "The place nan, 5 is not within the image"),
    ],
)
def test_places_that_cannot_be(model, where, fault):
    with pytest.raises(ValueError, match=fault):
        explain(model, picture(90, 120), where)


def test_the_picture(model, tmp_path):
    explanation = explain(model, picture(90, 120), (20, 20, 60, 60))
    path = tmp_path / "new" / "a.png"
    explanation.save(path)
    with Image.open(path) as drawn:
        assert drawn.width == 1400
        assert drawn.convert("RGB").getextrema() == ((0, 255),) * 3
    assert explanation._repr_png_()[:4] == b"\x89PNG"


def test_a_predictor_explains_a_file(model, tmp_path):
    Image.fromarray(picture(90, 120)).save(tmp_path / "a.png")
    explanation = Predictor(model).explain(tmp_path / "a.png", (20, 20, 60, 60))
    assert explanation.box == (20, 20, 60, 60)
    assert str(explanation).startswith(f"{tmp_path / 'a.png'}\nobject at 20 20 60 60")
    same = Predictor(model).explain(picture(90, 120), (20, 20, 60, 60))
    assert same.steps == explanation.steps
