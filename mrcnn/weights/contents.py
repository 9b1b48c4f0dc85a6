"""What a weights file says of its network: settings and classes, from its metadata or from its layers."""

import math

from mrcnn.backbones import find_by_layers
from mrcnn.weights.coco_names import COCO_CLASS_NAMES
from mrcnn.weights.hdf5 import WeightsError, open_weights, read_groups, read_metadata


class NoNetwork(WeightsError):
    """Raised for a weights file that is sound but of no whole Mask R-CNN, as one of a backbone."""


def settings_and_classes(path, names):
    """Return the settings {name: value} of a weights file's network, and its classes without the background.

    They come from the metadata in the file. Without these, as in matterport's files, the layers determine
    NAME, backbone and the number of classes. names: the settings that the caller knows; others are left out.
    Raises NoNetwork, and WeightsError for a file whose metadata contradict its layers.
    """
    metadata = read_metadata(path)
    shapes = _shapes_in(path)
    stored = metadata.get("config")
    if stored is None:
        return _of_layers(shapes)
    _check_sizes(path, stored, shapes)
    # The configs of other programs count their classes, ours name them; they may also lack a NAME.
    own = (metadata.get("class_names") or [])[1:]
    classes = stored.get("CLASSES") or own or _unnamed_classes(_class_count(shapes))
    known = {k: v for k, v in stored.items() if k in names and (k, v) != ("NAME", None)}
    if "CLASSES" not in stored:  # a program's file; its MASK_PASTE is for results like those of matterport's
        known.pop("MASK_PASTE", None)
    return known, list(classes)


def dataset_of(path):
    """Return the data set that a weights file was trained on, as its metadata name it, or None."""
    return (read_metadata(path).get("config") or {}).get("DATASET")


def _shapes_in(path):
    """Return the shapes of a weights file's tensors: {"mrcnn_class_logits/bias": (3,), ...}."""
    shapes = {}
    with open_weights(path) as file:
        for name, tensor in (tensor for _, own in read_groups(file) for tensor in own):
            layer, weight = f"/{name}".rsplit("/", 2)[1:]
            shapes[f"{layer}/{_NUMBERED.get(weight, weight)}"] = tensor.shape
    if "mrcnn_class_logits/bias" not in shapes:
        raise NoNetwork(
            f"{path}: is no weights file of a Mask R-CNN, for it lacks the layer mrcnn_class_logits; give "
            "one of a training, or coco."
        )
    return shapes


_NUMBERED = {"0": "kernel", "1": "bias"}  # in Keras 3's layout, for layers that have both


def _of_layers(shapes):
    """Return settings and classes from the layers of matterport's network; the classes of 80 are COCO's."""
    count = _class_count(shapes)
    backbone = find_by_layers({name.split("/")[0] for name in shapes})
    coco = count == len(COCO_CLASS_NAMES) - 1
    settings = {"NAME": "coco" if coco else "mask_rcnn"}
    if backbone is not None:
        settings["BACKBONE"] = backbone.name
    return settings, list(COCO_CLASS_NAMES[1:]) if coco else _unnamed_classes(count)


def _class_count(shapes):
    """Return the number of classes without the background."""
    return math.prod(shapes["mrcnn_class_logits/bias"]) - 1


# The settings that decide how large a network is, each with a tensor and the axis of its shape that shows it.
_SIZES = {
    "NUM_CLASSES": ("mrcnn_class_logits/bias", 0),
    "TOP_DOWN_PYRAMID_SIZE": ("fpn_c5p5/bias", 0),
    "RPN_CHANNELS": ("rpn_conv_shared/bias", 0),
    "POOL_SIZE": ("mrcnn_class_conv1/kernel", 0),
    "FPN_CLASSIF_FC_LAYERS_SIZE": ("mrcnn_class_conv1/bias", 0),
    "MASK_HEAD_CHANNELS": ("mrcnn_mask_conv1/bias", 0),
}


def _check_sizes(path, settings, shapes):
    """Raise WeightsError if layers are of other sizes than the settings say, before a network is built."""
    for name, (tensor, axis) in _SIZES.items():
        shape = shapes.get(tensor)
        if shape and name in settings and settings[name] != shape[axis]:
            raise WeightsError(
                f"{path}: is damaged: its {name} is {settings[name]!r:.40}, but its {tensor} is for "
                f"{shape[axis]}; download or copy it again."
            )


def _unnamed_classes(count):
    return [f"class {number}" for number in range(1, count + 1)]
