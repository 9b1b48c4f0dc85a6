"""Find the weights that a command names, for train, detect and evaluate, and open a model with them.

No backend starts before ``open_model``.
"""

from pathlib import Path

from mrcnn.backbones import find_by_layers
from mrcnn.training.run import find_last
from mrcnn.weights import downloads
from mrcnn.weights.coco_names import COCO_CLASS_NAMES
from mrcnn.weights.hdf5 import open_weights, read_groups, read_metadata
from pumpkin.config import PumpkinConfig, load_config


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


def config_of(path, config_file=None, **overrides):
    """Return the config of a weights file, with one image per batch.

    It comes from the config file if one is given, otherwise from the metadata in the weights file. Without
    either, as in matterport's files, the layers determine backbone and number of classes.
    overrides: settings on top. Raises ConfigError for wrong settings.
    """
    metadata = read_metadata(path)
    if config_file is not None:
        config = load_config(config_file)
    else:
        config = PumpkinConfig()
        found = _settings_in(metadata) if "config" in metadata else _settings_of_layers(path)
        config.update(found, source=str(path))
    config.update({"GPU_COUNT": 1, "IMAGES_PER_GPU": 1, **overrides})
    config.check()
    return config


def _settings_in(metadata):
    """Convert the settings in a weights file to those of PumpkinConfig."""
    stored = metadata["config"]
    # The configs of other programs count their classes, ours name them; they may also lack a NAME.
    names = (metadata.get("class_names") or [])[1:]
    classes = stored.get("CLASSES") or names or _unnamed_classes(stored.get("NUM_CLASSES", 1) - 1)
    known = {k: v for k, v in stored.items() if k in PumpkinConfig.names() and (k, v) != ("NAME", None)}
    if "CLASSES" not in stored:  # a program's file; its MASK_PASTE is for results like those of matterport's
        known.pop("MASK_PASTE", None)
    return {**known, "CLASSES": classes}


def _settings_of_layers(path):
    """Derive settings from the layers of matterport's network: backbone, and classes by name if COCO's."""
    with open_weights(path) as file:
        shapes = {name: tensor.shape for _, own in read_groups(file) for name, tensor in own}
    layers = {name.split("/")[-2]: shape for name, shape in shapes.items() if name.endswith("/bias")}
    count = layers.get("mrcnn_class_logits", (1,))[0] - 1
    backbone = find_by_layers(layers)
    coco = count == len(COCO_CLASS_NAMES) - 1
    return {
        "NAME": "coco" if coco else "mask_rcnn",
        "BACKBONE": PumpkinConfig.BACKBONE if backbone is None else backbone.name,
        "CLASSES": COCO_CLASS_NAMES[1:] if coco else _unnamed_classes(count),
    }


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
