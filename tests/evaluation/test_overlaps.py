"""Slices of overlap and what becomes of each instance: cases whose answer is known, and a real network."""

import numpy as np
import pytest

from mrcnn.evaluation import coco, overlaps
from mrcnn.pipeline.masks import extract_bboxes
from tests.scenes import Rectangles
from tests.tiny import detector

SIZE = 100


def filled(*boxes):
    """Masks [100, 100, N] that fill boxes (y1, x1, y2, x2)."""
    masks = np.zeros((SIZE, SIZE, len(boxes)), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    return masks


def truths_of(masks, class_ids, first=1):
    results = results_of(masks, class_ids, np.ones(len(class_ids)))
    return [
        {**result, "id": first + i, "iscrowd": 0, "area": float(masks[..., i].sum())}
        for i, result in enumerate(results)
    ]


def results_of(masks, class_ids, scores):
    found = {"rois": extract_bboxes(masks), "class_ids": class_ids, "scores": scores, "masks": masks}
    return coco.coco_results(0, found)


def stages(proposals, boxes=None, class_ids=None, candidates=None):
    """An entry of Watched.stages; by default ROIs of class 1 that stayed where they were and entered NMS."""
    count = len(proposals)
    return {
        "proposals": np.reshape(proposals, (-1, 4)).astype(float),
        "boxes": np.reshape(proposals if boxes is None else boxes, (-1, 4)).astype(float),
        "class_ids": np.ones(count, int) if class_ids is None else np.asarray(class_ids),
        "candidates": np.ones(count, bool) if candidates is None else np.asarray(candidates),
    }


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


LEFT, RIGHT = (10, 10, 50, 50), (10, 30, 50, 70)  # IoU of the two 1 / 3
SHIFTED = (10, 32, 50, 72)
NOTHING = np.zeros((SIZE, SIZE, 0), bool)


class TestFates:
    """Two neighbours of class 1. The left one is always found; what of the right one?"""

    truths = truths_of(filled(LEFT, RIGHT), [1, 1])

    def right(self, seen, masks=None, class_ids=None):
        masks = filled(LEFT) if masks is None else masks
        count = masks.shape[-1]
        class_ids = np.ones(count, int) if class_ids is None else class_ids
        results = results_of(masks, class_ids, np.linspace(0.9, 0.8, count))
        (first, second), _ = overlaps.fates_of(self.truths, results, seen)
        assert first == "found"
        return second

    def test_found(self):
        assert self.right(stages([LEFT, SHIFTED]), filled(LEFT, SHIFTED)) == "found"

    def test_no_proposal(self):
        assert self.right(stages([LEFT])) == "no proposal"
        assert self.right(stages([LEFT, (10, 52, 50, 70)])) == "no proposal"  # IoU 0.45

    def test_a_neighbour_s_proposal_is_not_its_own(self):
        near = (10, 19, 50, 59)  # IoU 0.63 with the left one, 0.57 with the right one
        assert self.right(stages([LEFT, near])) == "no proposal"

    def test_weak(self):
        assert self.right(stages([LEFT, SHIFTED], candidates=[True, False])) == "weak"

    def test_another_class(self):
        assert self.right(stages([LEFT, SHIFTED], class_ids=[1, 2])) == "weak"

    def test_moved(self):
        assert self.right(stages([LEFT, SHIFTED], boxes=[LEFT, LEFT])) == "moved"

    def test_dropped_by_nms(self):
        assert self.right(stages([LEFT, SHIFTED])) == "NMS"

    def test_a_poor_mask(self):
        stripes = filled(SHIFTED)
        stripes[::2] = False  # IoU 18 / (36 + 20) with the right one: its box is that of the whole
        masks = np.concatenate([filled(LEFT), stripes], axis=-1)
        assert self.right(stages([LEFT, SHIFTED]), masks) == "mask"

    def test_detected_as_another_class_is_not_found(self):
        seen = stages([LEFT, RIGHT], class_ids=[1, 2])
        assert self.right(seen, filled(LEFT, RIGHT), np.array([1, 2])) == "weak"

    def test_one_detection_finds_one_instance(self):
        """The right one's twin takes the second detection of the same place, if there is one."""
        truths = truths_of(filled(RIGHT, RIGHT), [1, 1])
        seen = stages([RIGHT])
        once, _ = overlaps.fates_of(truths, results_of(filled(RIGHT), [1], [0.9]), seen)
        assert sorted(once) == ["found", "no proposal"]
        twice, _ = overlaps.fates_of(truths, results_of(filled(RIGHT, RIGHT), [1, 1], [0.9, 0.8]), seen)
        assert twice == ["found", "found"]

    def test_merged(self):
        both = filled((10, 10, 50, 70))
        (first, second), merged = overlaps.fates_of(
            self.truths, results_of(both, [1], [0.9]), stages([(10, 10, 50, 70)])
        )
        assert (first, second) == ("found", "no proposal")  # IoU 2 / 3 with each
        assert merged.tolist() == [False, True]

    def test_missed_beside_a_mask_of_one_is_not_merged(self):
        narrow = (10, 10, 50, 49)  # covers 19 of the right one's 40 columns
        _, merged = overlaps.fates_of(self.truths, results_of(filled(narrow), [1], [0.9]), stages([LEFT]))
        assert merged.tolist() == [False, False]

    def test_nothing_detected_and_nothing_there(self):
        nothing = stages(np.zeros((0, 4)))
        fates, merged = overlaps.fates_of(self.truths, [], nothing)
        assert fates == ["no proposal"] * 2
        assert not merged.any()
        fates, merged = overlaps.fates_of([], results_of(filled(LEFT), [1], [0.9]), stages([LEFT]))
        assert (fates, len(merged)) == ([], 0)


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


class TestNetwork:
    def test_it_detects_as_the_model_itself(self, model, dataset):
        images = [dataset.load_image(i) for i in dataset.image_ids]
        for ours, own in zip(overlaps.Watched(model).detect(images), model.detect(images), strict=True):
            assert len(own["scores"]) > 0
            for name in ("rois", "class_ids", "masks"):
                np.testing.assert_array_equal(ours[name], own[name])
            np.testing.assert_allclose(ours["scores"], own["scores"], rtol=1e-5)

    def test_detections_are_among_the_candidates(self, model, dataset):
        watched = overlaps.Watched(model)
        (found,) = watched.detect([dataset.load_image(0)])
        (seen,) = watched.stages
        assert seen["candidates"].any()
        for box, class_id in zip(found["rois"], found["class_ids"]):
            same = seen["candidates"] & (seen["class_ids"] == class_id)
            assert np.abs(seen["boxes"][same] - box).max(axis=1).min() <= 0.51  # rounded to pixels
        # The tiny network's deltas are zero: boxes are proposals cut to the image, whose frame counts the far
        # edges a pixel further.
        inside = np.clip(seen["proposals"], 0, [90, 120, 90, 120])
        np.testing.assert_allclose(seen["boxes"], inside, atol=1)
        assert inside[:, 3].max() > 60

    def test_the_whole_evaluation(self, model, dataset):
        scores = overlaps.evaluate(model, dataset, progress=False)
        plain = coco.evaluate(model.detect, dataset, progress=False)
        for kind in ("segm", "bbox"):
            assert scores[kind]["AP"] == pytest.approx(plain[kind]["AP"], abs=1e-6)
        *slices, whole = scores["clumps"]
        assert whole["instances"] == sum(row["instances"] for row in slices) == plain["instances"] == 6
        for row in scores["clumps"]:
            assert sum(row["fates"].values()) == row["instances"]
