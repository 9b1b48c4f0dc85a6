"""Read presets of keras-hub: what their networks need, their licences, and their weights as files of ours.

A preset is a name that keras-hub knows, an address (kaggle://, hf://), or a folder that keras-hub wrote.
"""

import contextlib
import difflib
import re
from pathlib import Path
from urllib.parse import urlsplit

from mrcnn.backbones import OF_KERAS_HUB, BackboneError, preset_of
from mrcnn.files import cache_folder, parse_yaml, read_text
from mrcnn.http.errors import UNANSWERED, sentence
from mrcnn.modeling.configs import plain
from mrcnn.modeling.hub import FAMILIES, extractor_of, keras_hub, without_pyramid
from mrcnn.weights import named
from mrcnn.weights.downloads import DownloadError

# The licences of weights, as the model cards of keras-hub say, by the model on Kaggle.
_LICENCES = {
    "resnetv1": "Apache 2.0",
    "resnetv2": "Apache 2.0",
    "resnet_vd": "Apache 2.0",
    "efficientnet": "Apache 2.0",
    "densenet": "BSD 3-Clause",
}
_CONVERTER = "image_converter.json"
_SIZES = ("image_shape", "input_shape")
_ANY_SIZE = [None, None, 3]
_NOT_OF_THE_MODEL = ("name", "trainable", "dtype")


def complete(config):
    """Set BACKBONE_PRESET to what the preset in BACKBONE says; return whether the preset was read.

    It is read only if the config does not know it yet. Raises BackboneError and DownloadError.
    """
    preset, known = preset_of(config.BACKBONE), config.BACKBONE_PRESET
    if (known and known["preset"]) == preset:
        return False
    config.update({"BACKBONE_PRESET": preset and read(preset)}, source=str(config.BACKBONE))
    return preset is not None


def read(preset):
    """Read a preset, without its weights; return a dict with the keys of backbones.OF_PRESET.

    A name is downloaded once, a few kilobytes. Raises BackboneError for a preset that is unknown, damaged or
    no backbone, and DownloadError.
    """
    hub = keras_hub()
    known = hub.models.Backbone.presets.get(preset)
    _check_name(hub, preset, known)
    with _errors_of(preset):
        model = hub.models.Backbone.from_preset(preset, load_weights=False)
    if not isinstance(model, hub.models.FeaturePyramidBackbone):
        raise BackboneError(without_pyramid(preset, f"keras-hub's {type(model).__name__} has no pyramid"))
    config = {name: value for name, value in model.get_config().items() if name not in _NOT_OF_THE_MODEL}
    converter = _converter(hub, preset)
    return {
        "preset": preset,
        "source": known["kaggle_handle"] if known else preset,
        "description": known["metadata"]["description"] if known else None,
        "licence": _licence(preset, known),
        "parameters": model.count_params(),
        "class_name": type(model).__name__,
        "config": plain({**config, **{name: _ANY_SIZE for name in _SIZES if name in config}}),
        "scale": plain(converter["scale"]),
        "offset": plain(converter["offset"]),
    }


def _check_name(hub, preset, known):
    """Raise BackboneError for a name that keras-hub does not know, or knows as something else."""
    usable = [name for family in FAMILIES for name in getattr(hub.models, f"{family}Backbone").presets]
    if known and preset not in usable:
        raise BackboneError(without_pyramid(preset, "keras-hub has no such pyramid of it"))
    if not (known or "://" in preset or Path(preset).is_dir()):
        close = difflib.get_close_matches(preset, usable, n=1)
        what_to_do = f"the nearest preset is {close[0]}" if close else "docs/backbones.md names presets"
        raise BackboneError(
            f"BACKBONE {OF_KERAS_HUB}{preset}: keras-hub {hub.__version__} has no such preset, and there is "
            f"no such folder; {what_to_do}."
        )


@contextlib.contextmanager
def _errors_of(preset):
    """Raise a BackboneError, or a DownloadError, for what keras-hub raises while it reads a preset."""
    try:
        yield
    except (ValueError, TypeError, KeyError, ImportError, OSError) as error:
        reason = _reason(error)
        if Path(preset).is_dir():
            raise BackboneError(f"{preset}: keras-hub cannot read this preset: {reason}.") from error
        raise DownloadError(
            f"The preset {preset} of keras-hub cannot be downloaded: {reason}. Where there is a "
            f'network, keras_hub.models.ImageClassifier.from_preset("{preset}").save_to_preset("FOLDER") '
            f"writes a folder that needs none: set BACKBONE={OF_KERAS_HUB}FOLDER here."
        ) from error


def _reason(error):
    """Return what an error says, on one line and not long."""
    if isinstance(error, UNANSWERED) and error.request is not None:
        return f"{urlsplit(error.request.url).hostname}: {sentence(error)}"
    return " ".join(str(error).split())[:300].rstrip(".")


def _converter(hub, preset):
    """Return the config of a preset's image converter, which says how it wants RGB scaled."""
    try:
        with _errors_of(preset):
            return hub.layers.ImageConverter.from_preset(preset).get_config()
    except (BackboneError, DownloadError) as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        raise BackboneError(
            f"{preset}: this preset has no {_CONVERTER}, so how its weights want RGB scaled is not known; "
            f"save the preset with its image converter, by the save_to_preset of both."
        ) from error


def _licence(preset, known):
    """Return the licence of a preset's weights, as its model card names it, or None."""
    if known:
        return _LICENCES.get(_kaggle_model(known["kaggle_handle"]))
    card = Path(preset, "README.md")
    if not card.is_file():
        return None
    front = re.match(r"---\n(.*?)\n---", read_text(card), re.DOTALL)
    licence = parse_yaml(front[1], card).get("license") if front else None
    return licence if isinstance(licence, str) else None


def _kaggle_model(handle):
    """Return the model in kaggle://owner/model/framework/variation/version."""
    return handle.removeprefix("kaggle://").split("/")[1]


def described(preset):
    """Return a sentence on a preset. preset: from ``read``."""
    about = f": {preset['description'].rstrip('.')}" if preset["description"] else ""
    licence = f"licence {preset['licence']}" if preset["licence"] else _no_licence(preset["source"])
    count = preset["parameters"]
    return (
        f"Backbone: {OF_KERAS_HUB}{preset['preset']}{about}; {count:,} weights ({4 * count / 1e6:.1f} MB), "
        f"{licence} ({preset['source']})"
    )


def _no_licence(source):
    if source.startswith("kaggle://"):
        owner = source.removeprefix("kaggle://").split("/")[0]
        return f"licence: see https://www.kaggle.com/models/{owner}/{_kaggle_model(source)}"
    if source.startswith("hf://"):
        return f"licence: see https://huggingface.co/{source.removeprefix('hf://')}"
    return "licence not named"


def weights_file(preset):
    """Return the path of a preset's weights as a file in the cache, under the names of our network's layers.

    preset: from ``read``. The weights are downloaded once. The file of a numbered version on Kaggle is kept;
    any other is written again, since the preset may have changed. Raises BackboneError and DownloadError.
    """
    source = preset["source"]
    place = source if "://" in source else Path(source).resolve().as_posix()
    name = re.sub(r"\W+", "_", place.removeprefix("kaggle://")).strip("_")
    path = cache_folder() / "keras_hub" / f"{name}.h5"
    if re.fullmatch(r"kaggle://(\w+/){4}\d+", source) and path.is_file():
        return path
    sizes = {name: _ANY_SIZE for name in _SIZES if name in preset["config"]}
    with _errors_of(preset["preset"]):
        model = keras_hub().models.Backbone.from_preset(preset["preset"], **sizes)
    extractor, names = extractor_of(model)
    for theirs, ours in names.items():
        extractor.get_layer(ours).set_weights(model.get_layer(theirs).get_weights())
    path.parent.mkdir(parents=True, exist_ok=True)
    named.save(extractor, path, {"preset": preset})
    return path
