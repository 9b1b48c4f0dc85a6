"""Convert the ImageNet weights of keras.applications for our ResNets, exactly.

Both are the ResNet of He et al. 2015 with the stride in the first 1x1 convolution. Three things differ:

- Names: conv{stage}_block{number}_{0, 1, 2, 3} there, res{stage}{letter}_branch{1, 2a, 2b, 2c} here.
- The epsilon of batch norm: 1.001e-5 there, 1e-3 here. gamma absorbs the difference, see ``_fold_epsilon``.
- Channels: BGR there, RGB here, so the kernel of conv1 is reversed. The subtracted means differ by at most
  0.04 grey levels and stay as they are.

Weights cannot change one difference: if the stem's output has an even side, our max-pooling starts at its
first pixel (TensorFlow's "same", which matterport's weights need), theirs one pixel before. The features are
then those of an image shifted by two pixels.
"""

import string

import keras
import numpy as np

from mrcnn import backbones
from mrcnn.modeling.resnet import BLOCKS
from mrcnn.weights import named
from mrcnn.weights.hdf5 import WeightsError, open_weights, read_groups

EPSILON = 1e-3  # of our batch norm
THEIR_EPSILON = 1.001e-5
_BRANCHES = {"0": "1", "1": "2a", "2": "2b", "3": "2c"}
_CONV = ("kernel", "bias")
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def load_classifier(model, path, exclude=()):
    """Load a keras.applications file into the backbone of a network; return None if it is no such file.

    model: a network with one of our ResNets, for which the weights are converted, or with a
    keras.applications backbone. path: a file of the backbone alone, with or without its classifier. exclude:
    names of layers that keep their values. Returns a named.Report on the whole network, or None if the file
    needs no conversion. Raises WeightsError if the file has another backbone.
    """
    names = {layer.name for layer in model.layers}
    stored = _layers_in(path)
    record = backbones.find_by_layers(names)
    if record is not None and record.converter:
        return backbones.imported(record.converter)(model, path, stored, exclude)
    if "backbone" in names and not names & stored - {"backbone"}:
        return named.load_backbone(model.get_layer("backbone").extractor, path, model, exclude)
    return None


def _layers_in(path):
    """Return the names of all layers with weights in a file, and of the layers that contain them."""
    with open_weights(path) as file:
        groups = read_groups(file)
    return {name for group, own in groups for key, _ in own for name in (group, *key.split("/")[:-1])}


def load_resnet(model, path, stored, exclude=()):
    """Load a keras.applications ResNet file into a network with our ResNet; return None for other files.

    stored: names of the layers in the file. Other arguments: as in load_classifier.
    """
    if not {"conv1_conv", "conv1_bn"} <= stored:
        return None
    depth = 101 if "conv4_block7_1_conv" in stored else 50
    return load_imagenet(model, path, depth, exclude)


def load_imagenet(model, path, depth, exclude=()):
    """Load a keras.applications ResNet file into a network with our ResNet; return a named.Report.

    depth: 50 or 101. exclude: names of layers that keep their values. Raises WeightsError if the file or
    the network has another backbone.
    """
    converted = convert_resnet(path, depth)
    layers = {tensor.layer for tensor in named.tensors_of(model)}
    missing = [layer for layer in _layer_names(depth).values() if layer not in layers]
    if missing:
        raise WeightsError(
            f"{path}: holds a ResNet-{depth}, but the model has another backbone (no layer {missing[0]!r})."
        )
    return named.assign(model, converted, path, exclude)


def convert_resnet(source, depth):
    """Convert the weights of a keras.applications ResNet to our names: {"conv1/kernel": array}.

    source: a weights file (``.h5`` or ``.weights.h5``, with or without the classifier) or the model.
    depth: 50 or 101. Raises WeightsError if the source is another network.
    """
    names = _layer_names(depth)
    stored = _their_arrays(source, names)
    converted = {}
    for theirs, ours in names.items():
        if theirs.endswith("_conv"):
            converted.update({f"{ours}/{weight}": stored[f"{theirs}/{weight}"] for weight in _CONV})
        else:
            converted.update(_fold_epsilon(ours, *(stored[f"{theirs}/{weight}"] for weight in _NORM)))
    converted["conv1/kernel"] = np.ascontiguousarray(converted["conv1/kernel"][:, :, ::-1])
    return converted


def _fold_epsilon(layer, gamma, beta, mean, variance):
    """Compute the gamma with which batch norm and our epsilon give the same function.

    gamma / sqrt(variance + theirs) = gamma' / sqrt(variance + ours), solved for gamma' in float64.
    """
    variance64 = np.asarray(variance, "float64")
    gamma = np.asarray(gamma, "float64") * np.sqrt((variance64 + EPSILON) / (variance64 + THEIR_EPSILON))
    arrays = (gamma.astype("float32"), beta, mean, variance)
    return {f"{layer}/{weight}": array for weight, array in zip(_NORM, arrays)}


def _layer_names(depth):
    """Map their names of layers with weights to ours: {"conv2_block1_1_conv": "res2a_branch2a", ...}."""
    if f"resnet{depth}" not in BLOCKS:
        raise WeightsError(f"There are ImageNet weights for ResNet-50 and ResNet-101, not for {depth!r}.")
    names = {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}
    for stage, blocks in enumerate(BLOCKS[f"resnet{depth}"], start=2):
        for number, letter in enumerate(string.ascii_lowercase[:blocks], start=1):
            for theirs, ours in _BRANCHES.items():
                if theirs == "0" and number > 1:  # only a stage's first block projects its shortcut
                    continue
                prefix = f"conv{stage}_block{number}_{theirs}"
                names[f"{prefix}_conv"] = f"res{stage}{letter}_branch{ours}"
                names[f"{prefix}_bn"] = f"bn{stage}{letter}_branch{ours}"
    return names


def _their_arrays(source, names):
    """Return all their arrays, {"conv1_conv/kernel": array}, after checking that the depth matches."""
    wanted = [
        (name, name, weight) for name in names for weight in (_CONV if name.endswith("_conv") else _NORM)
    ]
    if isinstance(source, keras.Model):
        stored = {tensor.name: tensor.numpy() for tensor in named.tensors_of(source)}
        source = f"the model {source.name!r}"
    else:
        stored = named.read(source, wanted)
    depth = 3 * sum(name.endswith("_1_conv") for name in names) + 2
    for _, layer, weight in wanted:
        if f"{layer}/{weight}" not in stored:
            raise WeightsError(
                f"{source}: is not a ResNet-{depth} of keras.applications: it lacks {layer}/{weight}."
            )
    more = [name for name in stored if name.startswith("conv") and name.split("/")[0] not in names]
    if more:
        raise WeightsError(f"{source}: is a deeper network than ResNet-{depth}: it has {more[0]}.")
    return stored
