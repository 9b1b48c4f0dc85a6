"""To the network's frame and back: molding, and detections in the photograph's own pixels."""

import numpy as np
import pytest

from mrcnn.detection import molding
from tests.tiny import Tiny, picture


def detection(box, shape, class_id=1, score=0.9):
    """A row of network output from a pixel box of the molded image."""
    height, width = shape
    y1, x1, y2, x2 = box
    return [
        y1 / (height - 1),
        x1 / (width - 1),
        (y2 - 1) / (height - 1),
        (x2 - 1) / (width - 1),
        class_id,
        score,
    ]


def probabilities(rows, classes=3, value=1.0):
    return np.full((rows, 28, 28, classes), value, np.float32)


def unmold(rows, masks=None, original=(60, 120, 3), window=(32, 0, 96, 128)):
    detections = np.array(rows, np.float32).reshape(-1, 6)
    masks = probabilities(len(detections)) if masks is None else masks
    return molding.unmold_detections(detections, masks, original, (128, 128, 3), window)


class TestMold:
    def test_window_scale_and_mean(self):
        image = picture(60, 120)
        (molded,), (meta,), (window,) = molding.mold_inputs([image], Tiny())
        assert molded.shape == (128, 128, 3) and molded.dtype == np.float32
        assert tuple(window) == (32, 0, 96, 128)
        np.testing.assert_allclose(molded[:32], np.broadcast_to(-Tiny.MEAN_PIXEL, (32, 128, 3)), rtol=1e-6)
        np.testing.assert_allclose(meta[1:11], [60, 120, 3, 128, 128, 3, 32, 0, 96, 128])
        assert meta[11] == pytest.approx(128 / 120)
        assert len(meta) == Tiny().IMAGE_META_SIZE

    def test_no_images(self):
        assert molding.mold_inputs([], Tiny()) == ([], [], [])

    def test_random_crops_are_for_training_alone(self):
        config = Tiny()
        config.update({"IMAGE_RESIZE_MODE": "crop", "IMAGE_MIN_DIM": 64})
        (molded,), _, (window,) = molding.mold_inputs([picture(60, 120)], config)
        assert molded.shape == (128, 128, 3)
        assert tuple(window) == (32, 0, 96, 128)


class TestUnmold:
    def test_a_box_comes_back_in_the_photographs_pixels(self):
        # The window of 64 x 128 px holds 60 x 120: a factor of 15 / 16.
        boxes, class_ids, scores, masks = unmold([detection((48, 32, 80, 64), (128, 128), 2, 0.75)])
        np.testing.assert_allclose(boxes, [[15, 30, 45, 60]], atol=1)
        assert (class_ids.tolist(), scores.tolist()) == ([2], [0.75])
        y1, x1, y2, x2 = boxes[0]
        assert masks.shape == (60, 120, 1)
        assert masks[y1:y2, x1:x2].all() and masks.sum() == (y2 - y1) * (x2 - x1)

    def test_the_window_is_the_whole_photograph(self):
        boxes, *_ = unmold([detection((32, 0, 96, 128), (128, 128))])
        assert boxes.tolist() == [[0, 0, 60, 120]]

    def test_padding_is_left_out(self):
        row = detection((48, 32, 80, 64), (128, 128))
        boxes, class_ids, scores, masks = unmold([row, row, [0] * 6, [0] * 6])
        assert len(boxes) == len(class_ids) == len(scores) == masks.shape[2] == 2

    def test_nothing_found(self):
        for rows in ([], [[0] * 6]):
            boxes, class_ids, scores, masks = unmold(rows)
            assert (boxes.shape, class_ids.shape, scores.shape) == ((0, 4), (0,), (0,))
            assert (masks.shape, masks.dtype) == ((60, 120, 0), bool)

    def test_boxes_without_area_are_left_out_with_their_masks(self):
        flat = detection((48, 32, 48, 64), (128, 128), 1, 0.9)
        good = detection((48, 32, 80, 64), (128, 128), 2, 0.8)
        masks = np.stack([probabilities(1, value=0.0)[0], probabilities(1)[0]])
        boxes, class_ids, scores, found = unmold([flat, good], masks)
        assert (class_ids.tolist(), len(boxes), len(scores)) == ([2], 1, 1)
        assert found[..., 0].any()

    def test_the_mask_is_that_of_the_class(self):
        masks = probabilities(1, value=0.0)
        masks[..., 2] = 1
        row = (48, 32, 80, 64)
        assert not unmold([detection(row, (128, 128), 1)], masks)[3].any()
        assert unmold([detection(row, (128, 128), 2)], masks)[3].any()

    def test_masks_keep_their_side(self):
        masks = probabilities(1)
        masks[:, :14] = 0  # the upper half of the box is not the instance
        found = unmold([detection((32, 0, 96, 128), (128, 128))], masks)[3]
        assert not found[:28].any()
        assert found[32:-1].all()  # a mask fades beyond its edges, which costs enlarged ones their corners


def test_anchors_are_made_once_a_shape():
    cache = molding.AnchorCache(Tiny())
    assert cache((128, 128, 3)) is cache(np.array([128, 128]))
    assert cache((64, 128, 3)).shape[0] == cache((128, 128, 3)).shape[0] / 2
