"""Weights remember how their mask targets were sampled, and detections are mapped accordingly."""

import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.detection.mask_rule import MaskRule
from mrcnn.detection.molding import unmold_detections
from mrcnn.model import MaskRCNN
from mrcnn.weights import named

IMAGE = (128, 128, 3)


def normalized(box, side=128):
    """A continuous box of the molded image in matterport's frame, which ends at the last pixel's centre."""
    return (np.asarray(box, float) - [0, 0, 1, 1]) / (side - 1)


def unmold(box, mask=None, original=(256, 256, 3), window=(0, 0, 128, 128), rule=None):
    detections = np.zeros((2, 6))
    detections[0] = [*normalized(box), 1, 0.9]
    masks = np.zeros((2, 28, 28, 2))
    masks[0, :, :, 1] = 1 if mask is None else mask
    return unmold_detections(detections, masks, original, IMAGE, window, rule or MaskRule("aligned"))


class TestRule:
    def test_a_file_without_a_record_is_matterports(self):
        assert MaskRule.of({}) == MaskRule("corner", (56, 56))
        assert MaskRule.of(Config().to_plain()) == MaskRule("corner", (56, 56))

    @pytest.mark.parametrize(
        "rule",
        [MaskRule(), MaskRule("aligned", (28, 28)), MaskRule("corner", None), MaskRule("aligned", None)],
    )
    def test_its_settings_give_it_back(self, rule):
        assert MaskRule.of(rule.settings()) == rule

    def test_the_first_sample_is_the_centre_of_the_first_cell_of_what_was_sampled(self):
        assert MaskRule("corner", (56, 28)).first_sample((100, 100)) == (0.5 / 56, 0.5 / 28)
        assert MaskRule("corner", None).first_sample((100, 50)) == (0.005, 0.01)
        assert MaskRule("aligned").first_sample((100, 100)) is None


class TestMapping:
    def test_edges_scale_with_the_photograph(self):
        boxes, class_ids, scores, masks = unmold((10, 20, 40, 80))
        np.testing.assert_array_equal(boxes, [[20, 40, 80, 160]])
        assert (boxes.dtype, list(class_ids), list(scores)) == (np.int32, [1], [0.9])
        expected = np.zeros((256, 256, 1), bool)
        expected[20:80, 40:160] = True
        masks[[20, 20, 79, 79], [40, 159, 40, 159]] = True  # at the corners a mask fades along both axes
        np.testing.assert_array_equal(masks, expected)

    def test_the_padding_is_taken_off(self):
        boxes, *_, masks = unmold((42, 0, 74, 128), original=(64, 128, 3), window=(32, 0, 96, 128))
        np.testing.assert_array_equal(boxes, [[10, 0, 42, 128]])
        assert masks.shape == (64, 128, 1) and masks[10:42].all() and masks.sum() == 32 * 128

    def test_masks_are_pasted_before_the_box_is_rounded(self):
        half = np.zeros((28, 28))
        half[:, 14:] = 1
        *_, masks = unmold((10, 20.2, 40, 30.2), half)  # 40.4 to 60.4 of the photograph, middle 50.4
        assert np.flatnonzero(masks[40, :, 0]).min() == 50  # its centre, 50.5, lies beyond the middle
        *_, masks = unmold((10, 20.3, 40, 30.3), half)
        assert np.flatnonzero(masks[40, :, 0]).min() == 51

    def test_a_box_of_less_than_a_pixel_is_a_pixel(self):
        boxes, *_ = unmold((127.9, 10.1, 128, 10.2), original=IMAGE)
        np.testing.assert_array_equal(boxes, [[127, 10, 128, 11]])

    def test_a_box_outside_of_the_window_is_dropped(self):
        boxes, *_, masks = unmold((0, 0, 32, 128), original=(64, 128, 3), window=(32, 0, 96, 128))
        assert boxes.shape == (0, 4) and masks.shape == (64, 128, 0)

    def test_corner_samples_are_pasted_where_they_were_taken(self):
        """A band of 144 of 224 px, sampled from corner to corner and pasted, has its own width again."""
        cells = (0.5 + np.linspace(0, 55, 28)) * 4  # centres of the mini-mask's cells, in pixels of 224
        share = np.clip((cells - 40) / 32 + 0.5, 0, 1) * np.clip((184 - cells) / 32 + 0.5, 0, 1)
        target = np.outer(np.ones(28), share)  # it fades over 32 px about 40 and 184
        widths = {}
        for rule in (MaskRule("corner", (56, 56)), MaskRule("aligned")):
            detections = np.zeros((1, 6))
            detections[0] = [*normalized((16, 16, 240, 240), 256), 1, 0.9]
            output = np.repeat(target[None, :, :, None], 2, axis=-1)
            shape = (256, 256, 3)
            *_, masks = unmold_detections(detections, output, shape, shape, (0, 0, 256, 256), rule)
            widths[rule.target] = masks[128].sum()
        assert widths["corner"] == 144
        assert widths["aligned"] == 142  # the original loses a pixel at either edge


class Tiny(Config):
    NAME = "tiny"
    BACKBONE = "light"
    IMAGES_PER_GPU = 1
    NUM_CLASSES = 2
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 64
    TOP_DOWN_PYRAMID_SIZE = RPN_CHANNELS = MASK_HEAD_CHANNELS = 8
    FPN_CLASSIF_FC_LAYERS_SIZE = 16
    POST_NMS_ROIS_INFERENCE = 8
    DETECTION_MAX_INSTANCES = 4
    DETECTION_MIN_CONFIDENCE = 0.0


def model(**settings):
    config = Tiny()
    config.update(settings)
    return MaskRCNN("inference", config, "runs")


def test_a_weights_file_carries_its_rule(tmp_path):
    trained = model(MASK_TARGET="aligned")
    assert trained.mask_rule == MaskRule("aligned", (56, 56))
    trained.save_weights(tmp_path / "aligned.h5")

    other = model(MASK_PASTE="as_trained")
    assert other.mask_rule.target == "corner"
    other.load_weights(tmp_path / "aligned.h5", report=None)
    assert other.mask_rule.target == "aligned"
    other.save_weights(tmp_path / "again.h5")
    assert named.read_metadata(tmp_path / "again.h5")["config"]["MASK_TARGET"] == "aligned"
    assert other.for_inference().mask_rule.target == "aligned"

    # Without its mask head, or through Keras's own door.
    third = model()
    third.load_weights(tmp_path / "aligned.h5", by_name=True, exclude=["mrcnn_mask"], report=None)
    assert third.mask_rule.target == "corner"
    third.keras_model.load_weights(tmp_path / "aligned.h5")
    assert third.mask_rule.target == "aligned"


def test_mask_paste_decides_how_detections_are_mapped():
    detections = np.zeros((1, 6))
    detections[0] = [*normalized((10, 20, 40, 80)), 1, 0.9]
    arguments = (detections, np.ones((1, 28, 28, 2)), (256, 256, 3), IMAGE, (0, 0, 128, 128))
    matterports, *_ = model().unmold_detections(*arguments)
    np.testing.assert_array_equal(matterports, [[20, 40, 79, 160]])
    exact, *_ = model(MASK_PASTE="as_trained").unmold_detections(*arguments)
    np.testing.assert_array_equal(exact, [[20, 40, 80, 160]])
