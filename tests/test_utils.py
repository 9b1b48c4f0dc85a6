"""The door mrcnn.utils: golden numbers of the original functions, and what only the door does."""

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn import utils
from mrcnn.config import Config
from mrcnn.weights import downloads


@pytest.fixture(scope="module")
def golden(parity):
    with np.load(parity("units.npz")) as file:
        return {name: file[name] for name in file.files}


def group(golden, name):
    return {key.split("__", 1)[1]: value for key, value in golden.items() if key.startswith(f"{name}__")}


class TestBoxes:
    def test_golden_deltas(self, golden):
        apply, refine = group(golden, "apply_box_deltas"), group(golden, "box_refinement")
        boxes = utils.apply_box_deltas(apply["boxes"], apply["deltas"])
        np.testing.assert_allclose(boxes, apply["out"], rtol=1e-5, atol=1e-5)
        for refinement in (utils.box_refinement, utils.box_refinement_graph):
            deltas = ops.convert_to_numpy(refinement(refine["box"], refine["gt_box"]))
            np.testing.assert_allclose(deltas, refine["out"], atol=1e-5)

    def test_golden_overlaps(self, golden):
        case = group(golden, "overlaps")
        overlaps = utils.compute_overlaps(case["boxes1"], case["boxes2"])
        np.testing.assert_allclose(overlaps, case["out"], atol=1e-5)
        areas = np.prod(case["boxes2"][:, 2:] - case["boxes2"][:, :2], axis=1)
        row = utils.compute_iou(case["boxes1"][3], case["boxes2"], areas[0], areas)
        np.testing.assert_allclose(row, case["out"][3], atol=1e-5)

    def test_golden_frames(self, golden):
        case = group(golden, "norm_boxes")
        boxes = utils.norm_boxes(case["pixel"], case["shape"])
        assert boxes.dtype == np.float32
        np.testing.assert_allclose(boxes, case["out"], atol=1e-5)
        back = utils.denorm_boxes(case["out"], tuple(case["shape"]))
        assert back.dtype == np.int32
        np.testing.assert_array_equal(back, golden["denorm_boxes__out"])

    def test_golden_anchors(self, golden):
        case = group(golden, "anchors")
        anchors = utils.generate_pyramid_anchors(
            Config.RPN_ANCHOR_SCALES,
            Config.RPN_ANCHOR_RATIOS,
            case["backbone_shapes"],
            Config.BACKBONE_STRIDES,
            1,
        )
        np.testing.assert_allclose(anchors, case["pixel"], atol=1e-5)
        first = utils.generate_anchors(32, Config.RPN_ANCHOR_RATIOS, case["backbone_shapes"][0], 4, 1)
        np.testing.assert_allclose(first, case["pixel"][: len(first)], atol=1e-5)

    def test_golden_nms(self, golden):
        case = group(golden, "nms")
        keep = utils.non_max_suppression(case["boxes"], case["scores"], 0.4)
        assert keep.dtype == np.int32
        np.testing.assert_array_equal(keep, case["keep"])

    def test_nms_of_nothing(self):
        assert utils.non_max_suppression(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []

    def test_what_comes_back_is_numpy(self):
        boxes = [[0, 0, 10, 10], [5, 5, 20, 30]]
        for values in (
            utils.apply_box_deltas(boxes, np.zeros((2, 4))),
            utils.box_refinement(boxes, boxes),
            utils.norm_boxes(boxes, (40, 40)),
            utils.compute_overlaps(boxes, boxes),
        ):
            assert isinstance(values, np.ndarray)


class TestImagesAndMasks:
    @pytest.mark.parametrize("mode", ["square", "pad64", "none"])
    def test_golden_resizing(self, golden, mode):
        case = group(golden, "resize")
        image, window, scale, padding, crop = utils.resize_image(
            case["input"], min_dim=64, max_dim=128, mode=mode
        )
        np.testing.assert_allclose(image.astype(int), case[f"{mode}__image"].astype(int), atol=1)
        np.testing.assert_array_equal(window, case[f"{mode}__window"])
        assert scale == pytest.approx(float(case[f"{mode}__scale"]))
        np.testing.assert_array_equal(padding, case[f"{mode}__padding"])
        assert crop is None

    def test_golden_masks(self, golden):
        case = group(golden, "masks")
        boxes = utils.extract_bboxes(case["full"])
        np.testing.assert_array_equal(boxes, case["bbox"])
        some = boxes.any(axis=1)
        mini = utils.minimize_mask(boxes[some], case["full"][..., some], (28, 28))
        assert (mini == case["mini"]).mean() > 0.999
        expanded = utils.expand_mask(boxes[some], case["mini"], (60, 90, 3))
        assert (expanded == case["expanded"]).mean() > 0.999

    def test_golden_unmold(self, golden):
        case = group(golden, "unmold")
        mask = utils.unmold_mask(case["mask"], case["bbox"], (60, 90, 3))
        assert (mask == case["out"]).mean() > 0.999

    def test_mold_mask_is_undone_by_unmold_mask(self):
        config = Config()
        mask = np.add.outer(np.arange(56), np.arange(84)) < 70
        small = utils.mold_mask(mask, config)
        assert small.shape == (28, 28)
        back = utils.unmold_mask(small, (0, 0, 56, 84), (56, 84))
        assert (back == mask).mean() > 0.97

    def test_resize_mask_follows_its_image(self):
        image = np.zeros((30, 50, 3), np.uint8)
        image[5:20, 10:40] = 255
        resized, _, scale, padding, crop = utils.resize_image(image, min_dim=60, max_dim=128, mode="square")
        mask = utils.resize_mask(image[..., :1] > 0, scale, padding, crop)
        assert mask.shape == (128, 128, 1)
        assert ((resized[..., 0] > 127) == mask[..., 0]).mean() > 0.99

    def test_resize_has_matterports_defaults(self):
        image = np.full((4, 4, 3), 255, np.uint8)
        assert utils.resize(image, (8, 8)).max() == pytest.approx(1)
        assert utils.resize(image, (8, 8), preserve_range=True).max() == pytest.approx(255)


class TestEvaluation:
    def test_golden_ap(self, golden):
        case = group(golden, "ap")
        gt, pred = case["gt_masks"], case["pred_masks"]
        arguments = (
            utils.extract_bboxes(gt), np.ones(2, int), gt,
            utils.extract_bboxes(pred), np.ones(4, int), case["pred_scores"], pred,
        )  # fmt: skip
        assert utils.compute_ap(*arguments)[0] == pytest.approx(float(case["mAP"]))
        assert 0 < utils.compute_ap_range(*arguments, verbose=0) < 1
        np.testing.assert_allclose(utils.compute_overlaps_masks(pred, gt), case["overlaps"], atol=1e-5)

    def test_trim_zeros(self):
        rows = np.array([[1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 0, 1]])
        assert utils.trim_zeros(rows).tolist() == [[1, 2, 3, 4], [0, 0, 0, 1]]


class TestBatchSlice:
    def test_one_result(self):
        x, y = np.arange(6.0).reshape(2, 3), np.array([[10.0], [20.0]])
        result = utils.batch_slice([x, y], lambda a, b: ops.add(a, b), 2)
        assert ops.convert_to_numpy(result).tolist() == [[10, 11, 12], [23, 24, 25]]

    def test_several_results_of_a_single_input(self):
        x = ops.convert_to_tensor(np.arange(4.0).reshape(2, 2))
        twice, total = utils.batch_slice(x, lambda a: (a * 2, ops.sum(a)), 2, names=["twice", "total"])
        assert keras.ops.is_tensor(twice)
        assert ops.convert_to_numpy(twice).tolist() == [[0, 2], [4, 6]]
        assert ops.convert_to_numpy(total).tolist() == [1, 5]


def test_trained_weights_are_downloaded_to_the_path(monkeypatch, tmp_path, capsys):
    calls = []
    monkeypatch.setattr(downloads, "download", lambda *arguments: calls.append(arguments))
    utils.download_trained_weights(str(tmp_path / "coco.h5"))
    utils.download_trained_weights(str(tmp_path / "coco.h5"), verbose=0)
    assert calls == [("coco", str(tmp_path / "coco.h5"))] * 2
    assert capsys.readouterr().out.count("coco.h5") == 1
