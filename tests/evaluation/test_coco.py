"""COCO AP and matterport's AP: golden numbers, perfect and absent detections, crowds."""

import json

import numpy as np
import pytest
from faster_coco_eval.core import mask as rle

from mrcnn.datasets.dataset import Dataset
from mrcnn.detection.tiling import Tiling
from mrcnn.evaluation import coco, matches
from mrcnn.pipeline.masks import extract_bboxes
from tests.streaming import Streaming


class Squares(Dataset):
    """Images of 100 px with squares; load_mask gives them as gt."""

    def __init__(self, images):
        super().__init__()
        self.add_class("squares", 1, "small")
        self.add_class("squares", 2, "large")
        for number, squares in enumerate(images):
            self.add_image("squares", number, path="", squares=squares)
        self.prepare()

    def load_image(self, image_id):
        return np.full((100, 100, 3), image_id, np.uint8)

    def load_mask(self, image_id):
        squares = self.image_info[image_id]["squares"]
        masks = np.zeros((100, 100, len(squares)), bool)
        for i, (_, y, x, side) in enumerate(squares):
            masks[y : y + side, x : x + side, i] = True
        return masks, np.array([class_id for class_id, *_ in squares], np.int32)


def result_of(masks, class_ids, scores):
    return {"rois": extract_bboxes(masks), "class_ids": class_ids, "scores": scores, "masks": masks}


def perfect(dataset):
    def detect(images):
        masks, class_ids = dataset.load_mask(int(images[0][0, 0, 0]))
        keep = class_ids > 0
        return [result_of(masks[..., keep], class_ids[keep], np.full(keep.sum(), 0.9))]

    return detect


def nothing(images):
    return [result_of(np.zeros((100, 100, 0), bool), np.zeros(0, int), np.zeros(0))]


SCENES = [[(1, 10, 10, 20), (2, 50, 50, 40)], [], [(1, 0, 0, 12)]]


class TestCoco:
    def test_perfect_detections_score_one(self):
        dataset = Squares(SCENES)
        scores = coco.evaluate(perfect(dataset), dataset, progress=False)
        for kind in coco.KINDS:
            assert scores[kind]["AP"] == scores[kind]["AP50"] == scores[kind]["AR"] == 1.0
            assert scores[kind]["per_class"] == {"small": 1.0, "large": 1.0}
        assert (scores["images"], scores["instances"]) == (3, 3)

    def test_no_detections_score_zero(self):
        dataset = Squares(SCENES)
        scores = coco.evaluate(nothing, dataset, progress=False)
        assert scores["segm"]["AP"] == scores["bbox"]["AP50"] == 0.0

    def test_in_tiles_more_than_a_hundred_detections_count(self):
        dataset = Squares([[(1, 9 * y, 9 * x, 5) for y in range(11) for x in range(11)]])

        class Perfect(Streaming):
            detect = staticmethod(perfect(dataset))

        uncut = coco.evaluate(Perfect(), dataset, progress=False)
        assert uncut["segm"]["AR"] == pytest.approx(100 / 121)
        cut = coco.evaluate(Perfect(), dataset, progress=False, tiling=Tiling("auto"))
        assert cut["segm"]["AR"] == cut["segm"]["AP"] == 1.0

    def test_half_found_scores_about_half(self):
        dataset = Squares([[(1, 10, 10, 20)], [(1, 30, 30, 20)]])

        def detect(images):
            return perfect(dataset)(images) if images[0][0, 0, 0] == 0 else nothing(images)

        scores = coco.evaluate(detect, dataset, progress=False)
        assert scores["segm"]["AP"] == pytest.approx(0.5, abs=0.01)

    def test_a_shifted_square_counts_at_low_thresholds_alone(self):
        dataset = Squares([[(2, 20, 20, 40)]])

        def detect(images):
            masks = np.roll(dataset.load_mask(0)[0], 8, axis=1)  # IoU 32 / 48
            return [result_of(masks, np.array([2]), np.array([0.8]))]

        scores = coco.evaluate(detect, dataset, progress=False)["segm"]
        assert (scores["AP50"], scores["AP75"]) == (1.0, 0.0)
        assert scores["AP"] == pytest.approx(0.4, abs=1e-6)  # 0.5, 0.55, 0.6 and 0.65 of ten

    def test_an_outline_that_is_off_costs_the_boundary_more_than_the_mask(self):
        """Squares of 80 and 76 px: their bands of 3 px (2 % of the diagonal) share one pixel's width."""
        dataset = Squares([[(2, 10, 10, 80)]])

        def detect(images):
            masks = np.zeros((100, 100, 1), bool)
            masks[12:88, 12:88] = True
            return [result_of(masks, np.array([2]), np.array([0.8]))]

        scores = coco.evaluate(detect, dataset, progress=False)
        assert scores["segm"]["AP"] == pytest.approx(0.9, abs=1e-6)  # IoU 0.9025
        assert scores["boundary"]["AP"] == 0.0

    def test_the_kinds_can_be_chosen(self):
        dataset = Squares(SCENES)
        scores = coco.evaluate(perfect(dataset), dataset, progress=False, kinds=("segm",))
        assert "bbox" not in scores and "boundary" not in scores
        assert len(coco.table_lines(scores)) == 4  # head, masks, two classes

    def test_what_lies_in_a_crowd_is_not_held_against(self):
        scene = [(1, 10, 10, 20), (-1, 50, 50, 40)]
        dataset = Squares([scene])

        def detect(images):
            extra = np.zeros((100, 100, 2), bool)
            extra[10:30, 10:30, 0] = True
            extra[55:70, 55:70, 1] = True
            return [result_of(extra, np.array([1, 1]), np.array([0.5, 0.9]))]

        assert coco.evaluate(detect, dataset, progress=False)["segm"]["AP"] == 1.0
        del scene[1]
        assert coco.evaluate(detect, Squares([scene]), progress=False)["segm"]["AP"] < 0.6

    def test_a_detection_where_nothing_is_costs_precision(self):
        dataset = Squares([[(1, 10, 10, 20)], []])

        def detect(images):
            if images[0][0, 0, 0] == 0:
                return perfect(dataset)(images)
            masks = np.zeros((100, 100, 1), bool)
            masks[5:25, 5:25] = True
            return [result_of(masks, np.array([1]), np.array([0.95]))]

        for kind in ("segm", "bbox"):
            assert coco.evaluate(detect, dataset, progress=False)[kind]["AP"] == pytest.approx(0.5)

    def test_recall_counts_all_detections_of_an_image(self):
        dataset = Squares([[(1, 10, 10, 20), (1, 60, 60, 20), (1, 10, 60, 20)]])
        assert coco.evaluate(perfect(dataset), dataset, progress=False)["segm"]["AR"] == 1.0

    def test_sizes_have_numbers_only_where_there_is_gt(self):
        dataset = Squares([[(1, 0, 0, 31), (2, 40, 40, 40)]])
        for detect in (perfect(dataset), nothing):
            scores = coco.evaluate(detect, dataset, progress=False)["segm"]
            assert (scores["APs"] == scores["APm"]) and scores["APs"] in (0.0, 1.0)
            assert scores["APl"] == -1.0

    def test_the_size_of_a_detected_mask_is_its_own_not_its_box(self):
        # An unmatched detection counts against the AP of its own size. An L of 97 + 96 pixels is small,
        # though its box is large.
        dataset = Squares([[(1, 0, 0, 20)]])
        masks = np.zeros((100, 100, 2), bool)
        masks[:20, :20, 0] = True
        masks[3:, 99, 1] = masks[99, 3:, 1] = True

        def detect(images):
            return [result_of(masks, np.array([1, 1]), np.array([0.5, 0.9]))]

        scores = coco.evaluate(detect, dataset, progress=False)
        assert scores["segm"]["APs"] == pytest.approx(0.5)
        assert scores["bbox"]["APs"] == 1.0

    def test_batches_give_the_same(self):
        dataset = Squares(SCENES)

        def detect(images):
            return [perfect(dataset)([image])[0] for image in images]

        one, two = (coco.evaluate(detect, dataset, progress=False, batch_size=k) for k in (1, 2))
        assert one == two

    def test_masks_of_another_size_are_an_error(self):
        dataset = Squares(SCENES)

        def detect(images):
            return [result_of(np.ones((50, 100, 1), bool), np.array([1]), np.array([0.9]))]

        with pytest.raises(coco.EvaluationError, match=r"Image 0 is 100 x 100, .* 50 x 100"):
            coco.evaluate(detect, dataset, progress=False)

    def test_classes_of_one_name_are_told_apart_by_their_source(self):
        dataset = Squares(SCENES)
        dataset.add_class("circles", 1, "small")
        dataset.prepare()
        scores = coco.evaluate(perfect(dataset), dataset, progress=False)["segm"]
        assert scores["per_class"] == {"small (squares)": 1.0, "large": 1.0, "small (circles)": -1.0}

    def test_it_says_nothing_and_changes_nothing(self, capsys):
        dataset = Squares(SCENES)
        truth = coco.coco_ground_truth(dataset)
        results = coco.coco_results(0, perfect(dataset)([dataset.load_image(0)])[0])
        before = json.dumps([truth, results])
        first = coco.score(truth, results)
        assert json.dumps([truth, results]) == before
        assert coco.score(truth, results) == first
        assert capsys.readouterr() == ("", "")

    def test_run_lengths_are_cocos(self):
        mask = np.zeros((3, 4), bool)
        mask[1, 1] = mask[1, 2] = True  # by columns 4, 1, 2, 1, 4; from the fourth on less the one two before
        assert coco.encode_mask(mask) == {"size": [3, 4], "counts": "41202"}
        assert (rle.decode(coco.encode_mask(mask)) == mask).all()

    def test_nothing_to_find_is_an_error(self):
        with pytest.raises(coco.EvaluationError, match="None of the 2 images"):
            coco.evaluate(nothing, Squares([[], []]), progress=False)

    def test_the_table_shows_both_kinds(self):
        dataset = Squares(SCENES)
        lines = coco.table_lines(coco.evaluate(nothing, dataset, progress=False))
        assert lines[0].split()[:3] == ["AP", "AP50", "AP75"]
        assert [line.split()[0] for line in lines[1:]] == ["mask", "box", "boundary", "small", "large"]


class TestMatterport:
    @pytest.fixture
    def golden(self, parity):
        with np.load(parity("units.npz")) as file:
            return {name.removeprefix("ap__"): file[name] for name in file.files if name.startswith("ap__")}

    def test_golden_ap(self, golden):
        gt, pred = golden["gt_masks"], golden["pred_masks"]
        ones = np.ones(4, np.int32)
        result = matches.compute_ap(
            extract_bboxes(gt), ones[:2], gt, extract_bboxes(pred), ones, golden["pred_scores"], pred
        )
        for ours, name in zip(result, ("mAP", "precisions", "recalls", "overlaps")):
            np.testing.assert_allclose(ours, golden[name], atol=1e-5, err_msg=name)

    def test_two_predictions_cannot_take_one_gt(self):
        mask = np.zeros((10, 10, 1), bool)
        mask[2:6, 2:6] = True
        twice, box = np.repeat(mask, 2, axis=2), extract_bboxes(mask)
        gt_match, pred_match, _ = matches.compute_matches(
            box, np.array([1]), mask, np.repeat(box, 2, axis=0), np.array([1, 1]), np.array([0.3, 0.9]), twice
        )
        assert gt_match.tolist() == [0]  # a match to prediction 0 is a match
        assert pred_match.tolist() == [0, -1]

    def test_the_class_must_agree(self):
        mask = np.ones((4, 4, 1), bool)
        box = extract_bboxes(mask)
        found = matches.compute_matches(box, np.array([1]), mask, box, np.array([2]), np.array([0.9]), mask)
        assert found[0].tolist() == found[1].tolist() == [-1]

    def test_overlaps_of_empty_and_no_masks(self):
        some, none = np.ones((4, 4, 2), bool), np.zeros((4, 4, 0), bool)
        assert matches.compute_overlaps_masks(some, none).shape == (2, 0)
        assert matches.compute_overlaps_masks(some & False, some & False).tolist() == [[0, 0], [0, 0]]
        assert matches.compute_overlaps_masks(some, some).tolist() == [[1, 1], [1, 1]]

    def test_padding_anywhere_is_left_out(self):
        mask = np.zeros((10, 10, 3), bool)
        mask[1:4, 1:4, 0] = mask[6:9, 6:9, 2] = True  # between them a row of padding
        boxes, ids = extract_bboxes(mask), np.array([1, 0, 2])
        scores = np.array([0.8, 0.0, 0.9])
        gt_match, pred_match, overlaps = matches.compute_matches(boxes, ids, mask, boxes, ids, scores, mask)
        assert gt_match.tolist() == pred_match.tolist() == [1, 0]
        assert overlaps.tolist() == [[0, 1], [1, 0]]

    def test_overlaps_of_large_masks(self):
        rng = np.random.default_rng(3)
        one, two = rng.random((300, 301, 2)) < 0.5, rng.random((300, 301, 3)) < 0.3
        both = (one[..., None] & two[:, :, None]).sum(axis=(0, 1))
        either = (one[..., None] | two[:, :, None]).sum(axis=(0, 1))
        np.testing.assert_allclose(matches.compute_overlaps_masks(one, two), both / either, rtol=1e-6)

    def test_recall_without_boxes(self):
        none, some = np.zeros((0, 4)), np.array([[0, 0, 5, 5]])
        assert matches.compute_recall(none, some, 0.5)[0] == 0.0
        assert matches.compute_recall(some, none, 0.5)[0] == 0.0

    def test_recall(self):
        gt = np.array([[0, 0, 10, 10], [20, 20, 30, 30]])
        pred = np.array([[0, 0, 10, 9], [50, 50, 60, 60], [0, 0, 10, 10]])
        recall, positive = matches.compute_recall(pred, gt, 0.5)
        assert recall == 0.5
        assert positive.tolist() == [0, 2]

    def test_ap_range_is_the_mean(self, capsys):
        mask = np.zeros((20, 20, 1), bool)
        mask[:10, :10] = True
        shifted = np.roll(mask, 1, axis=0)  # IoU 90 / 110
        boxes = extract_bboxes(mask), extract_bboxes(shifted)
        one = np.array([1])
        value = matches.compute_ap_range(boxes[0], one, mask, boxes[1], one, np.array([0.9]), shifted)
        assert value == pytest.approx(0.7)
        assert "AP @0.50-0.95" in capsys.readouterr().out
