"""What each instance and detection is judged to be, and the confusion of classes."""

import numpy as np

from mrcnn.evaluation import mistakes, tally
from tests.evaluation.test_tally import annotation, box, gt_of, scattered

LEFT, RIGHT = box(5, 5, 20, 20), box(5, 35, 20, 20)
NEAR_LEFT = box(5, 12, 20, 20)  # IoU 13 / 27 with LEFT
FAR = box(40, 40, 10, 10)


def judged(truths, results):
    """truths: (class, mask) or (class, mask, crowd). results: (class, mask, score), all of one image."""
    ground_truth = gt_of(1, [(0, *row) for row in truths])
    found = [annotation(0, name, mask, score=score) for name, mask, score in results]
    (one,) = mistakes.judge_all(ground_truth, found)
    return one


def test_each_kind():
    one = judged(
        [(1, LEFT), (1, RIGHT), (2, FAR)],
        [(1, NEAR_LEFT, 0.9), (2, RIGHT, 0.8), (1, box(40, 5, 9, 9), 0.7)],
    )
    assert one.kinds == ("badly outlined", "wrong class", "missed")
    assert one.verdicts == ("badly outlined", "wrong class", "false positive")
    assert one.partners == (0, 1, -1)
    assert one.mistakes() == {"missed": 1, "false positive": 1, "wrong class": 1, "badly outlined": 1}
    assert one.classes() == {1, 2}


def test_the_best_detection_finds_and_a_second_one_is_false():
    one = judged([(1, LEFT)], [(1, box(5, 6, 20, 20), 0.6), (1, LEFT, 0.9)])
    assert [result["score"] for result in one.results] == [0.9, 0.6]
    assert (one.kinds, one.verdicts, one.partners) == (("found",), ("found", "false positive"), (0, -1))
    assert one.classes() == {1}
    assert judged([(1, LEFT)], [(1, LEFT, 0.9)]).classes() == set()


def test_a_free_neighbour_is_no_partner_of_a_detection_that_found_another():
    one = judged([(1, LEFT), (1, NEAR_LEFT)], [(1, LEFT, 0.9)])
    assert (one.kinds, one.partners) == (("found", "missed"), (0,))


def test_crowds_count_neither_for_nor_against():
    one = judged([(1, box(0, 0, 30, 30), 1), (1, RIGHT)], [(1, LEFT, 0.9), (2, LEFT, 0.8)])
    assert (one.kinds, one.verdicts) == (("missed",), ("in a crowd", "false positive"))
    assert sum(one.mistakes().values()) == 2


def test_an_image_without_anything():
    one = judged([], [])
    assert (one.kinds, one.verdicts) == ((), ())
    assert sum(one.mistakes().values()) == 0


def test_only_scores_from_the_smallest_on():
    ground_truth = gt_of(1, [(0, 1, LEFT)])
    results = [annotation(0, 1, LEFT, score=score) for score in (0.5, 0.49)]
    (one,) = mistakes.judge_all(ground_truth, results, score=0.5)
    assert one.verdicts == ("found",)


def test_confusion():
    """Class 1: one found, one taken for 2, one badly outlined; class 2: one missed, one of nothing."""
    ground_truth = gt_of(2, [(0, 1, LEFT), (0, 1, RIGHT), (1, 1, LEFT), (1, 2, FAR)], names=("a", "b"))
    results = [
        annotation(0, 1, LEFT, score=0.9),
        annotation(0, 2, RIGHT, score=0.8),
        annotation(1, 1, NEAR_LEFT, score=0.7),
        annotation(1, 2, box(40, 5, 9, 9), score=0.6),
    ]
    counts = mistakes.confusion(mistakes.judge_all(ground_truth, results), ground_truth["categories"])
    np.testing.assert_array_equal(counts, [[1, 1, 1], [0, 0, 1], [1, 1, 0]])


def test_as_many_are_found_as_coco_matches():
    ground_truth, results = scattered(5)
    own = tally.count(ground_truth, results)
    scores, hits, instances = own.pooled()
    judged = mistakes.judge_all(ground_truth, results, score=0.3)
    counts = mistakes.confusion(judged, ground_truth["categories"])
    assert np.trace(counts) == hits[scores >= 0.3].sum() > 20
    assert counts[:-1].sum() == instances
    assert counts[:, :-1].sum() == sum(word != "in a crowd" for one in judged for word in one.verdicts)


def test_the_worst_images_first():
    ground_truth = gt_of(4, [(0, 1, LEFT), (1, 1, LEFT), (1, 1, RIGHT), (2, 1, LEFT)])
    results = [annotation(2, 1, LEFT, score=0.9), annotation(3, 1, LEFT, score=0.9)]
    judged = mistakes.judge_all(ground_truth, results)
    assert [one.image_id for one in mistakes.worst(judged, 9)] == [1, 0, 3]
    assert [one.image_id for one in mistakes.worst(judged, 1)] == [1]
