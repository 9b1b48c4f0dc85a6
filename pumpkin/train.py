"""The steps of scripts/train.py: settings and data first, then weights and network, then training."""

from pathlib import Path

from mrcnn.config import ConfigError
from mrcnn.pipeline.images import ImageError
from pumpkin.config import load_config
from pumpkin.dataset import DatasetError, open_dataset

SPECIAL_WEIGHTS = ("coco", "imagenet", "last", "none")


def settings(config_file, values, seed=None, epochs=None, dataset=None, report=print):
    """The config of a training from the command line's options. Raises ConfigError."""
    from mrcnn.pipeline.augment import augmentation_of
    from mrcnn.training.schedule import check_optimizer, check_stages, scale_stages

    config = load_config(config_file, values)
    check_stages(config.STAGES)
    check_optimizer(config)
    augmentation_of(config.AUGMENTATION)
    if seed is not None:
        config.update({"SEED": seed})
    if config.SEED < 0:
        raise ConfigError(f"SEED must be a whole number from 0, got {config.SEED}.")
    if dataset is not None:
        config.update({"DATASET": dataset})
    if epochs is not None:
        stages = scale_stages(config.STAGES, epochs)
        config.update({"STAGES": stages})
        if len(stages) > 1:
            report("Epochs by stage: " + ", ".join(f"{s['layers']} {s['epochs']}" for s in stages))
    return config


def open_splits(config, report=print):
    """The training and the validation split; no validation split is told and allowed.

    Raises DatasetError, with the commands that make a data set, if there is nothing to train on.
    """
    root = Path(config.DATASET)
    if not root.is_dir():
        raise DatasetError(
            f"{root}: there is no such folder. Fetch Open Images with `python scripts/download.py --classes "
            f"{' '.join(config.CLASSES)} --dataset {root}`, or render scenes with "
            f"`python -m pumpkin.synthetic --out {root} --train 200 --val 40`."
        )
    train = open_dataset(config, root, "train")
    try:
        val = open_dataset(config, root, "val")
    except DatasetError as error:
        val = None
        report(f"No validation: {error}")
    _check_has_instances(train, root)
    report(f"Data: {train.num_images} images to train on, {val.num_images if val else 0} to validate on")
    return train, val


def _check_has_instances(dataset, root):
    """Stop at once where no image has a mask; one is enough, so few files are read."""
    unreadable = None
    for image_id in dataset.image_ids:
        try:
            if (dataset.load_mask(image_id)[1] > 0).any():
                return
        except ImageError as error:  # the loader stops at it or skips it, as the user wishes
            unreadable = unreadable or error
    if unreadable is not None:
        raise unreadable
    raise DatasetError(f"{root}: none of the {dataset.num_images} training images has an instance.")


def find_start(name, config, runs):
    """The file to start from: None for random weights. Raises DownloadError and RunError.

    name: "coco", "imagenet", "last", "none" or a path.
    """
    from mrcnn import downloads
    from mrcnn.training.run import find_last

    if name == "none":
        _check_backbone_weights(config)
        return None
    if name == "last":
        return find_last(runs)
    if name == "coco":
        return downloads.fetch("coco")
    if name == "imagenet":
        if config.BACKBONE == "light" or callable(config.BACKBONE):
            raise ConfigError(
                f"There are no ImageNet weights for the backbone {config.BACKBONE!r}; use --weights none."
            )
        return downloads.fetch(config.BACKBONE)
    path = Path(name)
    if not path.is_file():
        raise ConfigError(
            f"--weights {name}: there is no such file, and it is none of {', '.join(SPECIAL_WEIGHTS)}."
        )
    return path


def _check_backbone_weights(config):
    """Raise ConfigError for BACKBONE_WEIGHTS that no backbone could take."""
    if not config.BACKBONE_WEIGHTS:
        return
    if config.BACKBONE in ("light", "resnet50", "resnet101") or callable(config.BACKBONE):
        raise ConfigError(
            f"BACKBONE_WEIGHTS is for backbones of keras.applications, not for {config.BACKBONE!r}; "
            "give the file of a whole network as --weights."
        )
    if not Path(config.BACKBONE_WEIGHTS).is_file():
        raise ConfigError(f"BACKBONE_WEIGHTS {config.BACKBONE_WEIGHTS}: there is no such file.")


def load_start(model, name, path, report=print):
    """Load the weights that find_start found into a MaskRCNN, and say what was loaded."""
    from mrcnn import imagenet, weights

    config = model.config
    if path is not None and name == "imagenet" and config.BACKBONE in ("resnet50", "resnet101"):
        loaded = imagenet.load_imagenet(model.keras_model, path, int(config.BACKBONE.removeprefix("resnet")))
    elif path is not None and name == "imagenet":
        loaded = weights.load_backbone(model.keras_model.get_layer("backbone").extractor, path)
    elif path is not None:
        loaded = model.load_weights(path, by_name=True)
    elif config.BACKBONE_WEIGHTS:
        path = Path(config.BACKBONE_WEIGHTS)
        loaded = weights.load_backbone(model.keras_model.get_layer("backbone").extractor, path)
    else:
        report("Weights: random, from the seed")
        return
    report(f"Weights: {path.name}: {loaded.summary()}")
