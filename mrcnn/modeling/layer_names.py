"""The layers of a network by name, through nested models: what weights and training stages address."""


def leaf_layers(model):
    """Every layer that holds no other, by name, in the order of the graph.

    Raises ValueError if two layers with weights share a name: weights could not be told apart.
    """
    found = {}
    for layer in model._flatten_layers(include_self=False):
        if list(layer._flatten_layers(include_self=False)):
            continue
        other = found.get(layer.name)
        if other is not None and other is not layer and (other.weights or layer.weights):
            raise ValueError(f"Two layers of {model.name} are named {layer.name!r}.")
        found[layer.name] = layer
    return found
