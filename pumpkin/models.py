"""Find the weights that a command names, for train, detect and evaluate, and open a model with them.

No backend starts before ``config_of``, which asks it for its devices.
"""

import os
from pathlib import Path

from mrcnn.training.errors import RunError
from mrcnn.training.run import find_last, weights_in
from mrcnn.weights import best_score, downloads
from mrcnn.weights.contents import settings_and_classes
from mrcnn.weights.hdf5 import read_metadata
from pumpkin.config import PumpkinConfig, load_config, parse_settings


def find_weights(name, runs="runs", options="--weights PATH"):
    """Return the weights file for "last", "coco", or the path of a file or of a run's folder.

    runs: folder of the runs, for "last". options: see fetch_weights. Raises RunError and DownloadError.
    """
    if name == "last":
        return find_last(runs)
    if name == "coco":
        return fetch_weights(name, options)
    return weights_in(name) if os.path.isdir(name) else Path(name)


def last_or_coco(runs, report):
    """Return the last checkpoint, or matterport's weights for COCO's classes if there is no run.

    report: is then called with a line that says so. Raises DownloadError.
    """
    try:
        return find_last(runs)
    except RunError:
        report(f"{runs}: no run here has a checkpoint yet, so these are COCO's weights and classes.")
        return fetch_weights("coco", "--weights PATH")


def fetch_weights(name, options):
    """Return the path of a known weights file, downloaded once. name: a key of downloads.FILES.

    options: those of the command that need no download. Raises DownloadError, which names them.
    """
    try:
        return downloads.fetch(name)
    except downloads.DownloadError as error:
        raise downloads.DownloadError(f"{error} Give {options}.") from error


def config_of(path, config_file=None, **overrides):
    """Return the config of a weights file, with batches for detection on this machine.

    It comes from the config file if one is given, otherwise from the metadata in the weights file. Without
    either, as in matterport's files, the layers determine backbone and number of classes.
    overrides: settings on top. Raises ConfigError for wrong settings, NoNetwork, and WeightsError for a file
    whose metadata contradict its layers.
    """
    if config_file is None:
        settings, classes = settings_and_classes(path, PumpkinConfig.names())
        config = PumpkinConfig.of(({**settings, "CLASSES": classes}, str(path)))
    else:
        stored = read_metadata(path).get("config") or {}  # raises for a damaged file
        config = load_config(config_file)
        if stored.get("BACKBONE") == config.BACKBONE and stored.get("BACKBONE_PRESET"):
            config.update({"BACKBONE_PRESET": stored["BACKBONE_PRESET"]}, source=str(path))
    from mrcnn.backend import images_per_batch

    config.update({"GPU_COUNT": 1, "IMAGES_PER_GPU": images_per_batch(), **overrides})
    config.check()
    return config


def config_given(args, weights, **overrides):
    """Return config_of a weights file with what --config, --set and --class-attribute of a command name."""
    config = config_of(weights, args.config, **overrides)
    config.update(parse_settings(args.set), source="--set")
    if args.class_attribute is not None:
        config.update({"CLASS_ATTRIBUTE": args.class_attribute}, source="--class-attribute")
    config.check()
    return config


def take_best_score(config, weights, given):
    """Take the score of best F1 as the smallest score, and return a line on the smallest score.

    config: of the weights. given: the names of the settings that the user has named. Raises WeightsError if
    the file with the score is damaged.
    """
    if "DETECTION_MIN_CONFIDENCE" in given:
        return f"Smallest score: {config.DETECTION_MIN_CONFIDENCE:g}, as given"
    best = best_score.read(weights)
    if best is None:
        return (
            f"Smallest score: {config.DETECTION_MIN_CONFIDENCE:g}, the config's; evaluating the weights on "
            "their val split finds the one of best F1"
        )
    config.update({"DETECTION_MIN_CONFIDENCE": best.score}, source=str(best_score.path_of(weights)))
    return (
        f"Smallest score: {best.score:.3f}, that of best F1 ({best.f1:.3f}) on {best.images} images of "
        f"{best.split}; --min-confidence sets another"
    )


def open_model(path, config):
    """Create a MaskRCNN for inference with all weights of a file, and set its ``class_names``.

    Raises WeightsError if the file lacks a tensor of the network.
    """
    from mrcnn.model import MaskRCNN

    model = MaskRCNN("inference", config, model_dir="runs")
    model.load_weights(path, by_name=False, report=None)
    model.class_names = model.class_names or ["BG", *config.CLASSES]
    return model
