"""MaskRCNN for detection: images of any number and size, weights with their metadata, modes."""

from types import SimpleNamespace

import numpy as np
import pytest

from mrcnn import model as modellib
from mrcnn.weights import named
from tests.sooner import eagerly
from tests.tiny import Tiny, detector, picture


@pytest.fixture(scope="module")
def model():
    return detector()


def equal(first, second):
    return all(np.allclose(first[name], second[name], atol=1e-5) for name in first)


def test_results_have_matterports_form(model):
    (result,) = model.detect([picture(100, 120)])
    count = len(result["rois"])
    assert count > 0
    assert (result["rois"].dtype, result["rois"].shape) == (np.int32, (count, 4))
    assert (result["class_ids"].dtype, result["class_ids"].shape) == (np.int32, (count,))
    assert (result["scores"].dtype, result["scores"].shape) == (np.float32, (count,))
    assert (result["masks"].dtype, result["masks"].shape) == (bool, (100, 120, count))
    assert (result["rois"] >= 0).all() and (result["rois"][:, 2:] <= (100, 120)).all()
    assert (np.diff(result["scores"]) <= 0).all()
    assert set(result["class_ids"]) <= {1, 2}


def test_masks_stay_in_their_boxes(model):
    (result,) = model.detect([picture(100, 120)])
    for (y1, x1, y2, x2), mask in zip(result["rois"], np.moveaxis(result["masks"], -1, 0)):
        area = (y2 - y1) * (x2 - x1)
        assert mask.sum() == mask[y1:y2, x1:x2].sum()
        assert area - 4 <= mask.sum() <= area  # enlarged masks lose their corners


def test_batches_change_nothing(model):
    images = [picture(100, 120, 0), picture(64, 40, 1), picture(300, 200, 2)]
    together = model.detect(images)
    assert [result["masks"].shape[:2] for result in together] == [(100, 120), (64, 40), (300, 200)]
    for image, result in zip(images, together):
        assert equal(model.detect([image])[0], result)
    assert model.detect([]) == []


def test_molded_inputs_are_arrays_that_keras_model_takes(model):
    """As servers of matterport's time predict, after they prepared the model for their threads."""
    images = [picture(100, 120, 0), picture(64, 40, 1)]
    molded, metas, windows = model.mold_inputs(images)
    assert (molded.shape, molded.dtype) == ((2, 128, 128, 3), np.float32)
    assert metas.shape == (2, model.config.IMAGE_META_SIZE)
    assert windows.tolist() == [[10, 0, 117, 128], [0, 24, 128, 104]]
    model.keras_model._make_predict_function()
    anchors = np.broadcast_to(model.get_anchors(molded[0].shape), (2, *model.anchors.shape))
    outputs = model.keras_model.predict([molded.astype("float32"), metas, anchors], verbose=0)
    for i, expected in enumerate(model.detect(images)):
        found = model.unmold_detections(
            outputs[0][i], outputs[3][i], images[i].shape, molded[i].shape, windows[i]
        )
        assert equal(dict(zip(("rois", "class_ids", "scores", "masks"), found)), expected)


def test_molded_inputs_of_several_sizes_are_not_one_array():
    config = Tiny()
    config.update({"IMAGE_RESIZE_MODE": "pad64", "IMAGE_MIN_DIM": 64})
    unbuilt = SimpleNamespace(config=config)
    sizes = "the sizes 128 x 64, 64 x 64 by IMAGE_RESIZE_MODE pad64: mold them one by one"
    with pytest.raises(ValueError, match=sizes):
        modellib.MaskRCNN.mold_inputs(unbuilt, [picture(64, 64), picture(100, 64)])


@pytest.mark.parametrize("mode", ["pad64", "crop"])
def test_other_resize_modes(mode):
    model = detector(IMAGE_RESIZE_MODE=mode, IMAGE_MIN_DIM=64)
    with eagerly():
        results = model.detect([picture(70, 130, 0), picture(50, 64, 1), picture(70, 130, 0)])
    assert [result["masks"].shape[:2] for result in results] == [(70, 130), (50, 64), (70, 130)]
    assert equal(results[0], results[2])


def test_verbose_tells_shapes_and_otherwise_nothing_is_printed(model, capsys):
    model.detect([picture(30, 40)])
    assert capsys.readouterr().out == ""
    model.detect([picture(30, 40)], verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Processing 1 images"
    assert "shape: (30, 40, 3)" in lines[1] and "uint8" in lines[1]
    assert "shape: (128, 128, 3)" in lines[2] and "float32" in lines[2]


def test_log_takes_empty_arrays(capsys):
    modellib.log("nothing", np.zeros((0, 4)))
    assert "shape: (0, 4)" in capsys.readouterr().out


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 4), (0, 40, 3)])
def test_what_is_no_colour_image_is_named(model, shape):
    with pytest.raises(ValueError, match=r"Image 1 must be \[height, width, 3\], received shape \("):
        model.detect([picture(30, 40), np.zeros(shape, np.uint8)])


def test_weights_keep_their_classes_and_settings(model, tmp_path):
    model.class_names = ["BG", "round", "square"]
    model.save_weights(tmp_path / "w.h5", epoch=7)
    other = detector(SEED=1)
    image = picture(100, 120)
    with eagerly():
        assert not equal(other.detect([image])[0], model.detect([image])[0])
    report = other.load_weights(tmp_path / "w.h5")
    assert report.loaded and not report.not_in_file
    count = len(report.loaded)
    assert repr(report) == f"<Report: loaded {count} of {count} tensors>"  # what a notebook's cell shows
    assert other.class_names == ["BG", "round", "square"]
    assert equal(other.detect([image])[0], model.detect([image])[0])
    metadata = named.read_metadata(tmp_path / "w.h5")
    assert (metadata["epoch"], metadata["config"]["RPN_CHANNELS"]) == (7, 32)


def test_class_names_come_with_the_class_head_alone(model, tmp_path):
    model.class_names = ["BG", "round", "square"]
    model.save_weights(tmp_path / "w.h5")
    four = Tiny()
    four.update({"NUM_CLASSES": 4})
    more = modellib.MaskRCNN("inference", four, "runs")
    assert more.load_weights(tmp_path / "w.h5", by_name=True).classes == (3, 4)
    assert more.class_names is None
    other = detector()
    other.class_names = ["BG", "cat", "dog"]
    other.load_weights(tmp_path / "w.h5", by_name=True, exclude=["mrcnn_class_logits"])
    assert other.class_names == ["BG", "cat", "dog"]


def test_excluded_layers_keep_their_values(model, tmp_path):
    bias = model.keras_model.get_layer("mrcnn_mask").weights[1]
    model.save_weights(tmp_path / "w.h5")
    before = np.asarray(bias).copy()
    bias.assign(before + 1)
    report = model.load_weights(tmp_path / "w.h5", by_name=True, exclude=["mrcnn_mask"])
    assert sorted(report.excluded) == ["mrcnn_mask/bias", "mrcnn_mask/kernel"]
    np.testing.assert_array_equal(np.asarray(bias), before + 1)
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(np.asarray(bias), before)


def test_the_wrong_mode_says_which_is_needed(model):
    with pytest.raises(ValueError, match=r'needs MaskRCNN\(mode="training"\)'):
        model.train(None, None, 0.1, 1, "all")


def test_anchors_fit_the_image(model):
    anchors = model.get_anchors((128, 128, 3))
    assert anchors.shape == (3 * (32**2 + 16**2 + 8**2 + 4**2 + 2**2), 4)
    centers = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centers.min() > -0.01
    assert centers.max() < 1
