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
