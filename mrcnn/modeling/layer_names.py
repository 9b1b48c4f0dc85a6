"""The layers of a network by name, through nested models: what weights and training stages address.

A layer that holds other layers, but no model, is one layer: attention with its projections, say, or a
wrapper (TimeDistributed), which stands for the layer in it as in Keras 2's weights files.
"""

import keras


def leaf_layers(model):
    """Every layer that holds no model, by name, in the order of the graph.

    Raises ValueError if two layers with weights share a name: weights could not be told apart.
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
    """(outermost layer's name, layer) for all layers of a model and of the models in them, these last."""
    for outermost in model.layers:
        for layer in _innermost_first(outermost):
            yield outermost.name, layer


def _innermost_first(layer):
    for child in _nested(layer):
        yield from _innermost_first(child)
    yield layer


def _nested(layer):
    """The layers of a model, and the models that another layer holds."""
    if isinstance(layer, keras.Model):
        return layer.layers
    return [inner for inner in layer._layers if isinstance(inner, keras.Model)]
