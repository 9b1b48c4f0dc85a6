"""Keras's own files of the network: every layer's config gives an equal layer, and whole models come back."""

import inspect
import json

import keras
import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.matterport import graphs, inspection
from mrcnn.model import MaskRCNN
from mrcnn.modeling import (
    anchors,
    applications,
    configs,
    detections,
    glue,
    losses,
    network,
    normalization,
    roi_heads,
    rpn,
    targets,
    training_model,
)
from mrcnn.modeling.anchors import image_anchors
from mrcnn.modeling.network import build_network
from mrcnn.ops.anchors import pyramid_anchors
from tests.modeling.test_network import Tiny, batch

GRID = {
    "scales": [8, 16], "ratios": [0.5, 1.0], "feature_shapes": [[4, 4], [2, 2]], "feature_strides": [8, 16],
    "anchor_stride": 1,
}  # fmt: skip
RNG = np.random.default_rng(0)
BOXES = np.sort(RNG.random((1, 7, 2, 2)).astype("float32"), axis=2).reshape(1, 7, 4)
CLASS_IDS = np.int32([[1, 2, 0, 0, 0, 0, 0]])
META = np.float32([[0, 64, 64, 3, 64, 64, 3, 0, 0, 64, 64, 1, 1, 1, 1]])
MASKS = RNG.random((1, 14, 14, 7)) > 0.5
ROIS = RNG.normal(size=(1, 7, 6, 6, 5)).astype("float32")
MAP = RNG.normal(size=(1, 8, 8, 3)).astype("float32")


def scores(count):
    found = RNG.random((1, count, 3)).astype("float32")
    return found / found.sum(axis=-1, keepdims=True)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32") / 10


CASES = [
    (lambda: anchors.Anchors(GRID, (32, 32, 3)), MAP),
    (lambda: glue.NormalizeBoxes(), [64 * BOXES, META]),
    (lambda: glue.First(3), BOXES),
    (lambda: glue.ActiveClasses(), META),
    (lambda: glue.SubtractMean([1.0, 2.0, 3.0]), MAP),
    (lambda: losses.LossLayer(losses.rpn_bbox_loss), [CLASS_IDS[:, :7], BOXES, BOXES[:, ::-1]]),
    (lambda: normalization.BatchNorm(train_bn=False), MAP),
    (lambda: normalization.Conv2D(4, 3, padding="same"), MAP),
    (lambda: roi_heads.RoiConv2D(4, 6), ROIS),
    (lambda: roi_heads.RoiConv2DTranspose(4, 2, strides=2), ROIS),
    (lambda: roi_heads.RoiBatchNorm(train_bn=False), ROIS),
    (
        lambda: roi_heads.PyramidROIAlign([7, 7], "aligned"),
        [BOXES, META, *(numbers(1, side, side, 4) for side in (16, 8, 4, 2))],
    ),
    (
        lambda: rpn.ProposalLayer(5, 0.4, 20, std_dev=[0.2, 0.2, 0.1, 0.1]),
        [scores(7)[..., :2], numbers(1, 7, 4), BOXES],
    ),
    (
        lambda: graphs.ProposalLayer(5, 0.4, Config()),
        [scores(7)[..., :2], numbers(1, 7, 4), BOXES],
    ),
    (
        lambda: detections.DetectionLayer(4, 0.1, 0.6, nms_method="soft_gaussian", sigma=0.4),
        [BOXES, scores(7), numbers(1, 7, 3, 4), META],
    ),
    (lambda: graphs.DetectionLayer(Config()), [BOXES, scores(7), numbers(1, 7, 3, 4), META]),
    (lambda: detections.DetectionBoxes(), numbers(1, 7, 6)),
    (lambda: detections.MasksOfClass(), [numbers(1, 7, 6, 6, 3), np.ones((1, 7, 6), "float32")]),
    (lambda: targets.RPNTargets(GRID, 8, seed=5), [CLASS_IDS, 32 * BOXES]),
    (lambda: targets.RPNTargets(pyramid_anchors(**GRID), 8, seed=5), [CLASS_IDS, 32 * BOXES]),
    (
        lambda: targets.DetectionTargetLayer(6, 0.5, (14, 14), seed=7, by_instance=True),
        [BOXES, CLASS_IDS, BOXES, MASKS],
    ),
    (lambda: graphs.DetectionTargetLayer(Config()), [BOXES, CLASS_IDS, BOXES, MASKS]),
    (
        lambda: inspection._ProposalSteps(rpn.ProposalLayer(5, 0.4)),
        [scores(7)[..., :2], numbers(1, 7, 4), BOXES],
    ),
    (lambda: applications.ApplicationBackbone("MobileNetV2", mean_pixel=[1, 2, 3]), numbers(1, 64, 64, 3)),
]


def arrays(outputs):
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [keras.ops.convert_to_numpy(output) for output in outputs]


@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_the_config_of_a_layer_gives_an_equal_layer(case):
    build, inputs = case
    layer = build()
    layer(inputs)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    if layer.weights:  # a sampler has none, and draws at each call
        again(inputs)
        again.set_weights(layer.get_weights())
    for ours, theirs in zip(arrays(layer(inputs)), arrays(again(inputs)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert type(again) is type(layer) and again.get_config() == layer.get_config()


def test_every_layer_of_ours_has_such_a_case():
    modules = (
        anchors, applications, configs, detections, glue, graphs, inspection, losses, network, normalization,
        roi_heads, rpn, targets, training_model,
    )  # fmt: skip
    ours = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, keras.layers.Layer) and kind.__module__.startswith("mrcnn.")
    }
    tested = {type(build()) for build, _ in CASES}
    # The RPN's layer and the models need a graph: the tests below. Two are base classes.
    assert {kind.__name__ for kind in ours - tested} == {
        "ExtractorBackbone",
        "SampledRPN",
        "TrainingModel",
        "BuiltModel",
        "_Sampler",
    }


class Fixed(Tiny):
    """With a batch norm of stored statistics, which the convolutions carry."""

    TRAIN_BN = False


def inputs_of(mode, config):
    data = batch(config)
    if mode == "training":
        return data
    anchors = np.repeat(image_anchors(config, config.IMAGE_SHAPE)[None], 2, axis=0)
    return [data["input_image"], data["input_image_meta"], anchors]


def assert_equal_outputs(model, other, inputs, tolerance=0.0):
    ours, theirs = arrays(model.predict_on_batch(inputs)), arrays(other.predict_on_batch(inputs))
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("mode", ["training", "inference"])
@pytest.mark.parametrize(
    "kind",
    [".keras", pytest.param(".h5", marks=pytest.mark.slow), pytest.param("json", marks=pytest.mark.slow)],
)
def test_whole_models_come_back(mode, kind, tmp_path):
    config = Tiny()
    config.update({"LOSS_WEIGHTS": {"rpn_bbox_loss": 2.0}})
    model = MaskRCNN(mode, config, tmp_path).keras_model
    if kind == "json":
        again = keras.models.model_from_json(model.to_json())
        again.set_weights(model.get_weights())
    else:
        model.save(tmp_path / f"model{kind}")
        again = keras.models.load_model(tmp_path / f"model{kind}")
    assert type(again) is type(model) and again.output_names == model.output_names
    assert_equal_outputs(model, again, inputs_of(mode, config))
    if mode == "training":
        assert (again.loss_weights, again.weight_decay) == (model.loss_weights, model.weight_decay)
        assert again.loss_weights["rpn_bbox_loss"] == 2.0


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_batch_norm_that_was_carried_works_apart_again(mode, tmp_path):
    config = Fixed()
    model = build_network(mode, config)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, normalization.BatchNorm):
            for weight in layer.weights:
                weight.assign(rng.uniform(0.8, 1.2, weight.shape))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    carried = [layer.carried for layer in model.layers if isinstance(layer, normalization.BatchNorm)]
    apart = [layer.carried for layer in again.layers if isinstance(layer, normalization.BatchNorm)]
    assert all(carried) and not any(apart) and len(carried) == len(apart)
    pyramids = [keras.Model(m.inputs, m.get_layer("fpn_p2").output) for m in (model, again)]
    inputs = inputs_of(mode, config)
    assert_equal_outputs(*pyramids, inputs, tolerance=1e-4)


@pytest.mark.slow
def test_a_loaded_training_model_trains_on_as_the_saved_one(tmp_path):
    """From a .keras file: Keras does not read the optimiser's state of such a model from an .h5 file."""
    model = build_network("training", Tiny())
    model.compile(optimizer=keras.optimizers.SGD(0.001, momentum=0.9))
    model.train_on_batch(batch(Tiny()))
    model.reset_metrics()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for _ in range(2):
        ours, theirs = (m.train_on_batch(batch(Tiny()), return_dict=True) for m in (model, again))
        assert set(ours) == {"loss", *network.LOSS_NAMES}
        assert {k: float(v) for k, v in theirs.items()} == pytest.approx(
            {k: float(v) for k, v in ours.items()}, rel=1e-4
        )


def test_outputs_have_the_names_of_their_layers_in_matterports_order():
    model = build_network("inference", Tiny())
    names = ["mrcnn_detection", "mrcnn_class", "mrcnn_bbox", "mrcnn_mask", "ROI", "rpn_class", "rpn_bbox"]
    assert list(network.named_outputs(model))[:7] == names  # further ones follow
    inputs = inputs_of("inference", Tiny())
    found = network.predict_named(model, inputs)
    for name, array in zip(names, model.predict_on_batch(inputs)):
        np.testing.assert_array_equal(found[name], array)
