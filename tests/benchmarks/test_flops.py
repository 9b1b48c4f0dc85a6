"""The count of arithmetic against known counts."""

import keras
import pytest

from benchmarks import flops
from mrcnn.modeling.network import build_network
from tests import tiny


def chain(first_trainable=True):
    """8x8 images through a convolution to 4 channels and one with stride 2 to 6, then a dense layer."""
    image = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 3, padding="same", trainable=first_trainable)
    x = keras.layers.Conv2D(6, 1, strides=2)(first(image))
    return keras.Model(image, keras.layers.Dense(5)(keras.layers.Flatten()(x)))


FIRST, SECOND, THIRD = 2 * 64 * 27 * 4, 2 * 16 * 4 * 6, 2 * 96 * 5


def test_a_step_is_forward_and_both_gradients_but_the_images():
    forward, step = flops.count(chain(), batch=2)
    assert forward == 2 * (FIRST + SECOND + THIRD)
    assert step == 2 * (2 * FIRST + 3 * SECOND + 3 * THIRD)


def test_what_is_frozen_has_no_gradient():
    forward, step = flops.count(chain(first_trainable=False), batch=1)
    assert forward == FIRST + SECOND + THIRD
    assert step == FIRST + 2 * SECOND + 3 * THIRD


def test_a_transposed_convolution_counts_its_inputs():
    image = keras.Input((5, 5, 3))
    model = keras.Model(image, keras.layers.Conv2DTranspose(4, 2, strides=2)(image))
    assert flops.count(model, batch=1)[0] == 2 * 25 * (2 * 2 * 3 * 4)


@pytest.fixture(scope="module")
def training():
    return build_network("training", tiny.Tiny())


def test_the_rpn_learns_at_its_sampled_anchors(training):
    """Frozen but for the RPN, a step costs the forward pass and the gradient of sampled anchors."""
    config = tiny.Tiny()
    for layer in training.layers:
        layer.trainable = layer.name == "rpn_model"
    forward, step = flops.count(training, batch=3)
    anchors = 3 * (config.RPN_TRAIN_ANCHORS_PER_IMAGE + config.RPN_TRAIN_ANCHORS_PER_IMAGE // 2)
    ratios = len(config.RPN_ANCHOR_RATIOS)
    shared = 2 * anchors * 9 * config.TOP_DOWN_PYRAMID_SIZE * config.RPN_CHANNELS
    ends = 2 * anchors * config.RPN_CHANNELS * 6 * ratios
    # The head's kernels do not learn, and what lies before the RPN neither.
    assert step - forward == shared + 2 * ends


def test_the_peak_is_taken_from_enough_work(monkeypatch):
    """Of a machine that needs 0.1 ms an image: 32 images take 3 ms, 128 take 13 ms."""
    size = {"side": 2, "channels": 3, "layers": 2}
    monkeypatch.setattr(flops.Peak, "_seconds", lambda self, runs: self.batch * 1e-4)
    peak = flops.Peak("float32", at_least=0.01, **size)
    assert peak.batch == 128
    assert flops.Peak("float32", at_least=1, most=32, **size).batch == 32
    one_image = 2 * (2 * 27 * 3 * 4)  # two layers of 3 x 3 x 3 x 3 at four positions
    assert peak.measure() == peak.best == pytest.approx(one_image / 1e-4)
