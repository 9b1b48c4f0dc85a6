"""What is trained in each stage of a run, how fast, and by which optimiser."""

import math
import re

import keras
from keras import ops

from mrcnn.config import ConfigError

_HEADS = r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)"
# matterport's words for layers: the heads and the FPN, the ResNet from a stage up, everything.
LAYERS = {
    "heads": _HEADS,
    "3+": rf"(res[345].*)|(bn[345].*)|{_HEADS}",
    "4+": rf"(res[45].*)|(bn[45].*)|{_HEADS}",
    "5+": rf"(res5.*)|(bn5.*)|{_HEADS}",
    "all": ".*",
}
_STAGE_KEYS = ("layers", "epochs", "learning_rate")
_OPTIMIZERS = ("sgd", "adamw")
_DECAYS = ("constant", "cosine")


def layers_regex(layers):
    """The regular expression of layer names for one of matterport's words; others are expressions already."""
    return LAYERS.get(layers, layers)


def check_stages(stages):
    """Raise ConfigError, naming the stage, for STAGES that cannot be trained."""
    if not stages:
        raise ConfigError("STAGES is empty; it needs at least one {layers, epochs, learning_rate}.")
    for number, stage in enumerate(stages, start=1):
        fault = _fault_of(stage)
        if fault:
            raise ConfigError(f"STAGES, stage {number}: {fault}.")


def _fault_of(stage):
    """What is wrong with a stage, or None."""
    if not isinstance(stage, dict) or set(stage) != set(_STAGE_KEYS):
        return f"expected {{{', '.join(_STAGE_KEYS)}}}, got {stage!r}"
    layers, epochs, rate = (stage[key] for key in _STAGE_KEYS)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        return f"epochs must be a whole number from 1, got {epochs!r}"
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < math.inf:
        return f"learning_rate must be a number above 0, got {rate!r}; YAML wants a dot in 1.0e-3"
    if not isinstance(layers, str):
        return f"layers must be text ({', '.join(LAYERS)} or a regular expression), got {layers!r}"
    try:
        re.compile(layers_regex(layers))
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


@keras.saving.register_keras_serializable("mrcnn")
class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises from zero over ``warmup_steps``, then stays or falls along half a cosine.

    total_steps: the step at which the cosine reaches zero (Loshchilov and Hutter 2017, equation 5, without
    restarts). decay: "constant" or "cosine".
    """

    def __init__(self, peak, warmup_steps, total_steps, decay="constant"):
        self.peak, self.warmup_steps, self.total_steps, self.decay = peak, warmup_steps, total_steps, decay

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rate = ops.convert_to_tensor(self.peak, "float32")
        if self.decay == "cosine":
            room = max(self.total_steps - self.warmup_steps, 1)
            done = ops.clip((step - self.warmup_steps) / room, 0.0, 1.0)
            rate = rate * 0.5 * (1.0 + ops.cos(math.pi * done))
        if self.warmup_steps:
            rate = rate * ops.minimum((step + 1.0) / self.warmup_steps, 1.0)
        return rate

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "decay": self.decay,
        }


def build_optimizer(config, learning_rate, total_steps, warm_up=True):
    """The optimiser of one stage. warm_up: whether WARMUP_STEPS apply to it.

    SGD decays weights through the loss, as matterport's code did; AdamW by itself (Loshchilov and Hutter
    2019), sparing biases and batch norm.
    """
    check_optimizer(config)
    warmup_steps = config.WARMUP_STEPS if warm_up else 0
    if warmup_steps or config.LEARNING_RATE_SCHEDULE == "cosine":
        learning_rate = WarmUpAndDecay(
            learning_rate, warmup_steps, total_steps, config.LEARNING_RATE_SCHEDULE
        )
    if config.OPTIMIZER == "sgd":
        return keras.optimizers.SGD(
            learning_rate, momentum=config.LEARNING_MOMENTUM, clipnorm=config.GRADIENT_CLIP_NORM
        )
    optimizer = keras.optimizers.AdamW(
        learning_rate, weight_decay=config.WEIGHT_DECAY, clipnorm=config.GRADIENT_CLIP_NORM
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def check_optimizer(config):
    """Raise ConfigError for an OPTIMIZER or a LEARNING_RATE_SCHEDULE that is none of the known."""
    for name, known in (("OPTIMIZER", _OPTIMIZERS), ("LEARNING_RATE_SCHEDULE", _DECAYS)):
        value = getattr(config, name)
        if value not in known:
            raise ConfigError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
