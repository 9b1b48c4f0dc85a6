"""The whole forward pass against golden numbers of the original algorithm.

The weights come from the layers' names by a recipe. They are put into a file of matterport's layout, loaded
through the door as programs do, and features, proposals, probabilities, detections and masks are compared.
"""

import zlib

import h5py
import numpy as np
import pytest
from keras import Model

from mrcnn import model as modellib
from mrcnn.config import Config
from tests.stored import keras2_file

GAINS = {
    "conv1": 0.02,
    "rpn_bbox_pred": 0.02,
    "mrcnn_bbox_fc": 0.02,
    "rpn_class_raw": 0.05,
    "mrcnn_class_logits": 0.3,
}
FEATURES = ("res2c_out", "res3d_out", "res4f_out", "res5c_out", *(f"fpn_p{level}" for level in range(2, 7)))


class GoldenConfig(Config):
    NAME = "golden"
    BACKBONE = "resnet50"
    NUM_CLASSES = 5
    IMAGES_PER_GPU = 1
    IMAGE_MIN_DIM = 192
    IMAGE_MAX_DIM = 256
    DETECTION_MIN_CONFIDENCE = 0.0
    POST_NMS_ROIS_INFERENCE = 100


def recipe_weight(layer, weight, shape):
    """The golden value of one weight, from its name alone."""
    z = np.random.default_rng(zlib.crc32(f"{layer}/{weight}".encode())).standard_normal(shape)
    if weight == "kernel":
        if layer.startswith(("fpn_", "rpn_", "mrcnn_")):
            z -= z.mean(axis=tuple(range(z.ndim - 1)))
        fan_in = shape[-1] if layer == "mrcnn_mask_deconv" else np.prod(shape[:-1])
        return z * GAINS.get(layer, 1.0) * np.sqrt(2 / fan_in)
    if weight == "gamma":
        return (0.3 if layer.endswith("branch2c") else 0.9) + 0.1 * np.tanh(z)
    if weight == "moving_variance":
        return 1 + 0.1 * np.tanh(z)
    return 0.05 * z


def matterport_file(path, pattern, classes):
    """A weights file with the groups and names of another, ``pattern``, for a number of classes.

    pattern: written by the original code for two classes. Returns the path.
    """
    with h5py.File(pattern) as file:
        groups = {name: {} for name in file.attrs["layer_names"]}
        for name, tensors in groups.items():
            for key in file[name].attrs["weight_names"]:
                layer, weight = key.removesuffix(":0").split("/")[-2:]
                shape = list(file[name][key].shape)
                if layer in ("mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask"):
                    shape[-1] = shape[-1] // 2 * classes
                tensors[key] = recipe_weight(layer, weight, tuple(shape)).astype("float32")
    return keras2_file(path, groups)


@pytest.fixture(scope="module")
def golden(parity):
    with np.load(parity("forward_resnet50_256.npz")) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def model(parity, tmp_path_factory):
    path = tmp_path_factory.mktemp("golden") / "mask_rcnn_golden.h5"
    matterport_file(path, parity("layout_resnet50_2.h5"), GoldenConfig.NUM_CLASSES)
    model = modellib.MaskRCNN("inference", GoldenConfig(), "runs")
    report = model.load_weights(str(path), by_name=True)
    assert (len(report.loaded), report.unused_in_file) == (report.total, [])
    return model


@pytest.fixture(scope="module")
def outputs(model, golden):
    graph = model.keras_model
    named = {name: graph.get_layer(name).output for name in FEATURES}
    for name in ("roi_align_classifier", "roi_align_mask"):
        named[name] = graph.get_layer(name).output
    names = ("mrcnn_detection", "mrcnn_class", "mrcnn_bbox", "mrcnn_mask", "ROI", "rpn_class", "rpn_bbox")
    named.update(zip(names, graph.outputs))
    molded, metas, windows = model.mold_inputs([golden["image"]])
    np.testing.assert_allclose(molded[0], golden["molded"][0], atol=1e-5)
    np.testing.assert_allclose(metas[0], golden["image_meta"][0], rtol=1e-6)
    np.testing.assert_array_equal(windows[0], golden["window"][0])
    anchors = model.get_anchors(molded[0].shape)
    np.testing.assert_allclose(anchors, golden["anchors"], atol=1e-6)
    inputs = [golden["molded"], golden["image_meta"].astype("float32"), anchors[None]]
    return Model(graph.inputs, named).predict_on_batch(inputs)


@pytest.mark.parametrize("name", FEATURES)
def test_features(outputs, golden, name):
    ours = outputs[name]
    assert ours.shape == tuple(golden[f"{name}_shape"])
    largest = golden[f"{name}_stats"][2]
    step = max(1, ours.shape[-1] // 32)
    np.testing.assert_allclose(ours[:, ::4, ::4, ::step], golden[f"{name}_sub"], atol=1e-3 * largest)
    stats = [ours.mean(), ours.std(), np.abs(ours).max()]
    np.testing.assert_allclose(stats, golden[f"{name}_stats"], atol=1e-3 * largest)


@pytest.mark.parametrize("name", ["rpn_class", "rpn_bbox", "ROI", "mrcnn_class", "mrcnn_bbox"])
def test_probabilities_and_boxes(outputs, golden, name):
    np.testing.assert_allclose(outputs[name], golden[name], atol=1e-3)


@pytest.mark.parametrize("name", ["roi_align_classifier", "roi_align_mask"])
def test_pooled_features(outputs, golden, name):
    expected = golden[f"{name}_sub"]
    ours = outputs[name][..., ::32]
    np.testing.assert_allclose(ours, expected, atol=1e-3 * np.abs(expected).max())


def test_masks_in_their_boxes(outputs, golden):
    np.testing.assert_allclose(outputs["mrcnn_mask"][:, :20], golden["mrcnn_mask_sub"], atol=1e-3)


def test_detect(model, golden):
    result = model.detect([golden["image"]])[0]
    shape = tuple(golden["masks_shape"])
    expected_masks = np.unpackbits(golden["masks_packed"], axis=1)[:, : shape[0] * shape[1]]
    expected_masks = expected_masks.reshape(shape[2], shape[0], shape[1]).astype(bool)
    assert len(result["rois"]) == len(golden["rois"])
    for index, box in enumerate(golden["rois"]):
        found = partner(result, box, golden["class_ids"][index], golden["scores"][index])
        ours, theirs = result["masks"][:, :, found], expected_masks[index]
        union = (ours | theirs).sum()
        assert union == 0 or (ours & theirs).sum() / union > 0.99


def partner(result, box, class_id, score):
    """Index of our detection of the same class, IoU > 0.98 and a score within 2e-3 of a golden one's."""
    low = np.maximum(result["rois"][:, :2], box[:2])
    high = np.minimum(result["rois"][:, 2:], box[2:])
    intersection = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(result["rois"][:, 2:] - result["rois"][:, :2], axis=1)
    iou = intersection / (areas + np.prod(box[2:] - box[:2]) - intersection)
    iou[(result["class_ids"] != class_id) | (np.abs(result["scores"] - score) >= 2e-3)] = 0
    assert iou.max() > 0.98
    return int(iou.argmax())


def test_any_number_of_images_of_any_sizes(model, golden):
    image = golden["image"]
    assert model.detect([]) == []
    small = image[:64, :100]
    alone, mixed = model.detect([small]), model.detect([image, small, image])
    assert mixed[1]["masks"].shape == (64, 100, len(mixed[1]["rois"]))
    np.testing.assert_array_equal(alone[0]["rois"], mixed[1]["rois"])
    np.testing.assert_array_equal(mixed[0]["masks"], mixed[2]["masks"])
