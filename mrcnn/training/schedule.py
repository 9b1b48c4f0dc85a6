"""How fast weights change in a stage of a run, and by which optimiser."""

import math

import keras
from keras import ops

from mrcnn.training.stages import check_optimizer


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
