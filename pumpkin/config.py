"""PumpkinConfig: the settings of the network and of the application around it."""

import sys

from mrcnn.config import Config, ConfigError, read_settings
from mrcnn.datasets import FORMATS
from mrcnn.datasets.recognition import AUTO
from mrcnn.files import YamlError, parse_yaml
from mrcnn.settings import about, number, or_none, setting, several, shown, text
from pumpkin.packaged import config_path


def _is_layout(layout):
    module, colon, name = layout.partition(":")
    own = bool(colon) and all(part.isidentifier() for part in [*module.split("."), name])
    return layout == AUTO or layout in FORMATS or own


_NAME = text("a name", lambda name: bool(name.strip()) and name.isprintable())


@about("CLASSES")
def _names_differ(config):
    twice = sorted({name for name in config.CLASSES if list(config.CLASSES).count(name) > 1})
    if twice:
        return f"CLASSES must be names that differ, but has {twice[0]!r} twice."


@about("IMAGE_CHANNEL_COUNT", "LAYOUT")
def _photographs_are_rgb(config):
    if config.IMAGE_CHANNEL_COUNT != 3 and ":" not in config.LAYOUT:
        return (
            f"IMAGE_CHANNEL_COUNT must be 3 with LAYOUT {config.LAYOUT}, which reads photographs as RGB, got "
            f"{config.IMAGE_CHANNEL_COUNT}."
        )


class PumpkinConfig(Config):
    """The settings of the commands. NUM_CLASSES is derived from ``CLASSES``."""

    NAME = "pumpkin"
    CLASSES = setting(
        ("Pumpkin",),
        several(_NAME, example="CLASSES=[date, fig]"),
        "the classes to learn, in this order; the commands take all classes of the data if neither a config "
        "nor --set names CLASSES",
    )
    DATASET = setting("data/pumpkin", text("the path of a folder or a file", bool), "the data set")
    LAYOUT = setting(
        AUTO,
        text(f"{AUTO}, {', '.join(FORMATS)}, or module:Class for a Dataset of your own", _is_layout),
        "the format of the data set; auto recognises it, and a run's config.yaml has the one that was found",
    )
    IMAGES = setting(
        None,
        or_none(text("the path of a folder", bool), "where the format expects them"),
        "the images of annotation files",
    )
    CLASS_ATTRIBUTE = setting(
        None,
        or_none(_NAME, "found by itself"),
        "the attribute of an annotation that holds its class, where a format has several (VIA)",
    )
    VAL_SHARE = setting(
        0.2,
        number(least=0, most=0.9),
        "share of the images to set aside for validation if the data have no validation split; 0: none",
    )
    STEPS_PER_EPOCH = None  # an epoch shows every image once
    VALIDATION_STEPS = None
    AP_EVERY = 5
    AP_IMAGES = 100
    BEST_BY = "mask_ap"  # the loss, if AP_EVERY is set to 0 and BEST_BY is not set
    MASK_TARGET = "aligned"
    MASK_PASTE = "as_trained"

    rules = (*Config.rules, _names_differ, _photographs_are_rgb)

    def take(self, values, source):
        """Take settings as Config.take does, and derive NUM_CLASSES from CLASSES."""
        found = super().take(values, source)
        self.NUM_CLASSES = 1 + len(self.CLASSES)
        wanted = values.get("NUM_CLASSES", self.NUM_CLASSES)
        if not {"NUM_CLASSES", "CLASSES"} & set(found) and wanted != self.NUM_CLASSES:
            found["NUM_CLASSES"] = (
                f"{source}: NUM_CLASSES follows from CLASSES, it is {self.NUM_CLASSES} with the background, "
                f"not {wanted}; set CLASSES instead."
            )
        return found

    def _compute_derived(self):
        self.NUM_CLASSES = 1 + len(self.CLASSES)
        if self.AP_EVERY == 0 and not self.is_set("BEST_BY"):
            self.BEST_BY = "loss"
        super()._compute_derived()


def load_config(path=None, settings=(), check=None, **options):
    """Load the config of a YAML file, with settings from the command line on top.

    path: of the file, or the name of a packaged config, see ``config_path``; None uses the defaults.
    settings: ``NAME=VALUE`` texts, values in YAML. check: as in Config.of. options: settings with their own
    command-line option; None if it is not used.
    Raises ConfigError with all faults at once.
    """
    options = {name: value for name, value in options.items() if value is not None}
    layers = []
    if path is not None:
        path = config_path(path)
        layers.append((read_settings(path), str(path)))
    layers += [(parse_settings(settings), "--set"), (options, "the command line")]
    unread = {}
    for values, source in layers:
        unread |= _unread(values, source)
    return PumpkinConfig.of(*layers, found=unread, check=check)


def _unread(values, source):
    """Return sentences by name on settings that only programs may set."""
    rate = values.get("LEARNING_RATE", PumpkinConfig.LEARNING_RATE)
    if rate == PumpkinConfig.LEARNING_RATE:  # a run's config.yaml lists all settings
        return {}
    sentence = (
        f"{source}: LEARNING_RATE must be left out, for STAGES has the learning rate of each stage, as in "
        f"STAGES=[{{layers: all, epochs: 10, learning_rate: 0.001}}]; got {shown(rate)}."
    )
    return {"LEARNING_RATE": sentence}


def parse_settings(settings):
    """Parse ``NAME=VALUE`` texts to a dict. Raises ConfigError."""
    return dict(_parse(setting) for setting in settings)


def _parse(setting):
    name, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError(f"--set: expected NAME=VALUE, got {setting!r:.100}.")
    name = name.strip()
    try:
        return name, parse_yaml(value, f"--set: {name:.60}")
    except YamlError as error:
        raise ConfigError(f"{error} Got {value!r:.100}.") from error


def settings_page():
    """Return docs/settings.md: every setting with its default, its allowed values and its reason."""
    return (
        "# Settings\n\n"
        "Programs set them as attributes of their Config; YAML files and `--set NAME=VALUE` use the same\n"
        "names. All settings are checked before data are read. This page is written by\n"
        "`python -m pumpkin.config > docs/settings.md`.\n\n"
        f"{PumpkinConfig.table()}\n"
    )


if __name__ == "__main__":
    sys.stdout.write(settings_page())
