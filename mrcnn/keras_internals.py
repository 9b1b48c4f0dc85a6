"""The one place that uses names which Keras keeps to itself, and which its next version may change.

Written for Keras 3.15; tests/test_keras_internals.py says what each is expected to do.
"""

import keras


def inner_layers(layer):
    """The layers that a layer holds as attributes, in the order of their creation."""
    return list(layer._layers)


def all_inner_layers(layer):
    """The layers that a layer holds, those that they hold, and so on."""
    return list(layer._flatten_layers(include_self=False))


def nodes_of(model):
    """The calls of a functional model's layers, in topological order; each has input and output tensors."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def operation_of(tensor):
    """The layer or operation that made a symbolic tensor."""
    return tensor._keras_history.operation


def upstream(tensor):
    """A symbolic tensor and all that it was computed from, the nearest first."""
    waiting, seen = [tensor], set()
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        operation, node_index, _ = found._keras_history
        waiting += operation._inbound_nodes[node_index].input_tensors


def averages_of(optimizer):
    """Pairs of a trained weight and its average, of an optimiser that keeps averages (use_ema)."""
    return zip(optimizer._trainable_variables, optimizer._model_variables_moving_average)


class BuiltModel(keras.Model):
    """A model whose layers are all built before it is trained.

    On several devices Keras would average a batch to build what is not, and cannot average masks, which are
    bool.
    """

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        pass


def clip_by(optimizer, each, together):
    """Let an optimiser clip gradients by other functions than Keras's loop over the weights.

    each, together: take the gradients and GRADIENT_CLIP_NORM; used where it has clipnorm or global_clipnorm.
    """
    plain = optimizer._clip_gradients

    def clip(gradients):
        if optimizer.clipnorm:
            return each(gradients, optimizer.clipnorm)
        if optimizer.global_clipnorm:
            return together(gradients, optimizer.global_clipnorm)
        return plain(gradients)

    optimizer._clip_gradients = clip


def move_by(optimizer, move):
    """Let SGD with momentum update each weight by ``move(weight, velocity, gradient, rate, momentum)``.

    weight, velocity: the backend's own variables.
    """

    def update_step(gradient, variable, learning_rate):
        velocity = optimizer.momentums[optimizer._get_variable_index(variable)]
        weight = variable.value if isinstance(variable, keras.Variable) else variable
        move(weight, velocity.value, gradient, learning_rate, optimizer.momentum)

    optimizer.update_step = update_step


def pass_maps_uncopied():
    """Let Keras on PyTorch give maps to convolutions and pooling as they lie in memory.

    Keras copies each map [B, H, W, C] to [B, C, H, W] and back, for kernels that read the first order anyway.
    The copies take as long as small convolutions, and training keeps the second one until the gradient.
    """
    from keras.src.backend.torch import nn

    def as_it_lies(inputs):
        return inputs.permute(0, 3, 1, 2) if inputs.ndim == 4 else _copied(inputs)

    if nn._transpose_spatial_inputs.__module__ == nn.__name__:
        _copied = nn._transpose_spatial_inputs
        nn._transpose_spatial_inputs = as_it_lies


def make_numbers_on_device(filled):
    """Let keras.ops on PyTorch make the tensors of Python's numbers on the device instead of sending them.

    Sending waits until the device has computed everything before. filled: torch_ops.filled.
    """
    from keras.src.backend.torch import numpy

    def convert(x, dtype=None, sparse=None, ragged=None):
        if isinstance(x, (bool, int, float)):
            dtype = dtype or standardize(x)
            return filled((), x, numpy.to_torch_dtype(dtype), numpy.get_device())
        return sent(x, dtype, sparse, ragged)

    def standardize(number):
        if isinstance(number, bool):
            return "bool"
        if isinstance(number, int):
            return "int32" if -(2**31) <= number < 2**31 else "int64"
        return keras.config.floatx()

    if numpy.convert_to_tensor.__module__ != __name__:
        sent = numpy.convert_to_tensor
        numpy.convert_to_tensor = convert


def torch_device():
    """Return where Keras makes tensors on PyTorch now: "meta" while it only infers shapes."""
    from keras.src.backend.torch.core import get_device

    return str(get_device())
