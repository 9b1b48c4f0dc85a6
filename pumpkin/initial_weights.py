"""The initial weights of a training: find their file by the word or path of --weights, and load it."""

from pathlib import Path

from mrcnn.backbones import find as find_backbone
from mrcnn.config import ConfigError
from mrcnn.screen import show
from pumpkin.models import fetch_weights, find_weights

SPECIAL_WEIGHTS = ("coco", "imagenet", "last", "none")


def find_start(name, config, runs):
    """Return the file of initial weights, or None for random ones. Raises DownloadError and RunError.

    name: "coco", "imagenet", "last", "none" or a path.
    """
    options = "--weights none or --weights PATH"
    if name == "none":
        return None
    if name == "imagenet":
        if config.BACKBONE_PRESET is not None:
            from mrcnn.weights import hub

            return hub.weights_file(config.BACKBONE_PRESET)
        if find_backbone(config.BACKBONE).imagenet is None:
            raise ConfigError(
                f"There are no ImageNet weights for the backbone {config.BACKBONE!r}; use --weights none."
            )
        return fetch_weights(config.BACKBONE, options)
    path = find_weights(name, runs, options)
    if not path.is_file():
        raise ConfigError(
            f"--weights {name}: there is no such file, and it is none of {', '.join(SPECIAL_WEIGHTS)}."
        )
    return path


def load_start(model, path, report=show):
    """Load the file of find_start into a MaskRCNN, and report what was loaded."""
    from mrcnn.weights import named

    config = model.config
    if path is not None:
        loaded = model.load_weights(path, by_name=True, report=None)
        model.set_log_dir()  # a checkpoint here starts a new run, at epoch 0
    elif config.BACKBONE_WEIGHTS:
        path = Path(config.BACKBONE_WEIGHTS)
        loaded = named.load_backbone(model.keras_model.get_layer("backbone").extractor, path)
    else:
        report("Weights: random, from the seed")
        return
    report(f"Weights: {path.name}: {loaded.summary()}")
