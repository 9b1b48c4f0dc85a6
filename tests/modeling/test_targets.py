"""Targets made in the graph: golden numbers, fixed counts, crowds, images without instances."""

import numpy as np
import pytest
from keras import ops

from mrcnn.modeling.targets import DetectionTargetLayer, RPNTargets
from mrcnn.ops import boxes as box_ops


@pytest.fixture(scope="module")
def golden(parity):
    with np.load(parity("units.npz")) as file:
        return {name: file[name] for name in file.files}


def numpy(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def padded(array, rows):
    return np.pad(array, [(0, rows - len(array))] + [(0, 0)] * (array.ndim - 1))


class TestRpn:
    @pytest.fixture
    def gt(self, golden):
        class_ids = padded(golden["rpn_targets__gt_class_ids"], 8)[None]
        return class_ids, padded(golden["rpn_targets__gt_boxes"].astype("float32"), 8)[None]

    @pytest.fixture
    def tied(self, golden, gt):
        """Anchors that share the highest IoU of a gt but for rounding: which of them win is chance."""
        instances = gt[1][0][gt[0][0] > 0]
        iou = ops.convert_to_numpy(box_ops.iou(golden["anchors__pixel"], instances))
        return (np.abs(iou - iou.max(axis=0)) < 1e-6).any(axis=1)

    def test_labels_are_golden(self, golden, gt, tied):
        label, _ = numpy(RPNTargets(golden["anchors__pixel"]).label_anchors(*gt))
        match = golden["rpn_targets__match"]
        np.testing.assert_array_equal(label[0][~tied], match[~tied])
        assert tied.sum() < 50
        assert not ((label[0] == 1) & ~tied).any()
        assert not ((match == 1) & ~tied).any()

    def test_sample_is_of_those_labels_with_golden_deltas(self, golden, gt):
        layer = RPNTargets(golden["anchors__pixel"], count=256)
        labels = numpy(layer.label_anchors(*gt))[0][0]
        index, label, deltas = (x[0] for x in numpy(layer(gt)))
        positive, negative = index[label == 1], index[label == -1]
        np.testing.assert_array_equal(np.sort(positive), np.flatnonzero(labels == 1))
        assert len(set(negative)) == len(negative) == 256 - len(positive)
        assert (labels[negative] == -1).all()
        assert (deltas[label != 1] == 0).all()

        golden_positives = np.flatnonzero(golden["rpn_targets__match"] == 1)
        rows = dict(zip(golden_positives, golden["rpn_targets__bbox"]))
        common = [place for place in np.flatnonzero(label == 1) if index[place] in rows]
        assert len(common) >= 9
        for place in common:
            np.testing.assert_allclose(deltas[place], rows[index[place]], atol=1e-5)

    def test_at_most_half_is_positive(self, golden):
        anchors = np.tile(np.float32([[0, 0, 10, 10]]), (50, 1))
        class_ids, boxes = np.int32([[1]]), np.float32([[[0, 0, 10, 10]]])
        _, label, _ = numpy(RPNTargets(anchors, count=20)((class_ids, boxes)))
        assert (label == 1).sum() == 10

    def test_an_image_without_instances_is_all_background(self, golden):
        class_ids, boxes = np.zeros((2, 8), "int32"), np.zeros((2, 8, 4), "float32")
        _, label, deltas = numpy(RPNTargets(golden["anchors__pixel"], count=64)((class_ids, boxes)))
        assert (label == -1).sum(axis=1).tolist() == [64, 64]
        assert (label == 1).sum() == 0
        assert (deltas == 0).all()

    def test_seed_decides(self, golden, gt):
        def draw(seed):
            return numpy(RPNTargets(golden["anchors__pixel"], seed=seed)(gt))[0]

        np.testing.assert_array_equal(draw(1), draw(1))
        assert (draw(1) != draw(2)).any()


class TestHeads:
    @pytest.fixture
    def layer(self):
        return DetectionTargetLayer(64, 0.33, (28, 28))

    @pytest.fixture
    def inputs(self, golden):
        names = ("proposals", "gt_class_ids", "gt_boxes", "gt_masks")
        return [golden[f"detection_targets__{name}"][None] for name in names]

    def test_golden_rows(self, golden, layer, inputs):
        rois, class_ids, deltas, masks, sampled = numpy(layer(inputs))
        expected = {
            name: golden[f"detection_targets__{name}"] for name in ("rois", "class_ids", "deltas", "masks")
        }
        used = np.any(expected["rois"] != 0, axis=1)
        assert sampled[0].sum() == used.sum()
        np.testing.assert_array_equal(sampled[0], np.any(rois[0] != 0, axis=1))
        for row in np.flatnonzero(used):
            place = np.abs(rois[0] - expected["rois"][row]).sum(axis=1).argmin()
            np.testing.assert_allclose(rois[0, place], expected["rois"][row], atol=1e-6)
            assert class_ids[0, place] == expected["class_ids"][row]
            np.testing.assert_allclose(deltas[0, place], expected["deltas"][row], atol=1e-5)
            if class_ids[0, place] > 0:
                np.testing.assert_array_equal(masks[0, place], expected["masks"][row])

    def test_positives_come_first(self, layer, inputs):
        _, class_ids, _, masks, _ = numpy(layer(inputs))
        assert masks.shape == (1, 21, 28, 28)
        assert (class_ids[0, 21:] == 0).all()
        empty = class_ids[0, :21] == 0
        assert (masks[0][empty] == 0).all()

    def test_an_image_without_instances_is_all_background(self, layer, inputs):
        proposals, class_ids, boxes, masks = inputs
        result = numpy(layer([proposals, class_ids * 0, boxes * 0, masks & False]))
        assert (result[1] == 0).all()
        assert result[4][0].sum() == min(proposals.shape[1], 64 - 21)
        assert all(np.isfinite(tensor).all() for tensor in result)

    def test_padded_proposals_are_not_sampled(self, layer, inputs):
        inputs[0] = np.concatenate([inputs[0], np.zeros((1, 30, 4), "float32")], axis=1)
        rois, _, _, _, sampled = numpy(layer(inputs))
        assert (np.any(rois[0] != 0, axis=1) == sampled[0]).all()
        assert sampled[0].sum() == 20

    def test_what_touches_a_crowd_is_no_background(self, layer):
        boxes = np.float32([[[0.0, 0.0, 0.5, 0.5], [0.6, 0.6, 1.0, 1.0]]])
        proposals = np.float32([[[0.0, 0.0, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9], [0.0, 0.8, 0.3, 1.0]]])
        masks = np.ones((1, 28, 28, 2), bool)
        rois, class_ids, _, _, sampled = numpy(layer([proposals, np.int32([[2, -1]]), boxes, masks]))
        found = {tuple(roi): class_id for roi, class_id in zip(rois[0][sampled[0]], class_ids[0][sampled[0]])}
        assert found == {tuple(proposals[0, 0]): 2, tuple(proposals[0, 2]): 0}

    def test_full_masks_give_the_same_targets_as_mini_masks_of_whole_image_boxes(self):
        rng = np.random.default_rng(3)
        masks = rng.random((1, 40, 40, 1)) > 0.5
        whole, proposals = np.float32([[[0, 0, 1, 1]]]), np.float32([[[0.0, 0.1, 0.9, 1.0]]])
        mini, full = (
            numpy(DetectionTargetLayer(3, 0.34, (14, 14), use)([proposals, np.int32([[1]]), whole, masks]))[3]
            for use in (True, False)
        )
        np.testing.assert_array_equal(mini, full)
        assert 0.3 < full.mean() < 0.7


class TestHeadsByInstance:
    """Two instances: forty proposals match the first, and only one the second."""

    GT = np.float32([[[0.1, 0.1, 0.4, 0.4], [0.6, 0.6, 0.9, 0.9], [0.0, 0.0, 0.0, 0.0]]])
    MASKS = np.ones((1, 14, 14, 3), bool)

    def proposals(self):
        rng = np.random.default_rng(0)
        first = self.GT[0, 0] + rng.uniform(-0.02, 0.02, (40, 4))
        background = np.tile([[0.4, 0.0, 0.6, 0.2]], (20, 1)) + rng.uniform(0, 0.02, (20, 4))
        second = self.GT[0, 1:2] + [[0.01, 0.0, 0.02, 0.0]]
        return np.concatenate([first, second, background])[None].astype("float32")

    def targets(self, class_ids, seed=0, **options):
        layer = DetectionTargetLayer(24, 0.5, (14, 14), seed=seed, **options)
        return [x[0] for x in numpy(layer([self.proposals(), np.int32([class_ids]), self.GT, self.MASKS]))]

    def test_each_instance_has_its_share(self):
        for seed in range(5):
            rois, class_ids, deltas, masks, sampled = self.targets([1, 2, 0], seed, by_instance=True)
            # The second has two in all, its proposal and its own box; the first fills the other places.
            assert sorted(class_ids[:12]) == [1] * 10 + [2] * 2
            second = class_ids == 2
            own = np.abs(rois[second] - self.GT[0, 1]).max(axis=1).argmin()
            np.testing.assert_allclose(rois[second][own], self.GT[0, 1], atol=1e-6)
            np.testing.assert_allclose(deltas[second][own], 0, atol=1e-5)
            assert (masks[second[:12]][own] == 1).all()
            assert sampled.sum() == 24 and (class_ids[12:] == 0).all()

    def test_without_it_most_draws_forget_the_second(self):
        seconds = [(self.targets([1, 2, 0], seed)[1] == 2).sum() for seed in range(5)]
        assert max(seconds) <= 1 and 0 in seconds

    def test_crowds_and_padding_lend_no_boxes(self):
        rois, class_ids, _, _, sampled = self.targets([1, -2, 0], by_instance=True)
        assert set(class_ids[:12]) == {1}
        assert not (np.abs(rois - self.GT[0, 1]).max(axis=1) < 0.05).any()
        assert (np.any(rois != 0, axis=1) == sampled).all()

    def test_an_image_without_instances_is_all_background(self):
        _, class_ids, _, _, sampled = self.targets([0, 0, 0], by_instance=True)
        assert (class_ids == 0).all() and sampled.sum() == 12
