"""The assembled network: what it is made of, how it learns, and that both modes share their weights."""

import contextlib

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn import startup
from mrcnn.modeling import losses
from mrcnn.modeling.anchors import image_anchors
from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.modeling.network import LOSS_NAMES, build_network, loss_weights
from mrcnn.modeling.training_model import TrainingModel
from mrcnn.pipeline.transforms import mold_image
from tests import tiny
from tests.sooner import eagerly


class Tiny(tiny.Tiny):
    """The small network of other tests, with what training needs."""

    POST_NMS_ROIS_TRAINING = 50
    TRAIN_ROIS_PER_IMAGE = 16
    MINI_MASK_SHAPE = (28, 28)


def batch(config, instances=(2, 0)):
    """Two images with the given numbers of bright squares on noise."""
    rng = np.random.default_rng(0)
    side, count, places = config.IMAGE_MAX_DIM, len(instances), config.MAX_GT_INSTANCES
    images = rng.normal(0, 10, (count, side, side, 3)).astype("float32")
    class_ids = np.zeros((count, places), "int32")
    boxes = np.zeros((count, places, 4), "float32")
    masks = np.zeros((count, *config.MINI_MASK_SHAPE, places), bool)
    for image, number in enumerate(instances):
        for i in range(number):
            y, x = 10 + 50 * (i % 2), 20 + 45 * i
            images[image, y : y + 40, x : x + 40] += 100
            class_ids[image, i], boxes[image, i] = 1 + i % 2, (y, x, y + 40, x + 40)
            masks[image, :, :, i] = True
    meta = np.zeros((count, config.IMAGE_META_SIZE), "float32")
    meta[:, 1:7] = [side, side, 3, side, side, 3]
    meta[:, 7:11] = [0, 0, side, side]
    meta[:, 11:] = 1
    return {
        "input_image": images,
        "input_image_meta": meta,
        "input_gt_class_ids": class_ids,
        "input_gt_boxes": boxes,
        "input_gt_masks": masks,
    }


def compiled(config):
    startup.start(training=True)  # as MaskRCNN does
    model = build_network("training", config)
    model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9, clipnorm=5.0))
    return model


@pytest.fixture(scope="module")
def called_once():
    """A network and its losses for ``batch(Tiny())``; each further call draws other samples."""
    model = compiled(Tiny())
    return model, model.test_on_batch(batch(Tiny()), return_dict=True)


@pytest.fixture(scope="module")
def model(called_once):
    return called_once[0]


@pytest.fixture(scope="module")
def learnt():
    """Losses of the first and the last of 26 steps on two squares, and the graph of a step."""
    model, data = compiled(Tiny()), batch(Tiny(), (2, 2))
    model.optimizer.build(model.trainable_variables)
    with graph_of_a_step() as graphs:
        first = model.train_on_batch(data, return_dict=True)
    for _ in range(25):
        last = model.train_on_batch(data, return_dict=True)
    return first, last, graphs


@contextlib.contextmanager
def graph_of_a_step():
    """A list to which TensorFlow's optimised graph of the step within is added, a GraphDef."""
    if keras.backend.backend() != "tensorflow":
        yield []
        return
    from tensorflow.python.eager import context

    context.context().enable_graph_collection()
    yield (found := [])
    graphs = context.context().export_run_metadata().function_graphs
    context.context().disable_graph_collection()
    found.append(max((graph.post_optimization_graph for graph in graphs), key=lambda graph: len(graph.node)))


def test_it_learns_two_squares(learnt):
    first, last, _ = learnt
    assert last["rpn_class_loss"] < 0.5 * first["rpn_class_loss"]
    assert last["loss"] < 0.6 * first["loss"]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow alone has such a graph")
def test_no_weight_is_read_after_its_update(learnt):
    """In the graph of a step as TensorFlow runs it, a path leads from each read to the update or back."""
    graph = learnt[2][0]
    updates = [node for node in graph.node if node.op.startswith("Assign")]
    before = {node.name: [name.lstrip("^").split(":")[0] for name in node.input] for node in graph.node}
    ancestors = {node.name: ancestors_of(node.name, before) for node in graph.node if "Variable" in node.op}
    pairs = [
        (read.name, update.name)
        for update in updates
        for read in graph.node
        if read.op == "ReadVariableOp" and read.input[0] == update.input[0]
    ]
    assert len(pairs) > 400
    assert [(a, b) for a, b in pairs if a not in ancestors[b] and b not in ancestors[a]] == []


def ancestors_of(name, before):
    """All nodes from which a path leads to a node. before: the inputs of each."""
    found, left = set(), [name]
    while left:
        for other in before.get(left.pop(), ()):
            if other not in found:
                found.add(other)
                left.append(other)
    return found


def test_losses_are_reported_by_name_in_training_and_validation(model):
    data = batch(Tiny())
    logs = model.evaluate(data, batch_size=2, verbose=0, return_dict=True)
    assert set(logs) == {"loss", *LOSS_NAMES}
    assert all(np.isfinite(value) for value in logs.values())
    assert logs["rpn_class_loss"] > 0.1
    penalty = float(ops.convert_to_numpy(losses.l2_penalty(model.trainable_weights, 1e-4)))
    assert logs["loss"] == pytest.approx(sum(logs[name] for name in LOSS_NAMES) + penalty, rel=1e-4)


@pytest.mark.parametrize("instances", [(0, 0), (6, 0)])
def test_images_without_instances_train_as_background(model, instances):
    logs = model.test_on_batch(batch(Tiny(), instances), return_dict=True)
    model.reset_metrics()
    assert all(np.isfinite(value) for value in logs.values())
    if sum(instances) == 0:
        assert logs["rpn_class_loss"] > 0
        assert logs["mrcnn_class_loss"] > 0
        assert logs["rpn_bbox_loss"] == logs["mrcnn_bbox_loss"] == logs["mrcnn_mask_loss"] == 0


def test_uint8_images_are_molded_and_others_are_not():
    """The loader gives uint8, matterport's generators molded images: the network sees equal bits."""
    entry = keras.Input((4, 4, 3), name="input_image")
    model = TrainingModel([entry], {"image": keras.layers.Identity()(entry)})
    model.mean_pixel = list(Tiny.MEAN_PIXEL)
    images = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    molded = mold_image(images, Tiny())
    for given in (images, molded):
        np.testing.assert_array_equal(model.predict_on_batch({"input_image": given})["image"], molded)
    again = TrainingModel.from_config(model.get_config())
    np.testing.assert_array_equal(again.predict_on_batch({"input_image": images})["image"], molded)


def test_a_loss_weighs_1_unless_loss_weights_names_it():
    config = Tiny()
    config.LOSS_WEIGHTS = {"rpn_bbox_loss": 2}
    assert loss_weights(config) == {**dict.fromkeys(LOSS_NAMES, 1.0), "rpn_bbox_loss": 2.0}
    config.LOSS_WEIGHTS = {"rpn_box_loss": 2}
    message = "no loss is named 'rpn_box_loss'; the nearest is 'rpn_bbox_loss'"
    with pytest.raises(ValueError, match=message):
        build_network("training", config)


def test_loss_weights_weigh():
    config = Tiny()
    config.update({"LOSS_WEIGHTS": dict.fromkeys(LOSS_NAMES, 0.0), "WEIGHT_DECAY": 0.0})
    config.update({"LOSS_WEIGHTS": {"rpn_class_loss": 3.0}})
    with eagerly():
        logs = compiled(config).test_on_batch(batch(config), return_dict=True)
    assert logs["loss"] == pytest.approx(3 * logs["rpn_class_loss"], rel=1e-5)


def test_the_seed_decides_the_initial_weights():
    def weights(seed):
        config = Tiny()
        config.update({"SEED": seed})
        return [w.numpy() for w in build_network("inference", config).weights]

    for first, second in zip(weights(3), weights(3)):
        np.testing.assert_array_equal(first, second)
    assert any((first != second).any() for first, second in zip(weights(3), weights(4)))


def test_both_modes_start_with_the_same_weights_and_share_their_names(model):
    inference = leaf_layers(build_network("inference", Tiny()))
    training = leaf_layers(compiled(Tiny()))
    with_weights = {name for name, layer in inference.items() if layer.weights}
    assert with_weights == {name for name, layer in training.items() if layer.trainable_weights}
    for name in with_weights:
        for ours, theirs in zip(inference[name].weights, training[name].weights):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_detections_are_sorted_clipped_and_padded():
    config = Tiny()
    graph = build_network("inference", config)
    data = batch(config)
    anchors = np.repeat(image_anchors(config, config.IMAGE_SHAPE)[None], 2, axis=0)
    with eagerly():
        detections, _, _, masks, rois, *_ = graph.predict_on_batch(
            [data["input_image"], data["input_image_meta"], anchors]
        )
    assert detections.shape == (2, 10, 6)
    assert masks.shape == (2, 10, 28, 28, 3)
    assert ((rois >= 0) & (rois <= 1)).all()
    assert (np.diff(detections[..., 5], axis=1) <= 0).all()
    padding = detections[..., 4] == 0
    assert (detections[padding] == 0).all()


@pytest.mark.parametrize("precision", ["mixed_bfloat16"])
def test_mixed_precision_is_close_to_float32(precision, called_once):
    config = Tiny()
    data, full = batch(config), called_once[1]
    config.update({"PRECISION": precision})
    mixed_model = compiled(config)
    with eagerly():
        mixed = mixed_model.test_on_batch(data, return_dict=True)
    assert keras.config.dtype_policy().name == "float32"
    assert mixed["rpn_class_loss"] == pytest.approx(full["rpn_class_loss"], rel=0.05)
    assert mixed_model.get_layer("fpn_p2").compute_dtype == "bfloat16"
    assert all(w.dtype == "float32" for w in mixed_model.trainable_weights)
    with eagerly():
        assert np.isfinite(mixed_model.train_on_batch(data, return_dict=True)["loss"])


def test_aligned_rois_give_another_answer(called_once):
    config, corner = Tiny(), called_once[1]
    config.update({"ROI_ALIGN": "aligned"})
    with eagerly():
        aligned = compiled(config).test_on_batch(batch(config), return_dict=True)
    assert aligned["mrcnn_class_loss"] != corner["mrcnn_class_loss"]
    assert aligned["rpn_class_loss"] == pytest.approx(corner["rpn_class_loss"], rel=1e-5)


def test_unknown_mode_says_what_arrived():
    with pytest.raises(ValueError, match="got 'train'"):
        build_network("train", Tiny())
