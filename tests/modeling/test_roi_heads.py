"""The layers that run over ROIs against what they stand for."""

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn.modeling.roi_heads import RoiConv2D


def features(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def randomize(layer):
    layer.set_weights([features(weight.shape, seed) for seed, weight in enumerate(layer.weights)])


@pytest.mark.parametrize("side, kernel, activation", [(7, 7, None), (7, 7, "relu"), (1, 1, None)])
def test_a_kernel_that_covers_the_roi_is_a_product_with_all_its_cells(side, kernel, activation):
    layer = RoiConv2D(5, kernel, activation=activation)
    rois = features((2, 3, side, side, 4), seed=9)
    layer.build(rois.shape)
    randomize(layer)
    weights, bias = layer.get_weights()
    expected = np.einsum("bnhwc,hwcf->bnf", rois.astype("float64"), weights.astype("float64")) + bias
    if activation:
        expected = np.maximum(expected, 0)
    found = ops.convert_to_numpy(layer(rois))
    assert found.shape == (2, 3, 1, 1, 5)
    np.testing.assert_allclose(found[:, :, 0, 0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options", [{}, {"strides": 2}, {"padding": "same"}, {"use_bias": False}, {"groups": 2}], ids=str
)
@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_over_rois_is_keras_convolution_of_each_roi(kernel, options):
    """Whether the kernel covers the ROI (4 of 4 cells) or not."""
    rois = features((2, 3, 4, 4, 6), seed=9)
    layer, plain = RoiConv2D(8, kernel, **options), keras.layers.Conv2D(8, kernel, **options)
    layer.build(rois.shape)
    randomize(layer)
    folded = rois.reshape(-1, 4, 4, 6)
    plain.build(folded.shape)
    plain.set_weights(layer.get_weights())
    found, expected = ops.convert_to_numpy(layer(rois)), ops.convert_to_numpy(plain(folded))
    assert found.shape[:2] == (2, 3)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(rois.shape) == found.shape


def test_a_covering_kernel_computes_in_the_layers_precision():
    layer = RoiConv2D(5, 7, dtype="mixed_bfloat16")
    rois = features((1, 2, 7, 7, 4))
    layer.build(rois.shape)
    randomize(layer)
    found = layer(rois)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    exact = RoiConv2D(5, 7)
    exact.build(rois.shape)
    exact.set_weights(layer.get_weights())
    expected = ops.convert_to_numpy(exact(rois))
    error = np.abs(ops.convert_to_numpy(ops.cast(found, "float32")) - expected).max()
    assert 0 < error < 0.05 * np.abs(expected).max()
