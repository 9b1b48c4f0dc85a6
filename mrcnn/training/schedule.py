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
_STAGE_KEYS = {"layers": str, "epochs": int, "learning_rate": float}


def layers_regex(layers):
    """The regular expression of layer names for one of matterport's words; others are expressions already."""
    return LAYERS.get(layers, layers)


def check_stages(stages):
    """Raise ConfigError, naming the stage, for STAGES that cannot be trained."""
    if not stages:
        raise ConfigError("STAGES is empty; it needs at least one {layers, epochs, learning_rate}.")
    for number, stage in enumerate(stages, start=1):
        if not isinstance(stage, dict) or set(stage) != set(_STAGE_KEYS):
            raise ConfigError(
                f"STAGES, stage {number}: expected {{{', '.join(_STAGE_KEYS)}}}, got {stage!r}."
            )
        if isinstance(stage["epochs"], bool) or not isinstance(stage["epochs"], int) or stage["epochs"] < 1:
            raise ConfigError(
                f"STAGES, stage {number}: epochs must be a whole number from 1, got {stage['epochs']!r}."
            )
        if not isinstance(stage["learning_rate"], (int, float)) or stage["learning_rate"] <= 0:
            raise ConfigError(
                f"STAGES, stage {number}: learning_rate must be a number above 0, "
                f"got {stage['learning_rate']!r}; YAML wants a dot in 1.0e-3."
            )
        try:
            re.compile(layers_regex(str(stage["layers"])))
        except re.error as error:
            raise ConfigError(f"STAGES, stage {number}: layers is no regular expression: {error}.") from error


def scale_stages(stages, epochs):
    """The stages with their epochs in the same proportion and ``epochs`` in total, at least one each."""
    if epochs < len(stages):
        raise ConfigError(f"{epochs} epochs are too few for {len(stages)} stages; give at least one to each.")
    total = sum(stage["epochs"] for stage in stages)
    ends = [round(epochs * sum(s["epochs"] for s in stages[: i + 1]) / total) for i in range(len(stages))]
    for i in range(len(stages)):  # one epoch each, whatever rounding says
        ends[i] = min(max(ends[i], i + 1), epochs - (len(stages) - 1 - i))
        if i and ends[i] <= ends[i - 1]:
            ends[i] = ends[i - 1] + 1
    starts = [0, *ends[:-1]]
    return tuple({**stage, "epochs": end - start} for stage, start, end in zip(stages, starts, ends))


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
    warmup_steps = config.WARMUP_STEPS if warm_up else 0
    if config.LEARNING_RATE_SCHEDULE not in ("constant", "cosine"):
        raise ConfigError(
            f'LEARNING_RATE_SCHEDULE must be "constant" or "cosine", got {config.LEARNING_RATE_SCHEDULE!r}.'
        )
    if warmup_steps or config.LEARNING_RATE_SCHEDULE == "cosine":
        learning_rate = WarmUpAndDecay(
            learning_rate, warmup_steps, total_steps, config.LEARNING_RATE_SCHEDULE
        )
    if config.OPTIMIZER == "sgd":
        return keras.optimizers.SGD(
            learning_rate, momentum=config.LEARNING_MOMENTUM, clipnorm=config.GRADIENT_CLIP_NORM
        )
    if config.OPTIMIZER == "adamw":
        optimizer = keras.optimizers.AdamW(
            learning_rate, weight_decay=config.WEIGHT_DECAY, clipnorm=config.GRADIENT_CLIP_NORM
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer
    raise ConfigError(f'OPTIMIZER must be "sgd" or "adamw", got {config.OPTIMIZER!r}.')
