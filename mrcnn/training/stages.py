"""What is trained in each stage of a run: checks and arithmetic that need no tensor backend."""

import math
import re

from mrcnn.backbones import WORDS, BackboneError, layers_regex
from mrcnn.config import ConfigError

_STAGE_KEYS = ("layers", "epochs", "learning_rate")
_CHOICES = {
    "OPTIMIZER": ("sgd", "adamw"),
    "LEARNING_RATE_SCHEDULE": ("constant", "cosine", "steps"),
    "WEIGHT_DECAY_KIND": ("auto", "layerwise", "decoupled"),
    "GRADIENT_CLIP_BY": ("variable", "global"),
    "BEST_BY": ("loss", "mask_ap"),
}


def check_stages(stages, backbone):
    """Raise ConfigError, naming the stage, for STAGES that cannot be trained with the setting BACKBONE."""
    if not stages:
        raise ConfigError("STAGES is empty; it needs at least one {layers, epochs, learning_rate}.")
    for number, stage in enumerate(stages, start=1):
        fault = _fault_of(stage, backbone)
        if fault:
            raise ConfigError(f"STAGES, stage {number}: {fault}.")


def _fault_of(stage, backbone):
    """What is wrong with a stage, or None."""
    if not isinstance(stage, dict) or set(stage) != set(_STAGE_KEYS):
        return f"expected {{{', '.join(_STAGE_KEYS)}}}, got {stage!r}"
    layers, epochs, rate = (stage[key] for key in _STAGE_KEYS)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        return f"epochs must be a whole number from 1, got {epochs!r}"
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < math.inf:
        return f"learning_rate must be a number above 0, got {rate!r}; YAML wants a dot in 1.0e-3"
    if not isinstance(layers, str):
        return f"layers must be text ({', '.join(WORDS)} or a regular expression), got {layers!r}"
    try:
        re.compile(layers_regex(layers, backbone))
    except BackboneError as error:
        return str(error).removesuffix(".")
    except re.error as error:
        return f"layers is no regular expression: {error}"
    return None


def scale_stages(stages, epochs):
    """The stages with their epochs in the same proportion and ``epochs`` in total, at least one each."""
    count = len(stages)
    if epochs < count:
        raise ConfigError(
            f"{epochs} epochs are too few: the config has {count} stage{'s'[: count != 1]}, each needs one."
        )
    total = sum(stage["epochs"] for stage in stages)
    scaled, begun, done = [], 0, 0
    for number, stage in enumerate(stages, start=1):
        begun += stage["epochs"]
        # Where the stage should end, but not before an epoch of its own nor in those of the ones to come.
        end = min(max(round(epochs * begun / total), done + 1), epochs - (count - number))
        scaled.append({**stage, "epochs": end - done})
        done = end
    return tuple(scaled)


def extend_stages(stages, epochs):
    """The stages with ``epochs`` in total: what is more than before goes to the last one.

    Raises ConfigError for fewer epochs than the stages have.
    """
    total = sum(stage["epochs"] for stage in stages)
    if epochs < total:
        raise ConfigError(
            f"{epochs} epochs are fewer than the run has ({total}); a run can only be extended."
        )
    *before, last = stages
    return (*before, {**last, "epochs": last["epochs"] + epochs - total})


def check_optimizer(config):
    """Raise ConfigError for a word that is none of the known ones, or a number out of its range."""
    for name, known in _CHOICES.items():
        value = getattr(config, name)
        if value not in known:
            raise ConfigError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
    for name, least in (("GRADIENT_ACCUMULATION", 1), ("AP_EVERY", 0), ("PATIENCE", 0), ("WARMUP_STEPS", 0)):
        if getattr(config, name) < least:
            raise ConfigError(f"{name} must be {least} or more, got {getattr(config, name)!r}.")
    if not 0 <= config.EMA_MOMENTUM < 1:
        raise ConfigError(f"EMA_MOMENTUM must be 0 or more and below 1, got {config.EMA_MOMENTUM!r}.")
    if not all(0 < share < 1 for share in config.LEARNING_RATE_MILESTONES):
        raise ConfigError(
            "LEARNING_RATE_MILESTONES must be shares of a stage, between 0 and 1, got "
            f"{list(config.LEARNING_RATE_MILESTONES)}."
        )
    if config.BEST_BY == "mask_ap" and not config.AP_EVERY:
        raise ConfigError("BEST_BY mask_ap needs AP_EVERY 1 or more, it is 0.")


def check_checkpoint_minutes(config):
    """Raise ConfigError for CHECKPOINT_MINUTES below zero."""
    if not config.CHECKPOINT_MINUTES >= 0:
        raise ConfigError(f"CHECKPOINT_MINUTES must be 0 or more, got {config.CHECKPOINT_MINUTES!r}.")
