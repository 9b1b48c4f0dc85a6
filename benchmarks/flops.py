"""Count a network's arithmetic, and measure how much of it this machine does per second.

The count includes a multiplication and an addition for each weight of a convolution or dense layer at each
position of its output. All other arithmetic is about a hundredth of that.
"""

import functools
import math
import statistics
import time

import keras
import numpy as np

from mrcnn.keras_internals import nodes_of
from mrcnn.modeling.rpn import ProposalLayer, SampledRPN

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


def count(model, batch):
    """Count the FLOP of a functional model with inputs of known sizes: (forward pass, training step).

    The step consists of the forward pass, the gradient of each trainable kernel, and the gradient of each
    layer's input if a trainable layer precedes it.
    """
    shapes = [(batch, *tensor.shape[1:]) for tensor in model.inputs]
    forward, step, _ = _count_model(model, shapes, [False] * len(shapes))
    return forward, step


def _count_model(model, shapes, learns):
    """Count (forward, step, whether each output depends on trainable weights) for inputs of given shapes.

    learns: for each input, whether it depends on trainable weights.
    """
    nodes = nodes_of(model)
    tensors = [tensor for node in nodes for tensor in node.output_tensors]
    inputs = [keras.KerasTensor(shape, x.dtype) for shape, x in zip(shapes, model.inputs)]
    specs = keras.Model(model.inputs, tensors).compute_output_spec(inputs)
    shape_of = {id(tensor): tuple(spec.shape) for tensor, spec in zip(tensors, specs)}
    learned = {id(tensor): flag for tensor, flag in zip(model.inputs, learns)}
    forward = step = 0
    for node in nodes:
        if node.is_input:
            continue
        before = [learned[id(tensor)] for tensor in node.input_tensors]
        sizes = [shape_of[id(tensor)] for tensor in node.input_tensors]
        out = shape_of[id(node.output_tensors[0])]
        one, all_of_step, after = _count_layer(node.operation, sizes, out, before)
        forward, step = forward + one, step + all_of_step
        learned.update((id(tensor), after) for tensor in node.output_tensors)
    return forward, step, any(learned[id(tensor)] for tensor in model.outputs)


def _count_layer(layer, shapes, out, learns):
    """Count (forward, step, whether the outputs depend on trainable weights) of a layer.

    shapes: shapes of its inputs. out: shape of its first output.
    """
    if isinstance(layer, ProposalLayer):
        return 0, 0, False  # no gradient passes through it
    if isinstance(layer, SampledRPN):
        return _count_sampled_rpn(layer, out, learns)
    inner = _model_in(layer)
    if inner is not None:
        forward, step, after = _count_model(inner, shapes, learns)
        # The RPN is trained at sampled anchors only; its maps only produce proposals.
        return forward, forward if inner.name == "rpn_model" else step, after
    kernels = [kernel for name in KERNELS if (kernel := getattr(layer, name, None)) is not None]
    forward = step = 0
    for kernel in kernels:
        # A transposed convolution applies its kernel to each position of its input.
        where = shapes[0] if isinstance(layer, keras.layers.Conv2DTranspose) else out
        flop = 2 * math.prod(kernel.shape) * math.prod(where[:-1])
        forward += flop
        step += flop * (1 + kernel.trainable + any(learns))
    return forward, step, any(learns) or bool(getattr(layer, "trainable_weights", ()))


def _count_sampled_rpn(layer, out, learns):
    """Count like _count_layer, for the RPN's layers at the sampled anchors; out: [B, S, ...]."""
    shared, *ends = [inner.kernel for inner in layer.rpn_layers()]
    before = any(learns[2:])  # the pyramid
    forward = step = 0
    for kernel, learned in [(shared, before), *((end, before or shared.trainable) for end in ends)]:
        flop = 2 * math.prod(kernel.shape) * math.prod(out[:2])
        forward += flop
        step += flop * (1 + kernel.trainable + learned)
    return forward, step, before or any(kernel.trainable for kernel in (shared, *ends))


def _model_in(layer):
    """Return the layer if it is a model, or the model that it wraps, or None."""
    if isinstance(layer, keras.Model):
        return layer
    held = [inner for inner in getattr(layer, "_layers", ()) if isinstance(inner, keras.Model)]
    return held[0] if held else None


class Peak:
    """The machine's peak in 3x3 convolutions of a given precision, in FLOP per second.

    The images are created on the device, as many as take ``at_least`` seconds, so launches and transfers do
    not count. batch: smallest number of images.
    """

    def __init__(self, precision, batch=2, side=64, channels=256, layers=4, at_least=0.02, most=512):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(precision)
        color = keras.Input((1, 1, channels))
        x = keras.layers.UpSampling2D(side)(color)
        for _ in range(layers):
            x = keras.layers.Conv2D(channels, 3, padding="same")(x)
        self._model = keras.Model(color, keras.layers.GlobalMaxPooling2D()(x))
        keras.config.set_dtype_policy(before)
        self.best, self.batch = 0.0, batch
        while self._seconds(runs=1) < at_least and self.batch < most:
            self.batch *= 4

    def measure(self, runs=7):
        """Measure once more; ``best`` keeps the highest median."""
        self.best = max(self.best, count(self._model, self.batch)[0] / self._seconds(runs))
        return self.best

    def _seconds(self, runs):
        """Return the median time of some runs, after one run that may compile."""
        colors = np.random.default_rng(0).random((self.batch, *self._model.input_shape[1:]), np.float32)
        look = functools.partial(self._model.predict_on_batch, colors)
        look()
        return statistics.median(timed(look) for _ in range(runs))


def timed(action):
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
