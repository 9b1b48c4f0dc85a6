"""What detect and evaluate share: from the name of weights to a model that knows its classes."""

from pathlib import Path

from mrcnn import downloads, weights
from mrcnn.coco_names import COCO_CLASS_NAMES
from mrcnn.training.run import find_last
from pumpkin.config import PumpkinConfig, load_config


def find_weights(name, runs="runs"):
    """The file that a user means by "last", "coco" or a path."""
    if name == "last":
        return find_last(runs)
    if name == "coco":
        return downloads.fetch("coco")
    return Path(name)


def config_of(path, config_file=None, **overrides):
    """The config of a weights file, with one image a batch.

    The file's own metadata, a run's config.yaml beside it, or else config_file says how the network was
    built. A file without metadata is taken for matterport's COCO weights if its class count says so.
    """
    stored = weights.read_metadata(path).get("config")
    if config_file is not None or stored is None:
        config = load_config(config_file)
    else:
        config = PumpkinConfig()
        config.update({k: v for k, v in stored.items() if k in config.names()}, source=str(path))
    if stored is None and config_file is None and _class_count(path) == len(COCO_CLASS_NAMES):
        config.update({"NAME": "coco", "CLASSES": COCO_CLASS_NAMES[1:]})
    config.update({"GPU_COUNT": 1, "IMAGES_PER_GPU": 1, **overrides})
    return config


def _class_count(path):
    """Classes, with the background, of the heads in a weights file; 0 without heads."""
    name = "mrcnn_class_logits/bias"
    return len(weights.read(path, [("mrcnn_class_logits", "mrcnn_class_logits", "bias")]).get(name, ()))


def open_model(path, config):
    """A MaskRCNN for inference with the weights of a file, whole; ``class_names`` is filled in.

    Raises weights.WeightsError if the file does not hold every tensor of the network.
    """
    from mrcnn.model import MaskRCNN

    model = MaskRCNN("inference", config, model_dir="runs")
    model.load_weights(path, by_name=False)
    model.class_names = model.class_names or ["BG", *config.CLASSES]
    return model
