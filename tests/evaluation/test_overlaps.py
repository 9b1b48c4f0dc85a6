"""Slices of overlap, and their report of a real network."""

import numpy as np
import pytest

from mrcnn.evaluation import coco, outcome, overlaps
from tests.evaluation.instances import LEFT, RIGHT, SIZE, filled, results_of, stages, truths_of
from tests.scenes import Rectangles
from tests.tiny import detector


class TestOverlap:
    def test_the_largest_share_that_one_other_covers(self):
        boxes = [[0, 0, 10, 10], [0, 6, 10, 26], [0, 8, 10, 18], [50, 50, 60, 60]]
        np.testing.assert_allclose(overlaps.overlaps_of(boxes, [1, 1, 1, 1]), [0.4, 0.5, 1.0, 0.0])

    def test_other_classes_do_not_count(self):
        boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [0, 5, 10, 15]]
        np.testing.assert_allclose(overlaps.overlaps_of(boxes, [1, 2, 1]), [0.5, 0.0, 0.5])

    def test_one_and_none(self):
        assert overlaps.overlaps_of([[0, 0, 5, 5]], [1]).tolist() == [0.0]
        assert overlaps.overlaps_of([], []).tolist() == []

    def test_touching_at_an_edge_is_no_overlap(self):
        assert overlaps.overlaps_of([[0, 0, 10, 10], [0, 10, 10, 20]], [1, 1]).tolist() == [0.0, 0.0]

    @pytest.mark.parametrize(
        ("overlap", "name"),
        [(0, "none"), (0.01, "under 20 %"), (0.2, "20 to 40 %"), (0.39, "20 to 40 %"), (0.4, "40 % or more")],
    )
    def test_slices_begin_at_their_bound(self, overlap, name):
        assert overlaps.slice_of(overlap) == name
        assert overlaps.slice_of(1.0) == "40 % or more"


def ground_truth(*images):
    """COCO's gt of images, each a list of annotations."""
    annotations = [
        {**truth, "image_id": number, "id": 10 * number + i + 1}
        for number, truths in enumerate(images)
        for i, truth in enumerate(truths)
    ]
    return {
        "images": [{"id": number, "height": SIZE, "width": SIZE} for number in range(len(images))],
        "categories": [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}],
        "annotations": annotations,
    }


class TestSlices:
    alone = (60, 60, 80, 80)

    def score(self, masks, class_ids=None):
        """Slices of the neighbours, which overlap by half, and one apart, given detections in their image."""
        truths = truths_of(filled(LEFT, RIGHT, self.alone), [1, 1, 1])
        count = masks.shape[-1]
        results = results_of(masks, np.ones(count, int), np.linspace(0.9, 0.5, count))
        slices = overlaps.score_slices(ground_truth(truths), results, [stages([LEFT, self.alone])])
        return {row["overlap"]: row for row in slices}

    def test_each_slice_counts_its_own_instances(self):
        rows = self.score(filled(LEFT, self.alone))
        assert {name: row["instances"] for name, row in rows.items()} == {
            "none": 1, "under 20 %": 0, "20 to 40 %": 0, "40 % or more": 2, "all": 3,
        }  # fmt: skip
        assert rows["none"]["AP"] == pytest.approx(1.0)
        assert rows["40 % or more"]["AP"] == pytest.approx(51 / 101)  # recall 0 to 0.5 of COCO's 101 points
        assert rows["20 to 40 %"]["AP"] == rows["20 to 40 %"]["AP50"] == -1.0
        assert rows["40 % or more"]["fates"] == {
            "found": 1, "no proposal": 1, "weak": 0, "moved": 0, "NMS": 0, "mask": 0,
        }  # fmt: skip

    def test_all_is_the_plain_ap(self):
        masks = filled(LEFT, self.alone, (80, 0, 99, 20))
        truths = truths_of(filled(LEFT, RIGHT, self.alone), [1, 1, 1])
        results = results_of(masks, np.ones(3, int), np.array([0.9, 0.8, 0.7]))
        whole = coco.score(ground_truth(truths), results)["segm"]
        row = self.score(masks)["all"]
        assert (row["AP"], row["AP50"]) == (whole["AP"], whole["AP50"])

    def test_false_alarms_count_against_every_slice(self):
        rows = self.score(filled((0, 80, 20, 99), LEFT, RIGHT, self.alone))
        assert rows["none"]["AP"] == pytest.approx(0.5)
        assert rows["40 % or more"]["AP"] == pytest.approx(2 / 3)

    def test_crowds_are_in_no_slice(self):
        truths = truths_of(filled(LEFT, RIGHT), [1, 1])
        truths[1]["iscrowd"] = 1
        results = results_of(filled(LEFT), [1], [0.9])
        slices = overlaps.score_slices(ground_truth(truths), results, [stages([LEFT])])
        assert [row["instances"] for row in slices] == [1, 0, 0, 0, 1]

    def test_the_table_has_a_line_for_each_slice_and_explains_its_columns(self):
        slices = list(self.score(filled(LEFT, self.alone)).values())
        lines = overlaps.table_lines(slices)
        assert lines[0].split()[:6] == ["overlap", "instances", "AP", "AP50", "found", "no"]
        assert lines[1].split()[:5] == ["none", "1", "1.000", "1.000", "100.0"]
        assert lines[2].split() == ["under", "20", "%", "0", *"-" * 9]
        assert "66.7 %" in lines[5]
        assert [line.split(":")[0].strip() for line in lines[6:]] == [*overlaps.FATES, "merged"]


@pytest.fixture(scope="module")
def model(eagerly):
    # One image a batch: several may be summed in another order, and a box be rounded otherwise.
    return detector(DETECTION_NMS_THRESHOLD=0.5, IMAGES_PER_GPU=1)


@pytest.fixture(scope="module")
def dataset():
    return Rectangles((2, 3, 0, 1), shape=(90, 120))


def test_the_whole_evaluation(model, dataset):
    scores = outcome.measure(model, dataset, progress=False, watch=True, least=0.0).scores
    plain = coco.evaluate(model.detect, dataset, progress=False)
    for kind in ("segm", "bbox"):
        assert scores[kind]["AP"] == pytest.approx(plain[kind]["AP"], abs=1e-6)
    *slices, whole = scores["clumps"]
    assert whole["instances"] == sum(row["instances"] for row in slices) == plain["instances"] == 6
    for row in scores["clumps"]:
        assert sum(row["fates"].values()) == row["instances"]
