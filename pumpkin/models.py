"""Find the weights that a command names, for train, detect and evaluate, and open a model with them.

No backend starts before ``config_of``, which asks it for its devices.
"""

import math
from pathlib import Path

from mrcnn.backbones import find_by_layers
from mrcnn.training.run import find_last
from mrcnn.weights import downloads
from mrcnn.weights.coco_names import COCO_CLASS_NAMES
from mrcnn.weights.hdf5 import WeightsError, open_weights, read_groups, read_metadata
from pumpkin.config import PumpkinConfig, load_config

_ON_ACCELERATOR = 8  # images of 1024 px; more gain little and take memory


def find_weights(name, runs="runs", options="--weights PATH"):
    """Return the weights file for "last", "coco" or a path. runs: folder of the runs, for "last".

    options: see fetch_weights. Raises RunError and DownloadError.
    """
    if name == "last":
        return find_last(runs)
    return fetch_weights(name, options) if name == "coco" else Path(name)


def fetch_weights(name, options):
    """Return the path of a known weights file, downloaded once. name: a key of downloads.FILES.

    options: those of the command that need no download. Raises DownloadError, which names them.
    """
    try:
        return downloads.fetch(name)
    except downloads.DownloadError as error:
        raise downloads.DownloadError(f"{error} Give {options}.") from error


class NoNetwork(WeightsError):
    """Raised for a weights file that is sound but of no whole Mask R-CNN, as one of a backbone."""


def config_of(path, config_file=None, **overrides):
    """Return the config of a weights file, with batches for detection on this machine.

    It comes from the config file if one is given, otherwise from the metadata in the weights file. Without
    either, as in matterport's files, the layers determine backbone and number of classes.
    overrides: settings on top. Raises ConfigError for wrong settings, NoNetwork, and WeightsError for a file
    whose metadata contradict its layers.
    """
    metadata = read_metadata(path)
    config = _config_in(path, metadata) if config_file is None else load_config(config_file)
    config.update({"GPU_COUNT": 1, "IMAGES_PER_GPU": _images_per_batch(), **overrides})
    config.check()
    return config


def _images_per_batch():
    """Return how many photographs an accelerator runs at once; a CPU gains nothing from several."""
    from mrcnn.backend import device_names

    return 1 if device_names() == ["CPU"] else _ON_ACCELERATOR


def _config_in(path, metadata):
    """Return the config that a weights file describes."""
    shapes = _shapes_in(path)
    if metadata.get("config") is None:
        return PumpkinConfig.of((_settings_of_layers(shapes), str(path)))
    _check_sizes(path, metadata["config"], shapes)
    return PumpkinConfig.of((_settings_in(metadata, shapes), str(path)))


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


def _settings_in(metadata, shapes):
    """Convert the settings in a weights file to those of PumpkinConfig."""
    stored = metadata["config"]
    # The configs of other programs count their classes, ours name them; they may also lack a NAME.
    names = (metadata.get("class_names") or [])[1:]
    classes = stored.get("CLASSES") or names or _unnamed_classes(_class_count(shapes))
    known = {k: v for k, v in stored.items() if k in PumpkinConfig.names() and (k, v) != ("NAME", None)}
    if "CLASSES" not in stored:  # a program's file; its MASK_PASTE is for results like those of matterport's
        known.pop("MASK_PASTE", None)
    return {**known, "CLASSES": classes}


def _settings_of_layers(shapes):
    """Derive settings from the layers of matterport's network: backbone, and classes by name if COCO's."""
    count = _class_count(shapes)
    backbone = find_by_layers({name.split("/")[0] for name in shapes})
    coco = count == len(COCO_CLASS_NAMES) - 1
    return {
        "NAME": "coco" if coco else "mask_rcnn",
        "BACKBONE": PumpkinConfig.BACKBONE if backbone is None else backbone.name,
        "CLASSES": COCO_CLASS_NAMES[1:] if coco else _unnamed_classes(count),
    }


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


def open_model(path, config):
    """Create a MaskRCNN for inference with all weights of a file, and set its ``class_names``.

    Raises WeightsError if the file lacks a tensor of the network.
    """
    from mrcnn.model import MaskRCNN

    model = MaskRCNN("inference", config, model_dir="runs")
    model.load_weights(path, by_name=False, report=None)
    model.class_names = model.class_names or ["BG", *config.CLASSES]
    return model
