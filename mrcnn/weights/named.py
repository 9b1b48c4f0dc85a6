"""Weights by layer name: load, save, and report what was loaded.

A tensor's name is ``layer/weight``, for instance ``conv1/kernel``. The layer is the innermost one that owns
the weight, however deeply it is nested, so the training model, the inference model and files of matterport,
Keras 2 and Keras 3 agree. Weights whose names in a file differ from the model's (Keras 2's
``depthwise_kernel``, Keras 3's numbers) are matched by their order within the layer.
"""

from dataclasses import dataclass

import keras
import numpy as np

from mrcnn.backbones import find
from mrcnn.modeling.network import HEADS
from mrcnn.weights import matching
from mrcnn.weights.hdf5 import WeightsError, open_weights, read_groups, read_metadata, write_groups
from mrcnn.weights.report import CLASS_HEADS, Report
from mrcnn.weights.tensors import tensors_of

__all__ = [
    "CLASS_HEADS",
    "Report",
    "WeightsError",
    "assign",
    "check_layout",
    "load",
    "load_backbone",
    "read",
    "read_metadata",
    "save",
    "tensors_of",
]

# A file with less than this share of a model's tensors counts as another network's.
MINIMUM_SHARE = 0.1
LAYOUTS = ("mrcnn", "matterport")
# Settings here that are fixed in matterport's code. Records in mrcnn.backbones name its backbones.
_MATTERPORTS = {
    "RPN_CHANNELS": (512,),
    "MASK_HEAD_CHANNELS": (256,),
    "ROI_ALIGN": ("corner",),
}


def load(model, path, by_name=True, exclude=(), skip_mismatch=True, minimum_share=MINIMUM_SHARE):
    """Load an HDF5 weights file into a model by layer name; return a Report.

    by_name: False requires every tensor of the model in the file, in the same shape. exclude: names of
    layers, also in nested models, that keep their values. skip_mismatch: True keeps the values of a layer
    whose shape differs, False raises an error. minimum_share: smallest share of the model's tensors that must
    be loaded; a file with less counts as another network's. 0 always loads.
    Layers are loaded whole or not at all: a tensor whose shape differs holds back the others of its layer. If
    the class counts differ, all heads that depend on them (CLASS_HEADS) keep their values together.
    The model changes only if no error is raised. Raises WeightsError.
    """
    tensors = tensors_of(model)
    with open_weights(path) as file:
        found = matching.by_name(read_groups(file), [(one.group, one.layer, one.weight) for one in tensors])
        stored = _read(found, tensors)
    if not by_name:
        skip_mismatch, minimum_share = False, 1
    return assign(model, stored, path, exclude, skip_mismatch=skip_mismatch, minimum_share=minimum_share)


def load_backbone(extractor, path, model=None, exclude=()):
    """Load a file of keras.applications weights into a keras.applications model; return a Report.

    extractor: the model without its classifier, whole or cut at an inner layer. path: Keras 3's
    ``.weights.h5`` or the older ``.h5``. model: the network that contains the extractor, if the report should
    cover it. exclude: as in ``load``. Layers that Keras named by kind and number are matched in their order.
    If all layer names in an old file differ, layers are matched by order, provided that all shapes agree.
    Raises WeightsError if a tensor of the extractor is missing or has another shape.
    """
    tensors = tensors_of(extractor)
    with open_weights(path) as file:
        groups = read_groups(file)
        found = matching.by_kind(groups, tensors)
        fits = all(tensor.name in found and found[tensor.name].shape == tensor.shape for tensor in tensors)
        in_order = {} if fits else matching.by_order(groups, tensors)
        stored = _read(in_order or found, tensors)
    if not (fits or in_order):
        return assign(extractor, stored, path, skip_mismatch=False, minimum_share=1)  # raises
    report = assign(model or extractor, stored, path, exclude, minimum_share=0)
    report.by_order = bool(in_order)
    return report


def read(path, wanted):
    """Read the arrays of a weights file by name: {"layer/weight": array}.

    wanted: (outermost layer, layer, weight) of each expected tensor; these names replace other names for the
    same tensors in the file. Raises WeightsError.
    """
    with open_weights(path) as file:
        datasets = matching.by_name(read_groups(file), wanted)
        return {name: dataset[()] for name, dataset in datasets.items()}


def save(model, path, metadata=None):
    """Write a model's weights in matterport's layout: float32, with one group per nested model.

    metadata: a dict for JSON, stored with the weights for ``read_metadata``: class names, config.
    Equal weights and metadata give equal bytes from either graph: the heads are written in the order of the
    inference graph, which readers by order need. Raises WeightsError.
    """
    groups = {}
    for tensor in tensors_of(model):
        array = tensor.numpy()
        if keras.backend.is_float_dtype(tensor.variable.dtype):
            array = array.astype("float32")
        groups.setdefault(tensor.group, []).append((tensor.name, array))
    write_groups(path, sorted(groups.items(), key=_place), metadata)


def _place(group):
    """Return the sort key of a group: groups keep their order, and the heads come last.

    The heads follow one another as in the inference graph; the training graph mixes them.
    """
    heads = [head.prefix for head in HEADS if group[0].startswith(head.prefix)]
    return 1 + [head.prefix for head in HEADS].index(max(heads, key=len)) if heads else 0


def check_layout(layout, config):
    """Raise WeightsError for an unknown layout, or one that a network of this config cannot be saved in.

    Both layouts are the same HDF5 with the same metadata, which matterport's code ignores. "mrcnn" accepts
    any network; "matterport" only one that matterport's code can build and that gives the same results there.
    """
    if layout not in LAYOUTS:
        raise WeightsError(f"There is no layout {layout!r} of weights files, only {' and '.join(LAYOUTS)}.")
    if layout == "mrcnn":
        return
    values = {name: getattr(config, name) for name in _MATTERPORTS}
    differing = [f"{name} {value!r}" for name, value in values.items() if value not in _MATTERPORTS[name]]
    if not find(config.BACKBONE).matterport:
        differing.insert(0, f"BACKBONE {config.BACKBONE!r}")
    if differing:
        raise WeightsError(
            f"matterport's code knows no {' and no '.join(differing)}, so it could not use these weights; "
            f"save them without layout='matterport'."
        )


def assign(model, stored, source, exclude=(), skip_mismatch=True, minimum_share=MINIMUM_SHARE):
    """Assign arrays to a model's tensors of the same names; return a Report.

    stored: {"layer/weight": array}. source: their origin, for messages. Other arguments: as in ``load``.
    """
    tensors = tensors_of(model)
    report = _compare(model, tensors, stored, [exclude] if isinstance(exclude, str) else list(exclude))
    report.source = str(source)
    _check(report, skip_mismatch, minimum_share)
    loaded = set(report.loaded)
    chosen = [tensor for tensor in tensors if tensor.name in loaded]
    for tensor in chosen:
        tensor.variable.assign(stored[tensor.name])
    for owner in {id(tensor.owner): tensor.owner for tensor in chosen}.values():
        if hasattr(owner, "finalize_state"):  # Normalization uses copies of its weights
            owner.finalize_state()
    return report


def _compare(model, tensors, stored, exclude):
    """Return the Report of what would be loaded."""
    report = Report()
    for tensor in tensors:
        name = tensor.name
        if tensor.layer in exclude or tensor.group in exclude:
            report.excluded.append(name)
        elif name not in stored:
            report.not_in_file.append(name)
        elif np.shape(stored[name]) != tensor.shape:
            report.shape_differs[name] = (np.shape(stored[name]), tensor.shape)
        else:
            report.loaded.append(name)
    names = {tensor.name for tensor in tensors}
    report.unused_in_file = [name for name in stored if name not in names]
    layers = {layer.name for layer in model.layers} | {tensor.layer for tensor in tensors}
    report.unknown_excludes = [name for name in exclude if name not in layers]
    _hold_back(report)
    return report


def _hold_back(report):
    """Move tensors that fit, but whose layer has a tensor of another shape, from ``loaded`` to ``kept``."""
    partial = {name.split("/")[0] for name in report.shape_differs}
    for name, (in_file, in_model) in report.shape_differs.items():
        per_class = CLASS_HEADS.get(name.split("/")[0])
        if per_class and in_file and in_model and in_file[-1] != in_model[-1]:
            report.classes = (in_file[-1] // per_class, in_model[-1] // per_class)
            partial.update(CLASS_HEADS)
            break
    report.kept = [name for name in report.loaded if name.split("/")[0] in partial]
    report.loaded = [name for name in report.loaded if name.split("/")[0] not in partial]


def _check(report, skip_mismatch, minimum_share):
    """Raise WeightsError if too little would be loaded, or a shape differs where none may."""
    if report.shape_differs and not skip_mismatch:
        raise WeightsError(f"{report.source}: does not fit the model: {report.summary()}.")
    wanted = report.total - len(report.excluded)
    if len(report.loaded) < minimum_share * wanted:
        raise WeightsError(f"{report.source}: holds too little of the model: {report.summary()}.")


@dataclass(frozen=True)
class _Unread:
    """The shape of a dataset that fits no tensor of the model, and is therefore not read."""

    shape: tuple


def _read(datasets, tensors):
    """Read the datasets that fit tensors of a model: {name: array, or _Unread for the others}."""
    shapes = {tensor.name: tensor.shape for tensor in tensors}
    return {
        name: dataset[()] if dataset.shape == shapes.get(name) else _Unread(dataset.shape)
        for name, dataset in datasets.items()
    }
