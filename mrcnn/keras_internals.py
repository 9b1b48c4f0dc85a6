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
