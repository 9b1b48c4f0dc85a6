"""PyTorch's own functions against the formulas that they stand for; they run where KERAS_BACKEND is torch."""

import keras
import numpy as np
import pytest

from mrcnn import backend, keras_internals, startup

if keras.backend.backend() != "torch":
    pytest.skip("needs KERAS_BACKEND=torch", allow_module_level=True)

import torch

from mrcnn import torch_ops

startup.start()
SHAPES = ((3, 3, 4, 5), (5,), (1, 1, 5, 2), (7,))


def tensors(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.normal(size=shape) * scale, dtype=torch.float32) for shape in SHAPES]


@pytest.mark.parametrize("options", [{"clipnorm": 2.0}, {"global_clipnorm": 2.0}])
@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_gradients_are_clipped_as_keras_clips_them(options, scale):
    plain, ours = (keras.optimizers.SGD(0.1, **options) for _ in range(2))
    backend.shorten_updates(ours)
    expected = plain._clip_gradients(tensors(1, scale))
    found = ours._clip_gradients(tensors(1, scale))
    assert max(float(x.norm()) for x in found) <= 2.0 * (1 + 1e-6)
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("options", [{"clipnorm": 2.0}, {"global_clipnorm": 2.0}])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_stays_so(options, bad):
    """StopAtNonFinite must find it."""
    plain, ours = (keras.optimizers.SGD(0.1, **options) for _ in range(2))
    backend.shorten_updates(ours)
    found, expected = [], []
    for optimizer, clipped in ((ours, found), (plain, expected)):
        gradients = tensors(2)
        gradients[1][3] = bad
        clipped += optimizer._clip_gradients(gradients)
    for one, other in zip(found, expected):
        np.testing.assert_array_equal(torch.isnan(one), torch.isnan(other))


def test_the_sum_of_mean_squares_and_its_gradient():
    weights = [weight.requires_grad_() for weight in tensors(3)]
    found = torch_ops.sum_of_mean_squares(weights)
    expected = sum((weight**2).mean() for weight in weights)
    np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-6)
    of_found = torch.autograd.grad(3.0 * found, weights)
    for one, other in zip(of_found, torch.autograd.grad(3.0 * expected, weights)):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("has_bias", [True, False])
def test_a_folded_batch_norm_and_its_gradients(has_bias):
    kernel, *vectors = (torch.tensor(np.random.default_rng(n).uniform(0.5, 2, s)) for n, s in enumerate(
        [(3, 3, 2, 4), (4,), (4,), (4,), (4,), (4,)]
    ))  # fmt: skip
    bias, gamma, beta, mean, variance = vectors
    bias = bias if has_bias else None
    learned = [x.requires_grad_() for x in (kernel, bias, gamma, beta) if x is not None]
    factor = gamma / torch.sqrt(variance + 1e-3)
    expected = kernel * factor, beta + ((0.0 if bias is None else bias) - mean) * factor
    found = torch_ops.fold_norm(kernel, bias, gamma, beta, mean, variance, 1e-3)
    weight = [torch.cos(torch.arange(x.numel(), dtype=x.dtype)).reshape(x.shape) for x in expected]
    gradients = [
        torch.autograd.grad(sum((x * w).sum() for x, w in zip(both, weight)), learned)
        for both in (found, expected)
    ]
    for one, other in zip((*found, *gradients[0]), (*expected, *gradients[1])):
        np.testing.assert_allclose(one.detach(), other.detach(), rtol=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (keras.layers.Conv2D(4, 3, strides=2, padding="same"), (2, 8, 6, 3)),
        (keras.layers.Conv2DTranspose(4, 2, strides=2), (2, 8, 6, 3)),
        (keras.layers.DepthwiseConv2D(3, padding="same"), (2, 8, 6, 3)),
        (keras.layers.MaxPooling2D(3, strides=2, padding="same"), (2, 8, 6, 3)),
        (keras.layers.Conv1D(4, 3), (2, 8, 3)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_maps_that_are_not_copied_give_the_same_numbers(layer, shape, monkeypatch):
    from keras.src.backend.torch import nn

    x = torch.tensor(np.random.default_rng(0).normal(size=shape), dtype=torch.float32)
    found = layer(x).detach()
    copying = {1: (0, 2, 1), 2: (0, 3, 1, 2)}[x.ndim - 2]
    monkeypatch.setattr(nn, "_transpose_spatial_inputs", lambda x: x.permute(copying).contiguous())
    np.testing.assert_allclose(found, layer(x).detach(), rtol=1e-5, atol=1e-6)


def test_starting_twice_changes_keras_once():
    from keras.src.backend.torch import nn, numpy

    before = nn._transpose_spatial_inputs, numpy.convert_to_tensor
    backend.make_steps_short()
    assert before == (nn._transpose_spatial_inputs, numpy.convert_to_tensor)
    assert {x.__module__ for x in before} == {"mrcnn.keras_internals"}


@pytest.mark.parametrize(
    ("number", "dtype"), [(True, "bool"), (3, "int32"), (2**40, "int64"), (0.5, "float32")]
)
def test_numbers_have_the_types_that_keras_gives_them(number, dtype):
    ones = keras.ops.ones((2,), dtype)
    assert keras.ops.equal(ones, number).dtype == torch.bool
    made = keras.ops.where(ones > 0, number, number)
    assert keras.backend.standardize_dtype(made.dtype) == dtype and made.tolist() == [number] * 2


def test_a_constant_is_sent_once_per_device():
    constant = backend.Constant(np.float32([1, 2]))
    assert constant.tensor() is constant.tensor() and constant.tensor().tolist() == [1.0, 2.0]
    with keras.device("meta"):
        assert constant.tensor().is_meta
    assert not constant.tensor().is_meta
    assert backend.constant([0, 0, 1, 1]) is backend.constant((0.0, 0.0, 1.0, 1.0))
    assert keras_internals.torch_device() == "cpu"


def test_deterministic_pytorch_does_not_fill_new_tensors():
    try:
        backend.make_deterministic()
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
    finally:
        torch.use_deterministic_algorithms(False)
