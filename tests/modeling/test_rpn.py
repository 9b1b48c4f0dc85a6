"""The RPN at some anchors against the RPN over whole maps: values and one step of training."""

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn import backend
from mrcnn.modeling.rpn import SampledRPN, build_rpn, cell_patches, run_rpn

SHAPES = [(8, 6), (4, 3), (2, 2), (1, 1)]
DEPTH, RATIOS, BATCH = 5, 3, 2


def pyramid_of(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(BATCH, *shape, DEPTH)).astype("float32") for shape in SHAPES]


def anchors_of(stride):
    """Every anchor of one image, and of the other as many drawn again and again, in disorder."""
    count = RATIOS * sum(-(-height // stride) * -(-width // stride) for height, width in SHAPES)
    rng = np.random.default_rng(1)
    return np.stack([rng.permutation(count), rng.integers(0, count, count)]).astype("int32")


def rpn_of(stride):
    rpn = build_rpn(DEPTH, RATIOS, stride, channels=7)
    rng = np.random.default_rng(2)
    rpn.set_weights([rng.normal(size=weight.shape).astype("float32") / 3 for weight in rpn.weights])
    return rpn


class Row(keras.layers.Layer):
    """The rows of dense outputs [B, A, C] at an index [B, S]."""

    def call(self, inputs):
        values, index = inputs
        return ops.take_along_axis(values, index[..., None], axis=1)

    def compute_output_shape(self, shapes):
        return (*shapes[1], shapes[0][-1])


def network(rpn, stride, sampled, places):
    """index and pyramid -> logits and deltas of the anchors; the pyramid passes a layer with weights."""
    index = keras.Input((places,), dtype="int32")
    levels = [keras.Input((*shape, DEPTH)) for shape in SHAPES]
    scale = keras.layers.Conv2D(DEPTH, 1, name="scale")
    pyramid = [scale(level) for level in levels]
    logits, scores, deltas = run_rpn(rpn, pyramid)
    if sampled:
        outputs = SampledRPN(SHAPES, stride)([index, scores, *pyramid])
    else:
        outputs = [Row()([logits, index]), Row()([deltas, index])]
    model = keras.Model([index, *levels], list(outputs))
    eye = np.eye(DEPTH, dtype="float32")[None, None]
    model.get_layer("scale").set_weights([eye, np.zeros(DEPTH, "float32")])
    return model


@pytest.mark.parametrize("stride", [1, 2])
def test_values_are_those_of_the_whole_maps(stride):
    index, rpn = anchors_of(stride), rpn_of(stride)
    dense, sampled = (
        network(rpn, stride, sampled, index.shape[1]).predict_on_batch([index, *pyramid_of()])
        for sampled in (False, True)
    )
    assert np.abs(dense[0]).max() > 1
    for expected, found in zip(dense, sampled):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_step_of_training_is_that_of_the_whole_maps(stride):
    backend.keep_updates_last()
    index = anchors_of(stride)
    rng = np.random.default_rng(3)
    factors = [rng.normal(size=(*index.shape, size)).astype("float32") for size in (2, 4)]
    after = []
    for sampled in (False, True):
        model = network(rpn_of(stride), stride, sampled, index.shape[1])
        before = [weight.copy() for weight in model.get_weights()]
        loss = lambda factor, values: ops.mean(factor * values)  # noqa: E731
        model.compile(optimizer=keras.optimizers.SGD(1.0), loss=[loss, loss])
        model.train_on_batch([index, *pyramid_of()], factors)
        after.append([end - start for start, end in zip(before, model.get_weights())])
    assert len(after[0]) == 8  # kernels and biases of "scale" and of the RPN's three layers
    assert all(np.abs(change).max() > 1e-3 for change in after[0])
    for dense, sampled in zip(*after):
        np.testing.assert_allclose(sampled, dense, rtol=1e-4, atol=1e-5)


def test_weights_are_the_rpns_alone():
    rpn = rpn_of(1)
    model = network(rpn, 1, True, 4)
    layer = next(layer for layer in model.layers if isinstance(layer, SampledRPN))
    assert layer.weights == []
    assert len(model.weights) == len(rpn.weights) + 2


def test_patches_of_a_small_map_by_hand():
    patches = cell_patches([(2, 3), (1, 1)], stride=1)
    assert patches.shape == (7, 9)
    # Cells 0 1 2 / 3 4 5, then 6; what is outside has the number 7.
    assert patches[0].tolist() == [7, 7, 7, 7, 0, 1, 7, 3, 4]
    assert patches[4].tolist() == [0, 1, 2, 3, 4, 5, 7, 7, 7]
    assert patches[6].tolist() == [7, 7, 7, 7, 6, 7, 7, 7, 7]


def test_patches_with_a_stride_start_where_padding_same_does():
    assert cell_patches([(4, 4)], stride=2)[:, 0].tolist() == [0, 2, 8, 10]
    assert cell_patches([(3, 3)], stride=2)[:, 4].tolist() == [0, 2, 6, 8]
