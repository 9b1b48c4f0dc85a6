"""Networks that programs build themselves from matterport's functions and layers."""

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn import model as modellib
from mrcnn.modeling.network import build_network
from tests.tiny import Tiny, detector, picture


def test_parts_put_together_are_the_network(eagerly):
    """Stage by stage, with matterport's functions and the weights of a network of ours."""
    model = detector(BACKBONE="resnet50", RPN_CHANNELS=512, MASK_HEAD_CHANNELS=256)
    config, ours = model.config, model.keras_model
    image, meta, anchors = (keras.Input(tensor.shape[1:], name=tensor.name) for tensor in ours.inputs)
    *maps, c5 = modellib.resnet_graph(image, "resnet50", stage5=True, train_bn=config.TRAIN_BN)
    assert [tensor.shape[1] for tensor in (*maps, c5)] == [32, 32, 16, 8, 4]
    features = [ours.get_layer(f"fpn_p{level}").output for level in (2, 3, 4, 5, 6)]
    inputs = [keras.Input(tensor.shape[1:]) for tensor in features]
    rpn = modellib.build_rpn_model(1, 3, config.TOP_DOWN_PYRAMID_SIZE)
    outputs = [ops.concatenate(part, axis=1) for part in zip(*(rpn(tensor) for tensor in inputs))]
    rois = modellib.ProposalLayer(30, config.RPN_NMS_THRESHOLD, config, name="ROI")([*outputs[1:], anchors])
    _, probs, deltas = modellib.fpn_classifier_graph(
        rois, inputs[:4], meta, config.POOL_SIZE, 3, config.TRAIN_BN, config.FPN_CLASSIF_FC_LAYERS_SIZE
    )
    found = modellib.DetectionLayer(config, name="mrcnn_detection")([rois, probs, deltas, meta])
    masks = modellib.build_fpn_mask_graph(found[..., :4], inputs[:4], meta, config.MASK_POOL_SIZE, 3, None)
    theirs = keras.Model([meta, anchors, *inputs], [found, masks])
    for layer in theirs.layers:
        if layer.weights:
            layer.set_weights(ours.get_layer(layer.name).get_weights())

    _, _, windows = model.mold_inputs([picture(128, 128)])
    molded, metas, _ = model.mold_inputs([picture(128, 128)])
    arrays = [np.stack(molded), np.stack(metas).astype("float32"), model.get_anchors((128, 128))[None]]
    expected = model.run_graph([picture(128, 128)], [(t.name, t) for t in (*features, *ours.outputs)])
    expected = list(expected.values())
    result = theirs.predict_on_batch([*arrays[1:], *expected[:5]])
    assert windows.tolist() == [[0, 0, 128, 128]] and expected[5][0, 0, 5] > 0
    np.testing.assert_allclose(result[0], expected[5], atol=1e-5)
    np.testing.assert_allclose(result[1], expected[8], atol=1e-5)


def test_blocks_of_a_resnet_are_those_of_resnet_graph():
    """A program's own backbone builds its stages with them."""
    image = keras.Input((64, 64, 3))
    maps = modellib.resnet_graph(image, "resnet50", stage5=True)
    x = c1 = keras.Input(maps[0].shape[1:])
    x = modellib.conv_block(x, 3, [64, 64, 256], stage=2, block="a", strides=(1, 1))
    for block in "bc":
        x = modellib.identity_block(x, 3, [64, 64, 256], stage=2, block=block)
    ours, theirs = keras.Model(image, maps[:2]), keras.Model(c1, x)
    names = {layer.name for layer in theirs.layers if layer.weights}
    assert len(names) == 20 and "res2a_branch1" in names and "bn2c_branch2c" in names
    for name in names:
        theirs.get_layer(name).set_weights(ours.get_layer(name).get_weights())
    first, second = ours.predict_on_batch(np.random.default_rng(0).normal(size=(1, 64, 64, 3)))
    np.testing.assert_allclose(theirs.predict_on_batch(first), second, rtol=1e-4, atol=1e-5)
    small = modellib.conv_block(c1, 5, [2, 4, 6], 7, "x", use_bias=False)
    layers = {layer.name: layer for layer in keras.Model(c1, small).layers}
    assert small.shape == (None, 8, 8, 6) and layers["res7x_branch2b"].kernel.shape == (5, 5, 2, 4)
    assert layers["res7x_branch1"].bias is None


def test_the_rpn_on_one_map_is_that_of_its_model():
    feature = keras.Input((8, 8, 4))
    theirs = keras.Model(feature, modellib.rpn_graph(feature, 3, 2))
    ours = modellib.build_rpn_model(2, 3, 4)
    ours.set_weights(theirs.get_weights())
    array = np.random.default_rng(0).normal(size=(1, 8, 8, 4)).astype("float32")
    for first, second in zip(theirs.predict_on_batch(array), ours.predict_on_batch(array), strict=True):
        assert first.shape[1] == 4 * 4 * 3
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_a_subclass_may_build_its_own_network():
    class Other(modellib.MaskRCNN):
        def build(self, mode, config):
            x = keras.Input((4,))
            return keras.Model(x, keras.layers.Dense(config.NUM_CLASSES, name=mode)(x))

    assert Other("inference", Tiny(), "runs").keras_model.get_layer("inference").units == 3


def test_without_stage_5_there_is_no_c5():
    maps = modellib.resnet_graph(keras.Input((64, 64, 3)), "resnet50")
    assert maps[4] is None and [tensor.shape[1] for tensor in maps[:4]] == [16, 16, 8, 4]


def test_targets_of_the_heads_have_matterports_four_outputs():
    config = Tiny()
    config.update({"TRAIN_ROIS_PER_IMAGE": 9, "USE_MINI_MASK": False})
    box = [0.25, 0.25, 0.75, 0.75]
    masks = np.zeros((1, 32, 32, 1), bool)
    masks[0, 8:24, 8:24] = True
    proposals = np.array([[box, [0.0, 0.0, 0.2, 0.2], box, [0.0, 0.0, 0.0, 0.0]]], "float32")
    layer = modellib.DetectionTargetLayer(config, name="proposal_targets")
    tensors = layer([proposals, np.array([[2]]), np.array([[box]], "float32"), masks])
    rois, class_ids, deltas, masks = (ops.convert_to_numpy(tensor)[0] for tensor in tensors)
    assert masks.shape == (9, 28, 28)
    assert class_ids.tolist() == [2, 2, 0, 0, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(rois[:2], [box, box])
    np.testing.assert_array_equal(rois[3:], 0)
    np.testing.assert_allclose(deltas, 0, atol=1e-6)
    assert masks[:2].mean() > 0.9 and not masks[2:].any()


def test_boxes_and_meta_of_tensors():
    boxes = ops.convert_to_tensor([[10.0, 20.0, 31.0, 41.0]])
    normalised = ops.convert_to_numpy(modellib.norm_boxes_graph(boxes, ops.convert_to_tensor([41.0, 81.0])))
    np.testing.assert_allclose(normalised, [[0.25, 0.25, 0.75, 0.5]])
    meta = modellib.compose_image_meta(7, (30, 40, 3), (128, 128, 3), (16, 0, 112, 128), 3.2, [1, 0, 1])
    parsed = modellib.parse_image_meta_graph(ops.convert_to_tensor(meta[None], "float32"))
    assert float(parsed["image_id"][0]) == 7
    assert ops.convert_to_numpy(parsed["window"]).tolist() == [[16, 0, 112, 128]]
    assert ops.convert_to_numpy(parsed["active_class_ids"]).tolist() == [[1, 0, 1]]


@pytest.mark.parametrize(("train_bn", "mean"), [(False, 0.0), (True, 5.0)])
def test_batch_norm_takes_training_when_called(train_bn, mean):
    norm = modellib.BatchNorm(name="norm", center=False)
    x = np.array([[4.0], [6.0]], "float32")
    result = ops.convert_to_numpy(norm(x, training=train_bn))
    assert (x - result * (x[0] - x[1]) / (result[0] - result[1])).mean() == pytest.approx(mean, abs=1e-3)


def test_rois_given_to_training_are_what_the_heads_learn_from():
    config = Tiny()
    config.update({"USE_RPN_ROIS": False, "POST_NMS_ROIS_TRAINING": 40})
    network = build_network("training", config)
    assert network.inputs[-1].name == "input_roi" and network.inputs[-1].shape == (None, 40, 4)
    assert not any(layer.name == "ROI" for layer in network.layers)
