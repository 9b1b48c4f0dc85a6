"""A convolution that carries a batch norm, against the two layers working apart."""

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.modeling.normalization import BatchNorm, Conv2D, conv_norm
from mrcnn.modeling.roi_heads import RoiBatchNorm, RoiConv2D

LAYERS = {
    "image": (Conv2D, BatchNorm, (2, 7, 6, 3), {"kernel_size": 3, "strides": 2, "padding": "same"}),
    "no bias": (Conv2D, BatchNorm, (2, 7, 6, 3), {"kernel_size": 1, "use_bias": False}),
    "rois": (RoiConv2D, RoiBatchNorm, (2, 3, 4, 4, 3), {"kernel_size": 3, "padding": "same"}),
    "whole rois": (RoiConv2D, RoiBatchNorm, (2, 3, 4, 4, 3), {"kernel_size": 4}),
}


def build(kind, train_bn=False, dtype="float32"):
    """(model, the same with both layers working apart, inputs): equal weights, none of them trivial."""
    conv, norm, shape, options = LAYERS[kind]
    inputs = keras.Input(shape[1:], batch_size=shape[0])
    layers = conv(5, name="conv", dtype=dtype, **options), norm(train_bn, name="norm", dtype=dtype)
    model = keras.Model(inputs, keras.layers.ReLU(dtype=dtype)(conv_norm(*layers, inputs)))
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.weights])
    layers[0].kernel.assign(rng.normal(size=layers[0].kernel.shape))
    apart = keras.models.clone_model(model)
    apart.set_weights(model.get_weights())
    return model, apart, rng.normal(size=shape).astype("float32")


def carried(model):
    return model.get_layer("norm").carried


@pytest.mark.parametrize("kind", LAYERS)
def test_carried_it_is_the_same_map(kind):
    model, apart, inputs = build(kind)
    assert carried(model) and not carried(apart)
    found, expected = model.predict_on_batch(inputs), apart.predict_on_batch(inputs)
    assert np.count_nonzero(expected) > expected.size / 10
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_between_the_two_layers_the_map_is_that_after_batch_norm():
    model, apart, inputs = build("image")
    found, between = (
        keras.Model(model.input, model.get_layer(name).output)(inputs) for name in ("norm", "conv")
    )
    expected = keras.Model(apart.input, apart.get_layer("norm").output)(inputs)
    np.testing.assert_array_equal(ops.convert_to_numpy(between), ops.convert_to_numpy(found))
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), ops.convert_to_numpy(expected), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("kind", LAYERS)
def test_a_step_of_training_moves_all_weights_alike_and_no_statistics(kind):
    steps = []
    for model in build(kind)[:2]:
        inputs = np.random.default_rng(1).normal(size=LAYERS[kind][2]).astype("float32")
        before = {weight.path: ops.convert_to_numpy(weight) for weight in model.weights}
        model.compile(keras.optimizers.SGD(0.1), loss="mse")
        model.train_on_batch(inputs, np.zeros(model.output_shape, "float32"))
        steps.append({weight.path: weight - before[weight.path] for weight in model.weights})
    together, apart = ({path: ops.convert_to_numpy(step) for path, step in one.items()} for one in steps)
    assert set(together) == set(apart)
    for path, step in apart.items():
        assert np.any(step) == ("moving" not in path), path
        np.testing.assert_allclose(together[path], step, rtol=1e-4, atol=1e-6, err_msg=path)


def test_in_16_bits_the_batch_norm_is_in_the_kernel_before_it_is_rounded():
    model, _, inputs = build("image", dtype="mixed_bfloat16")
    exact = build("image")[0]
    conv, norm = model.get_layer("conv"), model.get_layer("norm")
    assert keras.backend.standardize_dtype(conv.kernel.dtype) == "float32"
    factor = ops.convert_to_numpy(norm.gamma / ops.sqrt(norm.moving_variance + norm.epsilon))
    once = ops.cast(ops.convert_to_numpy(conv.kernel) * factor, "bfloat16")
    kernel = conv.effective_weights()[0]
    # The last bit of the factor may round the other way.
    same = ops.convert_to_numpy(ops.equal(ops.cast(kernel, "float32"), ops.cast(once, "float32")))
    assert np.mean(same) > 0.98
    found, expected = ops.cast(model(inputs), "float32"), exact.predict_on_batch(inputs)
    assert np.abs(ops.convert_to_numpy(found) - expected).max() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize("train_bn", [None, True])
def test_a_batch_norm_that_looks_at_batches_is_left_alone(train_bn):
    model, _, inputs = build("image", train_bn)
    assert not carried(model)
    conv, norm = model.get_layer("conv"), model.get_layer("norm")
    maps = ops.convert_to_numpy(conv(inputs)).reshape(-1, 5)
    normal = (maps - maps.mean(0)) / np.sqrt(maps.var(0) + 1e-3)
    expected = normal * ops.convert_to_numpy(norm.gamma) + ops.convert_to_numpy(norm.beta)
    found = ops.convert_to_numpy(model(inputs, training=True)).reshape(-1, 5)
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-3, atol=1e-3)


def test_both_layers_keep_their_names_and_weights():
    model, _, _ = build("image")
    assert list(leaf_layers(model))[1:3] == ["conv", "norm"]
    assert [weight.path for weight in model.weights] == [
        "conv/kernel", "conv/bias", "norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance",
    ]  # fmt: skip
    assert len(model.get_layer("conv").weights) == 2


def test_new_weights_count_from_the_next_call_on():
    model, apart, inputs = build("image")
    model.predict_on_batch(inputs)
    for one in (model, apart):
        one.get_layer("norm").moving_variance.assign(np.full(5, 4.0))
    np.testing.assert_allclose(
        model.predict_on_batch(inputs), apart.predict_on_batch(inputs), rtol=1e-4, atol=1e-5
    )


def test_a_saved_model_comes_back_equal(tmp_path):
    model, _, inputs = build("image")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict_on_batch(inputs), model.predict_on_batch(inputs), rtol=1e-4, atol=1e-5
    )
