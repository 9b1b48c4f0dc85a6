"""Statistics of weights, gradients that a finite difference confirms, and changes between weights."""

import numpy as np
import pytest
from keras import ops

from mrcnn.inspection import learning, weights
from mrcnn.model import MaskRCNN
from mrcnn.pipeline.loader import Loader
from tests.scenes import Rectangles
from tests.tiny import Tiny


@pytest.fixture(scope="module")
def training(eagerly):
    config = Tiny()
    config.update({"IMAGES_PER_GPU": 1, "WEIGHT_DECAY": 0.0})
    return MaskRCNN("training", config, "runs")


@pytest.fixture(scope="module")
def batch(training):
    return Loader(Rectangles((3,), shape=(100, 128)), training.config, shuffle=False).batch(0)


def test_gradients_are_those_of_the_loss(training, batch):
    """Along the mask layer's bias, whose gradient is a sum over all masks, the loss changes as it says."""
    model = training.keras_model
    before = learning.arrays_of(model)
    found = {one.layer: one for one in learning.gradients(model, batch)}
    for name, value in learning.arrays_of(model).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert {"light_stem1_conv", "rpn_conv_shared", "mrcnn_mask"} <= found.keys()
    assert all(one.change > 0 for name, one in found.items() if name.startswith("fpn_c"))

    bias = model.get_layer("rpn_model").get_layer("rpn_bbox_pred").weights[1]
    value = ops.convert_to_numpy(bias).copy()
    kernel = model.get_layer("rpn_model").get_layer("rpn_bbox_pred").weights[0]
    slopes = []
    for place in range(len(value)):
        losses = []
        for step in (1e-2, -1e-2):
            bias.assign(value + step * (np.arange(len(value)) == place))
            losses.append(float(ops.convert_to_numpy(model(batch, training=False)["rpn_bbox_loss"])))
        slopes.append((losses[0] - losses[1]) / 2e-2)
    bias.assign(value)
    layer = found["rpn_bbox_pred"]
    assert np.linalg.norm(slopes) <= layer.change * 1.01  # the kernel's part is within it, too
    assert np.linalg.norm(slopes) > 0
    total = np.sqrt(np.sum(np.square(ops.convert_to_numpy(kernel))) + np.sum(np.square(value)))
    assert layer.weights == pytest.approx(total, rel=1e-6)
    assert layer.share == pytest.approx(layer.change / layer.weights)


def test_changes_are_by_layer():
    one, ones = np.array([3.0, 4.0]), np.ones(2)
    old = {"a/kernel": one, "a/bias": np.zeros(1), "b/kernel": ones, "c/kernel": np.ones(1)}
    new = {"a/kernel": one, "a/bias": np.array([12.0]), "b/kernel": np.ones(3), "c/kernel": np.ones(1)}
    for values, level in ((old, 0.0), (new, 9.0)):
        values.update({"a/moving_mean": np.full(1, level), "a/moving_variance": np.full(1, level)})
    assert learning.changes(old, new) == [
        learning.Learning("a", 5.0, 12.0),
        learning.Learning("c", 1.0, 0.0),
    ]


def test_bars_name_every_layer():
    found = [learning.Learning("one", 2.0, 0.1), learning.Learning("two", 0.0, 0.0)]
    figure = learning.bars(found, "Change", "norm")
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["one", "two"]
    assert [bar.get_width() for bar in left.patches] == [0.1, 0.0]
    assert [bar.get_width() for bar in right.patches] == [0.05, 0.0]


def test_statistics_and_histograms(training):
    found = {one.name: one for one in weights.statistics(training.keras_model)}
    kernel = found["fpn_c5p5/kernel"]
    values = np.asarray(training.keras_model.get_layer("fpn_c5p5").weights[0])
    assert kernel.shape == values.shape and not kernel.dead
    assert (kernel.min, kernel.max, kernel.std) == pytest.approx((values.min(), values.max(), values.std()))
    assert kernel.row()[1] == " x ".join(map(str, values.shape))
    assert not found["fpn_c5p5/bias"].dead  # zeros, as a bias may be
    assert weights.is_dead("conv/kernel", np.ones(3)) and not weights.is_dead("conv/bias", np.ones(3))
    pages = weights.histograms(training.keras_model)
    kernels = [name for name in found if "kernel" in name]
    assert sum(len(page.axes) for page in pages) == len(kernels)
    assert pages[0].get_suptitle() == f"Kernels, page 1 of {len(pages)}"
    assert pages[0].axes[0].get_title().startswith(kernels[0].removesuffix("/kernel"))
