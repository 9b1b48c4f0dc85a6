"""The page on a comparison: the table, what differs, and the pictures on which models disagree."""

import pytest

from mrcnn.evaluation import bootstrap
from mrcnn.evaluation.mistakes import judge
from mrcnn.evaluation.verdict import rows, verdict
from mrcnn.reports import comparison
from tests.evaluation.test_tally import annotation, box, truth
from tests.reports.pages import EVIL, LEFT, RIGHT, Scenes, assert_sound, outcome


def page_of(outcomes, different):
    names = [f"<run> {number}" for number in range(len(outcomes))]
    tallies = [one.tally for one in outcomes]
    result = bootstrap.compare(tallies, 100)
    table = rows(names, tallies, [one.threshold for one in outcomes], result)
    words = verdict(names, result, 3, 100, 0)
    return comparison.write(names, outcomes, result, table, words, different, {"split": "val"}, Scenes())


@pytest.fixture(scope="module")
def text():
    return page_of([outcome(), outcome(found=(0, 1))], {"config.SEED": ["7", EVIL]})


def test_the_page(text):
    page = assert_sound(text)
    words = " ".join(page.texts)
    assert "No winner: <run> 0 is" in words and "above <run> 1, which may be chance" in words
    assert "config.SEED" in words and "EVIL" not in text and EVIL not in text
    assert [svg["aria-labelledby"] for svg in page.named("svg")] == ["intervals-caption"]
    assert "Mask AP by class" in words
    # The second one's best F1 is reached with its best detection alone.
    assert [image["alt"] for image in page.named("img")] == [
        f"scene <{image}>: {what}" for image in (1, 2) for what in ("gt", "<run> 0", "<run> 1")
    ]
    assert "<run> 0: 1 found, 0 false positives" in words and "<run> 1: 0 found, 0 false positives" in words


def test_models_that_agree():
    words = " ".join(assert_sound(page_of([outcome(), outcome()], {})).texts)
    assert "The models have equal settings, data and code." in words
    assert "The models agree on every picture." in words


def test_disagreement():
    truths = [truth(0, 1, LEFT, 1), truth(0, 1, RIGHT, 2)]
    left, right = (annotation(0, 1, mask, score=0.9) for mask in (LEFT, RIGHT))
    wild = annotation(0, 1, box(45, 5, 9, 9), score=0.8)
    judged = [judge(0, truths, found) for found in ([left], [right], [left, right, wild, wild])]
    assert comparison.disagreement(judged[:2]) == 2
    assert comparison.disagreement(judged) == 4
    assert comparison.disagreement(judged[:1]) == 0
