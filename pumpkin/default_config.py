"""Fill in a config by the default recipe, for a training without ``--config``."""

import numpy as np

from mrcnn import startup
from mrcnn.config import ConfigError
from mrcnn.datasets.scan import look
from mrcnn.datasets.splits import counts_quickly
from mrcnn.screen import show
from mrcnn.training.stages import check_for_training, scale_stages
from mrcnn.weights.contents import NoNetwork
from pumpkin import recipe, recipe_file
from pumpkin.calls import typed
from pumpkin.models import config_of, find_weights
from pumpkin.recipe import Facts

# The settings that the data check needs.
SIZES = (
    "IMAGE_RESIZE_MODE", "IMAGE_MIN_DIM", "IMAGE_MIN_SCALE", "IMAGE_MAX_DIM", "RPN_ANCHOR_SCALES",
    "MAX_GT_INSTANCES",
)  # fmt: skip
SAMPLE = 200  # images that are looked at, evenly spread
_NO_SIDES = (0.1, 0.2, 0.4)  # if no image of the sample has an instance


def fill(config, dataset, weights, runs="runs", epochs=None, report=show):
    """Set the settings of a config that the user has not named by the default recipe; return the Recipe.

    config: with DATASET and CLASSES of the data. dataset: its training images. weights: as for --weights, or
    None. runs: the folder of runs, for last. epochs: as for --epochs. report: called with each line of YAML.
    Imports the backend. Raises ConfigError and RunError.
    """
    stored = _stored(weights, runs)
    startup.start(training=True, deterministic=True)

    from mrcnn import backend

    kind = "file" if stored else weights or "none"
    facts = measure(dataset, backend.device_names() != ["CPU"], kind, stored)
    named = {name: getattr(config, name) for name in config.names() if config.is_set(name)}
    chosen = recipe.choose(facts, named)
    if "NAME" not in named:
        chosen["NAME"] = recipe.Choice(recipe_file.name_of(config.DATASET), "after the data set")
    config.update({name: choice.value for name, choice in chosen.items()}, source="the recipe")
    if epochs is not None:
        config.update({"STAGES": scale_stages(config.STAGES, epochs)}, source="--epochs")
    check_for_training(config)
    command = f"{typed('train')} --weights {weights or 'none'} --config {recipe_file.FILE}"
    found = recipe_file.Recipe(config, chosen, facts, command)
    for line in found.text().splitlines():
        report(line)
    return found


def assume(config, dataset):
    """Set the sizes that the default recipe has for COCO weights on a CPU; return lines on them, one or none.

    config: with the settings that the user has named, which stay. dataset: the training images. The backend,
    which knows the device, is not imported.
    """
    named = {name: getattr(config, name) for name in config.names() if config.is_set(name)}
    chosen = recipe.choose(measure(dataset, accelerator=False, weights="coco"), named)
    sizes = {name: chosen[name].value for name in SIZES if name in chosen}
    config.update(sizes, source="the recipe")
    told = [f"{name} {value}" for name, value in sizes.items() if name != "MAX_GT_INSTANCES"]
    return [f"Sizes are for a training from COCO weights on a CPU: {', '.join(told)}"] if told else []


def _stored(weights, runs):
    """Return the settings in a weights file, {} for weights without a file of a run's or a program's."""
    if weights in (None, "none", "coco", "imagenet"):
        return {}
    path = find_weights(weights, runs)
    if not path.is_file():
        raise ConfigError(f"--weights {weights}: there is no such file, and it is none of coco, imagenet.")
    try:
        return config_of(path).to_plain()
    except NoNetwork:  # weights of a backbone
        return {}


def measure(dataset, accelerator, weights, stored=None):
    """Return the Facts about a training.

    dataset: its training images. accelerator, weights, stored: as in Facts. Sizes are those of a sample of
    the images, and so are numbers of instances unless they are known without pixels.
    """
    ids = dataset.image_ids
    sample = ids[np.unique(np.linspace(0, len(ids) - 1, min(len(ids), SAMPLE)).round().astype(int))]
    scanned = [found for found in (look(dataset, image_id) for image_id in sample) if found.size]
    counts = [len(found.instances) + found.crowds for found in scanned]
    if counts_quickly(dataset):
        counts += [sum(dataset.count_instances(image_id).values()) for image_id in ids]
    sides = [
        np.sqrt(height * width) / max(found.size) for found in scanned for _, height, width in found.instances
    ]
    longer = [max(found.size) for found in scanned] or [1024]
    return Facts(
        accelerator=accelerator,
        images=len(ids),
        classes=dataset.num_classes - 1,
        instances=max(counts, default=1),
        longest=int(max(longer)),
        longer=int(np.median(longer)),
        sides=tuple(float(x) for x in np.percentile(sides, (10, 50, 90))) if sides else _NO_SIDES,
        weights=weights,
        stored=stored or {},
    )
