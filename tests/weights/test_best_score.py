"""The score of best F1 beside a weights file: written, read back, outdated, damaged."""

import json

import pytest

from mrcnn.weights import best_score
from mrcnn.weights.errors import WeightsError

BEST = best_score.BestScore(0.4375, 0.8, "val", "photos", 12)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "mask_rcnn_tiny_0001.h5"
    path.write_bytes(b"weights")
    return path


def test_round_trip(weights):
    assert best_score.read(weights) is None
    path = best_score.write(weights, BEST)
    assert path == weights.with_name("mask_rcnn_tiny_0001.best_score.json")
    assert best_score.read(weights) == BEST
    assert weights.read_bytes() == b"weights"


def test_other_weights_of_the_same_name(weights):
    best_score.write(weights, BEST)
    weights.write_bytes(b"trained again")
    assert best_score.read(weights) is None


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"score": None}, "its score is null"),
        ({"score": 1.5}, "its score is 1.5"),
        ({"images": "12"}, "its images is text"),
        ({"weights_sha256": 3}, "its weights_sha256 is a number"),
    ],
)
def test_damaged_values(weights, changed, fault):
    path = best_score.write(weights, BEST)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
    with pytest.raises(WeightsError) as caught:
        best_score.read(weights)
    assert str(caught.value) == f"{path}: is damaged: {fault}; delete it, and evaluate the weights again."


def test_cut_short(weights):
    path = best_score.write(weights, BEST)
    path.write_text(path.read_text()[:30])
    with pytest.raises(WeightsError, match="cut short; delete it, and evaluate the weights again"):
        best_score.read(weights)
