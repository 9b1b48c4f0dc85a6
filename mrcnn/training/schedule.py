"""The optimiser of a stage, and its learning rate."""

import math

import keras
from keras import ops

from mrcnn.backend import replicas, shorten_updates
from mrcnn.modeling.network import decays_through_loss
from mrcnn.training.averaging import AveragingAdamW, AveragingSGD


@keras.saving.register_keras_serializable("mrcnn")
class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises from zero over ``warmup_steps``, then stays or falls.

    decay: "constant"; "cosine": along half a cosine that reaches zero at ``total_steps`` (Loshchilov and
    Hutter 2017, equation 5, without restarts); "steps": multiplied by ``factor`` at each of ``milestones``,
    fractions of total_steps. Steps are weight updates, each of ``accumulation`` batches.
    """

    def __init__(
        self, peak, warmup_steps, total_steps, decay="constant", milestones=(), factor=0.1, accumulation=1
    ):
        self.peak, self.warmup_steps, self.total_steps, self.decay = peak, warmup_steps, total_steps, decay
        self.milestones, self.factor, self.accumulation = tuple(milestones), factor, accumulation

    def __call__(self, step):
        if self.accumulation > 1:  # Keras counts batches
            step = step // self.accumulation
        step = ops.cast(step, "float32")
        rate = ops.convert_to_tensor(self.peak, "float32")
        if self.decay == "cosine":
            room = max(self.total_steps - self.warmup_steps, 1)
            done = ops.clip((step - self.warmup_steps) / room, 0.0, 1.0)
            rate = rate * 0.5 * (1.0 + ops.cos(math.pi * done))
        if self.decay == "steps":
            for milestone in self.milestones:
                rate = ops.where(step < milestone * self.total_steps, rate, rate * self.factor)
        if self.warmup_steps:
            rate = rate * ops.minimum((step + 1.0) / self.warmup_steps, 1.0)
        return rate

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "decay": self.decay,
            "milestones": self.milestones,
            "factor": self.factor,
            "accumulation": self.accumulation,
        }


def build_optimizer(config, learning_rate, total_steps, warm_up=True):
    """Build the optimiser of one stage. total_steps: its batches. warm_up: whether to apply WARMUP_STEPS.

    The optimiser decays weights only if the loss does not (WEIGHT_DECAY_KIND), and never biases or batch
    norm.
    """
    decay = 0.0 if decays_through_loss(config) else config.WEIGHT_DECAY
    options = {"learning_rate": _rate(config, learning_rate, total_steps, warm_up), **_options(config)}
    if config.OPTIMIZER == "sgd":
        kind = AveragingSGD if config.EMA_MOMENTUM else keras.optimizers.SGD
        # None rather than 0.0, which would cost a pass over the weights.
        optimizer = kind(momentum=config.LEARNING_MOMENTUM, weight_decay=decay or None, **options)
    else:
        kind = AveragingAdamW if config.EMA_MOMENTUM else keras.optimizers.AdamW
        optimizer = kind(weight_decay=decay, **options)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    shorten_updates(optimizer)
    return optimizer


def _rate(config, learning_rate, total_steps, warm_up):
    """Return a number, or a schedule if the learning rate changes."""
    warmup_steps = config.WARMUP_STEPS if warm_up else 0
    if not warmup_steps and config.LEARNING_RATE_SCHEDULE == "constant":
        return float(learning_rate)
    return WarmUpAndDecay(
        learning_rate,
        warmup_steps,
        total_steps // config.GRADIENT_ACCUMULATION,
        config.LEARNING_RATE_SCHEDULE,
        config.LEARNING_RATE_MILESTONES,
        config.LEARNING_RATE_FACTOR,
        config.GRADIENT_ACCUMULATION,
    )


def _options(config):
    """Return the options of all optimisers: clipping, accumulation, averages."""
    clip = {"variable": "clipnorm", "global": "global_clipnorm"}[config.GRADIENT_CLIP_BY]
    # Replicas on several devices each clip their share of a gradient, before the shares are summed.
    norm = config.GRADIENT_CLIP_NORM
    options = {clip: norm and norm / replicas()}
    if config.GRADIENT_ACCUMULATION > 1:
        options["gradient_accumulation_steps"] = config.GRADIENT_ACCUMULATION
    if config.EMA_MOMENTUM:
        # Keras averages after each batch, even if only every n-th batch makes an update.
        options["use_ema"] = True
        options["ema_momentum"] = config.EMA_MOMENTUM ** (1 / config.GRADIENT_ACCUMULATION)
    return options


def current_rate(model):
    """Return the learning rate of the next step."""
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
