"""The score of best F1, and calibration. The lists are short, and their results are computed by hand."""

import numpy as np
import pytest

from mrcnn.evaluation import confidence

SCORES = np.array([0.9, 0.8, 0.6, 0.6, 0.3, 0.1])
HITS = np.array([True, True, False, True, False, False])


class TestBestF1:
    def test_by_hand(self):
        """F1 = 2 correct / (detections + 4): 2/5, 4/6, 6/8 after both of 0.6, 6/9, 6/10."""
        detections, precision, recall, f1 = confidence.curve(SCORES, HITS, 4)
        assert detections.tolist() == [1, 2, 4, 5, 6]
        assert precision.tolist() == pytest.approx([1, 1, 3 / 4, 3 / 5, 3 / 6])
        assert recall.tolist() == [0.25, 0.5, 0.75, 0.75, 0.75]
        assert f1.tolist() == pytest.approx([2 / 5, 4 / 6, 6 / 8, 6 / 9, 6 / 10])
        best = confidence.best_f1(SCORES, HITS, 4)
        assert (best.score, best.f1) == (pytest.approx(0.45), pytest.approx(0.75))
        assert (best.precision, best.recall) == (0.75, 0.75)
        assert (best.detections, best.correct, best.instances) == (4, 3, 4)

    def test_all_detections_are_admitted_down_to_the_least_score(self):
        best = confidence.best_f1(np.array([0.9, 0.45]), np.array([True, True]), 2, least=0.05)
        assert (best.score, best.f1) == (pytest.approx(0.25), 1.0)

    def test_of_equal_f1_the_higher_score(self):
        best = confidence.best_f1(np.array([0.9, 0.5, 0.4]), np.array([True, False, True]), 2)
        assert best.f1 == pytest.approx(4 / 5) and best.detections == 3
        best = confidence.best_f1(np.array([0.9, 0.5, 0.4, 0.3]), np.array([True, False, False, True]), 2)
        assert best.f1 == pytest.approx(2 / 3) and best.detections == 1

    @pytest.mark.parametrize("hits", [[], [False, False]])
    def test_no_correct_detection(self, hits):
        assert confidence.best_f1(np.linspace(0.9, 0.5, len(hits)), np.array(hits, bool), 3) is None


class TestCalibration:
    def test_by_hand(self):
        rows, error = confidence.calibration(SCORES, HITS, bins=5)
        assert [(row["low"], row["detections"]) for row in rows] == [(0, 1), (0.2, 1), (0.6, 2), (0.8, 2)]
        assert [row["score"] for row in rows] == pytest.approx([0.1, 0.3, 0.6, 0.85])
        assert [row["correct"] for row in rows] == [0, 0, 0.5, 1]
        assert error == pytest.approx((1 * 0.1 + 1 * 0.3 + 2 * 0.1 + 2 * 0.15) / 6)

    def test_a_score_of_one_is_in_the_last_bin(self):
        rows, error = confidence.calibration(np.ones(3), np.ones(3, bool))
        assert [(row["low"], row["high"], row["detections"]) for row in rows] == [(0.9, 1, 3)]
        assert error == 0

    def test_nothing(self):
        assert confidence.calibration(np.zeros(0), np.zeros(0, bool)) == ([], 0.0)
