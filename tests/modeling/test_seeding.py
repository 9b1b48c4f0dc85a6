"""Initial weights: from seed and name alone, with the deviation their initialiser asks for."""

import keras
import numpy as np
import pytest

from mrcnn.modeling.seeding import seed_weights


def model_with(initializer, name="layer"):
    image = keras.Input((8, 8, 16))
    layer = keras.layers.Conv2D(64, 3, kernel_initializer=initializer, name=name)
    return keras.Model(image, layer(image))


def kernel(model):
    return np.array(model.layers[-1].kernel)


@pytest.mark.parametrize(
    ("initializer", "deviation", "bound"),
    [
        ("glorot_uniform", np.sqrt(2 / (9 * 80)), np.sqrt(6 / (9 * 80))),
        ("he_normal", np.sqrt(2 / (9 * 16)), 2 * np.sqrt(2 / (9 * 16)) / 0.87962566),
        (keras.initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal"), np.sqrt(3 / (9 * 64)), 1),
        (keras.initializers.TruncatedNormal(stddev=0.02), 0.0176, 0.04),
    ],
)
def test_deviation_and_bound(initializer, deviation, bound):
    model = model_with(initializer)
    seed_weights(model, 1)
    assert kernel(model).std() == pytest.approx(deviation, rel=0.03)
    assert np.abs(kernel(model)).max() <= bound
    assert abs(kernel(model).mean()) < 0.03 * deviation


def test_seed_and_name_decide():
    def drawn(seed, name="layer"):
        model = model_with("he_normal", name)
        seed_weights(model, seed)
        return kernel(model)

    np.testing.assert_array_equal(drawn(5), drawn(5))
    assert (drawn(5) != drawn(6)).any()
    assert (drawn(5) != drawn(5, "other")).any()


def test_biases_and_norms_stay():
    image = keras.Input((8, 8, 4))
    model = keras.Model(image, keras.layers.BatchNormalization(name="norm")(image))
    seed_weights(model, 1)
    np.testing.assert_array_equal(np.array(model.layers[-1].gamma), np.ones(4))


def every_kind():
    """A model whose layers keep their random weights under all of Keras's names, some in layers within."""
    image = keras.Input((6, 8))
    x = image
    for end in "ab":
        x = keras.layers.MultiHeadAttention(2, 4, name=f"attention_{end}")(x, x)
        x = keras.layers.TimeDistributed(keras.layers.Dense(8), name=f"rows_{end}")(x)
    x = keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True), name="both")(x)
    x = keras.layers.SeparableConv1D(8, 3, name="separable")(x)
    return keras.Model(image, keras.layers.DepthwiseConv1D(3, name="depthwise")(x))


def test_every_random_weight_is_drawn_from_the_seed():
    first, second, other = every_kind(), every_kind(), every_kind()
    for model, seed in ((first, 1), (second, 1), (other, 2)):
        seed_weights(model, seed)
    values = [[np.array(weight) for weight in model.weights] for model in (first, second, other)]
    drawn = 0
    for weight, one, again, another in zip(first.weights, *values, strict=True):
        np.testing.assert_array_equal(one, again, err_msg=weight.path)
        if one.any():  # not a bias
            assert (one != another).any(), weight.path
            drawn += 1
    assert drawn == 2 * (4 + 1) + 2 * 2 + 2 + 1
    kernels = [value for value in values[0] if value.any()]
    assert len({value.tobytes() for value in kernels}) == drawn


def test_depthwise_kernels_of_backbones_are_drawn_from_the_seed():
    def kernels(seed):
        extractor = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
        seed_weights(extractor, seed)
        return [np.array(layer.kernel) for layer in extractor.layers if hasattr(layer, "kernel")]

    first, second = kernels(1), kernels(1)
    assert len(first) == 52
    assert all((one == again).all() for one, again in zip(first, second, strict=True))
