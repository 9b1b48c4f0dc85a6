"""Finds the datasets of a weights file that belong to a model's tensors, under whatever names.

``groups`` is what ``hdf5.read_groups`` returns: [(group name, [(path, dataset), ...])].
"""

import re

from mrcnn.weights.tensors import short_names

# Names with the same meaning in every file; other names may differ between versions of Keras.
_STANDARD_NAMES = {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"}


def by_name(groups, wanted):
    """Return a file's {"layer/weight": dataset}, with the names of ``wanted``, as ``named.read`` explains."""
    group_of = {layer: group for group, layer, _ in wanted}
    in_file = {scope for _, own in groups for path, _ in own for scope in path.split("/")[:-1]}
    layers = {}
    for group, own in groups:
        for path, dataset in own:
            layers.setdefault(_layer_of(group, path, group_of, in_file), []).append((path, dataset))
    weights_of = {}
    for _, layer, weight in wanted:
        weights_of.setdefault(layer, []).append(weight)
    found = {}
    for layer, own in layers.items():
        weights = _rename(short_names([path for path, _ in own]), weights_of.get(layer, []))
        found.update({f"{layer}/{weight}": dataset for weight, (_, dataset) in zip(weights, own)})
    return found


def _layer_of(group, path, group_of, in_file):
    """Return the layer that a dataset belongs to.

    A group with the name of one of the model's layers is that layer, whatever its datasets are called.
    Otherwise it is a nested model, and the path decides. group_of: outermost layer of each layer of the
    model. in_file: all names that the file uses for layers.
    """
    scopes = path.split("/")[:-1]
    for name in (group, *reversed(scopes)):
        if name in group_of:
            return name
    for name in reversed(scopes):
        # TensorFlow 1 numbered the names of a second model in one process: rpn_conv_shared_1.
        plain = re.sub(r"_\d+$", "", name)
        if group_of.get(plain) == group and plain not in in_file:
            return plain
    return group if group in scopes or not scopes else scopes[-1]


def _rename(names, wanted):
    """Translate the names of one layer's weights in a file to the model's names where they differ."""
    unknown = [name for name in names if name not in wanted]
    missing = [name for name in wanted if name not in names]
    if len(unknown) != len(missing) or _STANDARD_NAMES.intersection(unknown):
        return names
    words = dict(zip(unknown, missing))
    return [words.get(name, name) for name in names]


def by_kind(groups, tensors):
    """Match like ``by_name``, but allow other numbers in the names that Keras made from kind and number.

    The numbers depend on what the process built before: ``layer_normalization_1`` of the model may be
    ``layer_normalization_7`` of the file.
    """
    in_model = {tensor.layer for tensor in tensors}
    in_file = {name for group, own in groups for path, _ in own for name in (group, *path.split("/")[:-1])}
    kinds_in_model, kinds_in_file = _kinds(in_model - in_file), _kinds(in_file - in_model)
    alias = {}
    for kind, names in kinds_in_model.items():
        alias.update(zip(names, kinds_in_file.get(kind, [])))
    wanted = [(tensor.group, alias.get(tensor.layer, tensor.layer), tensor.weight) for tensor in tensors]
    found = by_name(groups, wanted)
    ours = {
        f"{alias[tensor.layer]}/{tensor.weight}": tensor.name for tensor in tensors if tensor.layer in alias
    }
    return {ours.get(name, name): dataset for name, dataset in found.items()}


def _kinds(names):
    """Group names by the part before their number: {"dense": ["dense", "dense_2", "dense_10"]}."""
    kinds = {}
    for name in names:
        kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", name).groups()
        kinds.setdefault(kind, []).append((int(number or 0), name))
    return {kind: [name for _, name in sorted(found)] for kind, found in kinds.items()}


def by_order(groups, tensors):
    """Match a file's datasets with the model's names by order: {name: dataset}, or {} if a shape differs.

    The file may continue beyond the model's last layer.
    """
    datasets = [dataset for _, own in groups for _, dataset in own]
    if len(datasets) < len(tensors):
        return {}
    if any(tensor.shape != dataset.shape for tensor, dataset in zip(tensors, datasets)):
        return {}
    return {tensor.name: dataset for tensor, dataset in zip(tensors, datasets)}
