"""The page on an evaluation: its numbers, its pictures, and that it is equal each time."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from mrcnn.evaluation.outcome import Outcome
from mrcnn.reports import evaluation, pictures
from mrcnn.screen import printable
from tests.evaluation.test_tally import gt_of
from tests.reports.pages import EVIL, LEFT, Scenes, assert_sound, outcome

FACTS = {"weights": "tiny.h5", "data set": EVIL}


@pytest.fixture(scope="module")
def text():
    return evaluation.write(outcome(), Scenes(), "tiny on val", FACTS)


@pytest.fixture(scope="module")
def page(text):
    return assert_sound(text)


def test_all_charts_are_there(page):
    charts = [attributes for attributes in page.named("figure") if attributes.get("class") == "chart"]
    assert len(charts) == len(page.named("svg")) == 5
    assert {svg["aria-labelledby"] for svg in page.named("svg")} == {
        f"{name}-caption" for name in ("precision", "iou", "threshold", "calibration", "fates")
    }


def test_names_of_classes_are_texts(text, page):
    assert EVIL not in text and "<b>'" not in text
    words = "".join(page.texts)
    assert printable(EVIL) in words
    assert page.named("b") and all(attributes == {} for attributes in page.named("b"))


def test_the_numbers(page):
    found = outcome()
    best = found.threshold
    assert (best.score, best.f1) == (pytest.approx(0.45), pytest.approx(4 / 10))
    assert (best.detections, best.correct, best.instances) == (5, 2, 5)
    words = " ".join(page.texts)
    assert "Best F1 0.400 with scores of 0.450 or more: 2 of 5 detections are correct" in words
    assert f"{found.scores['segm']['AP']:.3f}" in words
    np.testing.assert_array_equal(found.facts()["confusion"], [[1, 1, 1], [0, 1, 1], [2, 0, 0]])
    assert found.facts()["mistakes"] == {
        "missed": 1, "false positive": 1, "wrong class": 1, "badly outlined": 1
    }  # fmt: skip


def test_pictures_have_the_words_that_filters_need(page):
    marked = [attributes for attributes in page.named("figure") if "data-kind" in attributes]
    assert len(marked) == 1  # of the image with mistakes
    assert json.loads(marked[0]["data-kind"]) == ["missed", "false positive", "wrong class", "badly outlined"]
    assert json.loads(marked[0]["data-class"]) == sorted([EVIL, "stone"])
    assert [option["value"] for option in page.named("option")] == [
        "", *(printable(name) for name in sorted([EVIL, "stone"])),
        "", "missed", "false positive", "wrong class", "badly outlined",
    ]  # fmt: skip


def test_pictures_are_photographs_with_outlines(page):
    first, _ = page.named("img")
    data = base64.b64decode(first["src"].removeprefix("data:image/jpeg;base64,"))
    pixels = np.array(Image.open(io.BytesIO(data)), int)
    assert pixels.shape == (pictures.SIDE, pictures.SIDE, 3)
    assert abs(pixels[440, 440] - 130).max() < 6  # the photograph, outside of all masks
    missed = pixels[360, 360] - 130  # within the missed instance, which is tinted red
    assert missed[0] > 20 > missed[1]
    assert first["alt"] == "scene <1>: gt"


def test_equal_outcomes_give_equal_pages(text):
    assert evaluation.write(outcome(), Scenes(), "tiny on val", FACTS) == text


@pytest.mark.parametrize("found", [(), (1,)])
def test_without_a_correct_detection(found):
    page = assert_sound(evaluation.write(outcome(found), Scenes(), "nothing", {}))
    assert "No detection is correct, so there is no smallest score of best F1." in " ".join(page.texts)


def test_without_a_mistake():
    truths = gt_of(1, [(0, 1, LEFT)])
    results = [{**truths["annotations"][0], "score": 0.9}]
    scores = outcome().scores
    page = assert_sound(evaluation.write(Outcome(truths, results, scores), Scenes(), "perfect", {}))
    assert "No picture has a mistake." in " ".join(page.texts)


def test_many_classes_have_a_list_of_confusions():
    names = [f"class {number}" for number in range(40)]
    truths = gt_of(1, [(0, number + 1, LEFT) for number in range(40)], names=names)
    scores = outcome().scores
    page = assert_sound(evaluation.write(Outcome(truths, [], scores), Scenes(), "many", {}))
    words = [text for text in page.texts if text.strip()]
    assert "times" in words and "gt / detected" not in words
