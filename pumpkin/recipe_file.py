"""Write a recipe as the YAML config that repeats its training."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from pumpkin.recipe import Facts

FILE = "recipe.yaml"  # in the folder of a run


def name_of(dataset):
    """Return the name of a run, made of its data set's: letters, digits and underscores."""
    return re.sub(r"\W+", "_", Path(dataset).resolve().stem.lower()).strip("_")[:60] or "run"


@dataclass(frozen=True)
class Recipe:
    """The config that repeats a training, with reasons.

    config: of the run. chosen: from ``choose``. facts: the Facts. command: the words that use the file.
    """

    config: object
    chosen: dict
    facts: Facts
    command: str

    def text(self):
        """Return the YAML text: the choices with their reasons, then the other settings."""
        config, chosen = self.config, self.chosen
        lines = [f"# {self.command}", f"# A recipe for {self.facts}."]
        lines += [_line(config, name, choice.reason) for name, choice in chosen.items()]
        named = [name for name in config.names() if config.is_set(name) and name not in chosen]
        return "\n".join([*lines, *(_line(config, name) for name in named if name != "NUM_CLASSES"), ""])


def _line(config, name, reason=""):
    options = {"default_flow_style": True, "width": float("inf"), "allow_unicode": True, "sort_keys": False}
    value = yaml.safe_dump(config.to_plain()[name], **options).removesuffix("...\n").strip()
    return f"{name}: {value}" + (f"  # {reason}" if reason else "")
