"""PumpkinConfig: the network's settings and those of the application around it."""

import yaml

from mrcnn.config import Config, ConfigError
from pumpkin.packaged import config_path

# Short names on the command line, and what they are as PRECISION.
PRECISIONS = {"fp32": "float32", "bf16": "mixed_bfloat16", "fp16": "mixed_float16"}


class PumpkinConfig(Config):
    """Settings of scripts/train.py; ``CLASSES`` decides NUM_CLASSES."""

    NAME = "pumpkin"
    CLASSES = ("Pumpkin",)  # names of Open Images classes
    DATASET = "data/pumpkin"  # where scripts/download.py puts them
    LAYOUT = "openimages"  # or "nuclei": a folder an image
    STEPS_PER_EPOCH = None  # an epoch shows every image once
    VALIDATION_STEPS = None

    def update(self, values, source="update"):
        super().update(values, source)
        if not self.CLASSES or not all(isinstance(name, str) for name in self.CLASSES):
            raise ConfigError(f"{source}: CLASSES must be a list of one or more names, got {self.CLASSES!r}.")
        if values.get("NUM_CLASSES", self.NUM_CLASSES) != self.NUM_CLASSES:
            raise ConfigError(
                f"{source}: NUM_CLASSES follows from CLASSES, it is {self.NUM_CLASSES} with the background, "
                f"not {values['NUM_CLASSES']}; set CLASSES instead."
            )

    def _compute_derived(self):
        self.NUM_CLASSES = 1 + len(self.CLASSES)
        super()._compute_derived()


def load_config(path=None, settings=()):
    """The config of a YAML file (none: the defaults) with ``NAME=VALUE`` texts on top, values in YAML.

    path: of the file, or the name of a packaged config, see ``config_path``.

    Raises ConfigError for what cannot be read or is unknown.
    """
    config = PumpkinConfig() if path is None else PumpkinConfig.from_yaml(config_path(path))
    config.update(parse_settings(settings), source="--set")
    return config


def parse_settings(settings):
    """``NAME=VALUE`` texts as a dict. Raises ConfigError."""
    return dict(_parse(setting) for setting in settings)


def _parse(setting):
    name, equals, value = setting.partition("=")
    if not equals:
        raise ConfigError(f"--set: expected NAME=VALUE, got {setting!r}.")
    try:
        return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set: the value of {name} is not YAML: {value!r}.") from error
