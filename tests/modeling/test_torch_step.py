"""What a training step on PyTorch asks of the device, counted: it runs where KERAS_BACKEND is torch.

A CPU shows the calls. On a GPU each takes time whatever its size, and each wait lets the device run dry.
"""

import sys
from collections import Counter

import keras
import pytest

from mrcnn import startup
from mrcnn.model import MaskRCNN
from mrcnn.ops import nms
from mrcnn.pipeline.loader import Loader
from mrcnn.training.schedule import build_optimizer
from tests.golden.steps import GoldenConfig, Rectangles

if keras.backend.backend() != "torch":
    pytest.skip("needs KERAS_BACKEND=torch", allow_module_level=True)

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

WAITS = ("aten._local_scalar_dense.default", "aten.nonzero.default", "aten.equal.default")


def caller():
    """The nearest file of ours or of Keras."""
    frame = sys._getframe(2)
    while "/mrcnn/" not in frame.f_code.co_filename and "/keras/" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame.f_code.co_filename.rsplit("/", 1)[-1].removesuffix(".py")


class Calls(TorchDispatchMode):
    """Counts operations, those that wait by their callers, and lists the shapes of copies."""

    def __init__(self):
        super().__init__()
        self.count, self.waits, self.copies = 0, Counter(), []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.count += 1
        if str(function) in WAITS:
            self.waits[caller()] += 1
        if str(function) == "aten.clone.default":
            self.copies.append(tuple(result.shape))
        return result


class Sends(TorchFunctionMode):
    """Counts tensors made of the host's numbers, by their callers."""

    def __init__(self):
        super().__init__()
        self.callers = Counter()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.as_tensor, torch.tensor) and not torch.is_tensor(args[0]):
            self.callers[caller()] += 1
        return function(*args, **(kwargs or {}))


@pytest.fixture(scope="module")
def counted():
    """(Calls, Sends) of the second step of a network whose convolutions carry batch norm."""
    startup.start(training=True)
    config = GoldenConfig()
    config.update({"USE_RPN_ROIS": True, "TRAIN_BN": False})
    network = MaskRCNN("training", config, "runs").keras_model
    network.compile(optimizer=build_optimizer(config, 1e-4, 9))
    network.optimizer.build(network.trainable_variables)
    batch = keras.tree.map_structure(torch.as_tensor, Loader(Rectangles(), config).batch(0))
    as_on_a_gpu, nms.loops_wait = nms.loops_wait, lambda: True
    try:
        network.train_step((batch,))
        with Sends() as sends, Calls() as calls:
            network.train_step((batch,))
    finally:
        nms.loops_wait = as_on_a_gpu
    return calls, sends


@pytest.mark.slow
def test_a_step_waits_four_times(counted):
    """For two random seeds, for the result of NMS, and for the learning rate; before, 44 times and more."""
    assert counted[0].waits == {"random": 2, "core": 1, "torch_sgd": 1}


@pytest.mark.slow
def test_a_step_sends_few_numbers(counted):
    """Keras's means and generators send some; before, ours sent hundreds."""
    assert counted[1].callers.total() == 10


@pytest.mark.slow
def test_a_step_copies_no_map(counted):
    """Of what has an image for each first index, only the masks are transposed in memory."""
    maps = [shape for shape in counted[0].copies if len(shape) == 4 and shape[0] == 2]
    assert maps == [(2, 6, 56, 56)]


@pytest.mark.slow
def test_a_step_has_not_more_calls_than_it_had(counted):
    assert counted[0].count < 3400
