"""Proposals and detections: golden numbers, padding, and what must be left out."""

import numpy as np
import pytest
from keras import ops

from mrcnn.modeling.detections import DetectionLayer
from mrcnn.modeling.rpn import ProposalLayer
from tests.sooner import eagerly
from tests.tiny import detector, picture


@pytest.fixture(scope="module")
def golden(parity):
    with np.load(parity("units.npz")) as file:
        return {name: file[name] for name in file.files}


def meta_with_window(window, side=256):
    """Image meta whose window, normalised, is the given one."""
    window = np.asarray(window) * (side - 1) + [0, 0, 1, 1]
    meta = np.zeros((1, 16), "float32")
    meta[0, 4:7], meta[0, 7:11] = (side, side, 3), window
    return meta


def detect(layer, rois, probabilities, deltas, window=(0, 0, 1, 1)):
    tensors = [np.asarray(x, "float32")[None] for x in (rois, probabilities, deltas)]
    return ops.convert_to_numpy(layer([*tensors, meta_with_window(window)]))[0]


def test_golden_proposals(golden):
    layer = ProposalLayer(proposal_count=50, nms_threshold=0.7)
    inputs = [
        golden["proposals__rpn_probs"],
        golden["proposals__rpn_deltas"],
        golden["anchors__normalized"][None],
    ]
    np.testing.assert_allclose(ops.convert_to_numpy(layer(inputs)), golden["proposals__out"], atol=1e-5)


def test_golden_detections(golden):
    layer = DetectionLayer(max_instances=20, min_confidence=0.3, nms_threshold=0.3)
    names = ("rois", "probs", "deltas", "window")
    found = detect(layer, *(golden[f"detections__{name}"] for name in names))
    np.testing.assert_allclose(found, golden["detections__out"], atol=1e-5)


def test_proposals_of_exploding_deltas_are_finite():
    layer = ProposalLayer(proposal_count=4, nms_threshold=0.7)
    anchors = np.tile(np.float32([[0.4, 0.4, 0.6, 0.6]]), (1, 8, 1))
    wild = np.full((1, 8, 4), 1e4, "float32")
    proposals = ops.convert_to_numpy(layer([np.full((1, 8, 2), 0.5, "float32"), wild, anchors]))
    assert np.isfinite(proposals).all()
    assert ((proposals >= 0) & (proposals <= 1)).all()


class TestDetections:
    layer = DetectionLayer(max_instances=4, min_confidence=0.5, nms_threshold=0.3)
    still = np.zeros((3, 3, 4))

    def test_weak_ones_background_and_empty_rois_are_left_out(self):
        rois = [[0.1, 0.1, 0.3, 0.3], [0.5, 0.5, 0.9, 0.9], [0, 0, 0, 0]]
        probabilities = [[0.9, 0.1, 0.0], [0.3, 0.4, 0.3], [0.0, 1.0, 0.0]]
        assert (detect(self.layer, rois, probabilities, self.still) == 0).all()

    def test_overlapping_boxes_of_two_classes_stay(self):
        rois = [[0.1, 0.1, 0.5, 0.5]] * 3
        probabilities = [[0.0, 0.8, 0.2], [0.0, 0.1, 0.9], [0.0, 0.7, 0.3]]
        found = detect(self.layer, rois, probabilities, self.still)
        np.testing.assert_allclose(found[:, 4:], [[2, 0.9], [1, 0.8], [0, 0], [0, 0]], atol=1e-6)

    def test_boxes_are_clipped_to_the_window(self):
        found = detect(
            self.layer, [[0, 0, 1, 1]] * 3, [[0, 1, 0]] * 3, self.still, window=(0.25, 0, 0.75, 0.5)
        )
        np.testing.assert_allclose(found[0, :4], [0.25, 0, 0.75, 0.5], atol=1e-6)

    def test_each_image_has_its_own_window(self):
        rois = np.tile(np.float32([[0, 0, 1, 1]]), (2, 1, 1))
        probabilities = np.tile(np.float32([[0, 1, 0]]), (2, 1, 1))
        meta = np.concatenate([meta_with_window((0, 0, 1, 1)), meta_with_window((0.5, 0.5, 1, 1))])
        found = ops.convert_to_numpy(
            self.layer([rois, probabilities, np.zeros((2, 1, 3, 4), "float32"), meta])
        )
        np.testing.assert_allclose(found[:, 0, :4], [[0, 0, 1, 1], [0.5, 0.5, 1, 1]], atol=1e-6)


class TestSoftNms:
    """Two boxes of class 1 with IoU 0.5, the whole and its left half, and one of class 2 over both."""

    rois = ([0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.3], [0.1, 0.1, 0.5, 0.5])
    probabilities = ([0.05, 0.9, 0.05], [0.1, 0.8, 0.1], [0.0, 0.3, 0.7])
    still = np.zeros((3, 3, 4))

    def found(self, **options):
        layer = DetectionLayer(max_instances=4, min_confidence=0.3, nms_threshold=0.3, **options)
        return detect(layer, self.rois, self.probabilities, self.still)[:, 4:]

    def test_hard_is_the_default(self):
        expected = [[1, 0.9], [2, 0.7], [0, 0], [0, 0]]
        np.testing.assert_allclose(self.found(), expected, atol=1e-6)
        np.testing.assert_array_equal(self.found(nms_method="hard"), self.found())

    def test_linear_lowers_by_the_overlap(self):
        expected = [[1, 0.9], [2, 0.7], [1, 0.4], [0, 0]]
        np.testing.assert_allclose(self.found(nms_method="soft_linear"), expected, atol=1e-4)

    def test_gaussian_lowers_by_sigma(self):
        expected = [[1, 0.9], [2, 0.7], [1, 0.8 * np.exp(-0.25 / 0.4)], [0, 0]]
        np.testing.assert_allclose(
            self.found(nms_method="soft_gaussian", sigma=0.4), expected, atol=1e-4
        )  # fmt: skip

    def test_lowered_below_the_confidence_is_dropped(self):
        expected = [[1, 0.9], [2, 0.7], [0, 0], [0, 0]]
        np.testing.assert_allclose(
            self.found(nms_method="soft_gaussian", sigma=0.2), expected, atol=1e-6
        )  # fmt: skip

    def test_an_unknown_method_is_refused(self):
        with pytest.raises(ValueError, match="hard, soft_linear, soft_gaussian, got 'soft'"):
            DetectionLayer(4, 0.3, 0.3, nms_method="soft")

    def test_the_config_chooses(self):
        model = detector(DETECTION_NMS="soft_gaussian", DETECTION_NMS_SIGMA=0.4)
        layer = model.keras_model.get_layer("mrcnn_detection")
        assert (layer.nms_method, layer.sigma) == ("soft_gaussian", 0.4)
        with eagerly():
            assert len(model.detect([picture(60, 90)])[0]["scores"]) > 0


@pytest.mark.parametrize("background_wins, min_confidence", [(True, 0.3), (False, 0.3), (False, 0.5)])
def test_what_is_background_first_counts_if_asked(background_wins, min_confidence):
    layer = DetectionLayer(4, min_confidence, 0.3, background_wins=background_wins)
    rois = [[0.1, 0.1, 0.3, 0.3], [0.5, 0.5, 0.8, 0.8], [0.1, 0.6, 0.3, 0.9]]
    probabilities = [[0.1, 0.2, 0.7], [0.6, 0.35, 0.05], [0.8, 0.1, 0.1]]
    found = detect(layer, rois, probabilities, np.zeros((3, 3, 4)))
    sure, unsure = [*rois[0], 2, 0.7], [*rois[1], 1, 0.35]
    expected = [sure] if background_wins or min_confidence > 0.35 else [sure, unsure]
    np.testing.assert_allclose(found[: len(expected)], expected, atol=1e-6)
    assert (found[len(expected) :] == 0).all()
