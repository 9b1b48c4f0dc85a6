"""What detect and evaluate share: from the name of weights to a model that knows its classes."""

from pathlib import Path

from mrcnn.backbones import find_by_layers
from mrcnn.training.run import find_last
from mrcnn.weights import downloads, named
from mrcnn.weights.coco_names import COCO_CLASS_NAMES
from mrcnn.weights.hdf5 import open_weights, read_groups
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

    A config file given by the user says how the network was built, or else the weights' own metadata. Of a
    file without either, as matterport's, its layers tell backbone and number of classes.
    """
    metadata = named.read_metadata(path)
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
    """The settings that a weights file carries, in the words of PumpkinConfig."""
    stored = metadata["config"]
    # Other programs' configs count their classes, ours name them; one may also have no NAME.
    names = (metadata.get("class_names") or [])[1:]
    classes = stored.get("CLASSES") or names or _unnamed_classes(stored.get("NUM_CLASSES", 1) - 1)
    known = {k: v for k, v in stored.items() if k in PumpkinConfig.names() and (k, v) != ("NAME", None)}
    return {**known, "CLASSES": classes}


def _settings_of_layers(path):
    """What the layers of matterport's network say: backbone, and classes by name if they are COCO's."""
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
    """A MaskRCNN for inference with the weights of a file, whole; ``class_names`` is filled in.

    Raises named.WeightsError if the file does not hold every tensor of the network.
    """
    from mrcnn.model import MaskRCNN

    model = MaskRCNN("inference", config, model_dir="runs")
    model.load_weights(path, by_name=False, report=None)
    model.class_names = model.class_names or ["BG", *config.CLASSES]
    return model
