"""Find a network's layers by name, through nested models, as weights files and training stages address them.

A layer that holds other layers but no model counts as one layer: for example attention with its projections,
or a wrapper (TimeDistributed), which stands for the layer in it as in Keras 2's weights files.
"""

import keras

from mrcnn.keras_internals import inner_layers


def leaf_layers(model):
    """Return a dict from name to layer, for every layer that holds no model, in the order of the graph.

    Raises ValueError if two layers share a name and one of them has weights: their weights would be
    indistinguishable.
    """
    found = {}
    for _, layer in layers_of(model):
        if _nested(layer):
            continue
        other = found.get(layer.name)
        if other is not None and other is not layer and (other.weights or layer.weights):
            raise ValueError(f"Two layers of {model.name} are named {layer.name!r}.")
        found[layer.name] = layer
    return found


def layers_of(model):
    """Yield (outermost layer's name, layer) for all layers of a model and of the models nested in it.

    The layers of a nested model come before the model itself.
    """
    for outermost in model.layers:
        for layer in _innermost_first(outermost):
            yield outermost.name, layer


def _innermost_first(layer):
    for child in _nested(layer):
        yield from _innermost_first(child)
    yield layer


def _nested(layer):
    """Return the layers of a model, or the models that any other layer holds."""
    if isinstance(layer, keras.Model):
        return layer.layers
    return [inner for inner in inner_layers(layer) if isinstance(inner, keras.Model)]
