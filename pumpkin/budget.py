"""Fit the length of a training, and if need be its image size, to minutes and the machine's measured speed.

``plan`` is a pure function of times and counts. What it decides are settings, which the run's folder keeps,
so a run is resumed and repeated by them, whatever the speed is then.
"""

import math
from dataclasses import dataclass

from mrcnn.config import ConfigError
from mrcnn.training.stages import is_due, scale_stages
from pumpkin.recipe import LEAST_PASSES, Choice

MARGIN = 0.03  # share of the minutes that stays free: speeds vary
BETWEEN = 0.1  # share of the time that validation, AP and saving may take between epochs
REPORTED = 100  # validation images at most in the report
LEAST_STEPS = 20  # of a training; fewer show nothing
LEAST_OF_EPOCH = 10  # steps, unless each stage has one epoch
LEAST_SIDE = 256  # of smaller images, in pixels
WATCHED = 1.5  # times that an image takes in the report, whose network is watched, against AP in training


@dataclass(frozen=True)
class Facts:
    """What is known of a training beside its settings.

    minutes: that it may take, from the command on. elapsed: seconds since then. images: that train, or
    tiles. batches: of one validation. validated: images to measure AP on. reports: whether a page is written
    at the end.
    """

    minutes: float
    elapsed: float
    images: int
    batches: int
    validated: int
    reports: bool = True


class TooShort(ConfigError):
    """Raised when the minutes are too few. passes: those over the images for which there is time."""

    def __init__(self, sentence, passes):
        super().__init__(sentence)
        self.passes = passes


@dataclass(frozen=True)
class Plan:
    """The decisions as {setting: Choice}, and the number of passes over the images."""

    chosen: dict
    passes: float


def plan(facts, pace, config):
    """Return the Plan of a training. pace: its Pace. Raises TooShort."""
    costs = _Costs(facts, pace, config)
    epochs = costs.epochs()
    stages = scale_stages(config.STAGES, epochs)
    step = sum(stage["epochs"] * pace.steps[stage["layers"]] for stage in stages)  # one in each epoch
    steps = int((costs.room - costs.besides(epochs)) // step)
    if steps * epochs < LEAST_STEPS:
        raise TooShort(costs.too_short(), _passes(max(steps, 0) * epochs, facts, config))
    return _plan(facts, config, costs, stages, steps)


def _plan(facts, config, costs, stages, steps):
    epochs = sum(stage["epochs"] for stage in stages)
    total, kept = steps * epochs, costs.compiling + costs.besides(epochs)
    passes = _passes(total, facts, config)
    speed = epochs / sum(stage["epochs"] * costs.pace.steps[stage["layers"]] for stage in stages)
    between = (
        f"{epochs} epoch{'s'[: epochs != 1]}, as validation, AP and saving take {costs.per_epoch:.1f} s each"
    )
    chosen = {"STAGES": Choice(stages, between)}
    chosen["STEPS_PER_EPOCH"] = Choice(
        steps,
        f"{facts.minutes:g} minutes at {speed:.3g} steps/s: {total:,} steps of {config.BATCH_SIZE} images = "
        f"{passes:.3g} passes over {facts.images:,} images; {facts.elapsed / 60:.1f} minutes have gone by, "
        f"and {kept / 60:.1f} are kept for compiling, validation, AP, saving and the report",
    )
    first = stages[0]["epochs"] * steps // config.GRADIENT_ACCUMULATION
    if first // 10 < config.WARMUP_STEPS:
        chosen["WARMUP_STEPS"] = Choice(first // 10, f"a tenth of the first stage's {first:,} updates")
    return Plan(chosen, passes)


def _passes(steps, facts, config):
    """Return how often so many steps pass over all images."""
    return steps / -(-facts.images // config.BATCH_SIZE)


class _Costs:
    """Seconds of what is no step, from a Facts, a Pace and a config."""

    def __init__(self, facts, pace, config):
        self.facts, self.pace, self.config = facts, pace, config
        self.per_ap = pace.ap_image * min(config.AP_IMAGES or facts.validated, facts.validated)
        self.validating = pace.validation_step * facts.batches + pace.saving
        self.per_epoch = self.validating + (self.per_ap / config.AP_EVERY if config.AP_EVERY else 0)
        self.compiling = self._compiling()
        self.room = 60 * facts.minutes * (1 - MARGIN) - facts.elapsed - self.compiling
        whole = sum(stage["epochs"] for stage in config.STAGES)
        self.step = sum(s["epochs"] * pace.steps[s["layers"]] for s in config.STAGES) / whole

    def _compiling(self):
        stages = sum(self.pace.compiling[stage["layers"]] for stage in self.config.STAGES)
        measured = self.pace.ap_start if self.config.AP_EVERY else 0
        return self.pace.building + stages + self.pace.validation_start + measured

    def epochs(self):
        """Return the number of epochs: the config's, or so few that work between them has a small share."""
        stages = self.config.STAGES
        room = max(self.room, 0)
        affordable = room * BETWEEN / self.per_epoch if self.per_epoch else math.inf
        filled = room / (self.step * LEAST_OF_EPOCH)
        most = sum(stage["epochs"] for stage in stages)
        return max(len(stages), int(min(most, affordable, filled)))

    def besides(self, epochs):
        """Return the seconds of the work between so many epochs, and of the page at the end."""
        due = sum(is_due(epoch, self.config.AP_EVERY, epochs) for epoch in range(1, epochs + 1))
        return epochs * self.validating + due * self.per_ap + self._report(several=due > 1)

    def _report(self, several):
        """Of the page: the best weights, which are watched, and if ``several`` were scored the last too."""
        if not (self.facts.reports and self.facts.validated):
            return 0.0
        images = self.pace.ap_image * min(REPORTED, self.facts.validated)
        return (1 + several) * self.pace.ap_start + (WATCHED + several) * images

    def too_short(self):
        """Return the sentence on minutes that are too few, with those that suffice."""
        besides = self.facts.elapsed + self.compiling + self.besides(len(self.config.STAGES))
        steps = LEAST_STEPS * self.step
        least = math.ceil((besides + steps) / (1 - MARGIN) / 6) / 10
        return (
            f"--minutes {self.facts.minutes:g} is too short: on this machine, measuring, compiling, "
            f"validation, AP and the report take {besides / 60:.1f}, and {LEAST_STEPS} steps "
            f"{steps / 60:.1f}; give {least:g} or more."
        )


def used_up(minutes):
    """Return the sentence on minutes that have gone by before the speed is known.

    The training compiles again what was compiled to measure, and so does the report.
    """
    return (
        f"--minutes {minutes:g} is too short: on this machine, compiling and a few steps to measure its "
        f"speed take longer; give {3 * minutes:g} or more."
    )


def smaller_side(passes, config):
    """Return the IMAGE_MAX_DIM at which as many minutes suffice for ten passes, or None if it may stay.

    passes: of a Plan. Time is taken to follow the number of pixels. Squares (IMAGE_RESIZE_MODE crop) stay,
    because they show no more than a part of an image, and so do tiles, and a side that the command line sets.
    """
    parts = config.IMAGE_RESIZE_MODE != "square" or config.TILE is not None
    if parts or config.source_of("IMAGE_MAX_DIM") == "--set" or passes >= LEAST_PASSES:
        return None
    side = math.floor(config.IMAGE_MAX_DIM * math.sqrt(passes / LEAST_PASSES) / 64) * 64
    side = max(side, LEAST_SIDE)
    return side if side < config.IMAGE_MAX_DIM else None


def sizes(side, passes, config, learned):
    """Return the Choices of smaller images: {setting: Choice}.

    side: the new IMAGE_MAX_DIM. passes: that the larger images would have had. learned: whether the first
    weights know anchors, whose sides then stay.
    """
    before = config.IMAGE_MAX_DIM
    reason = f"{passes:.2g} passes over the images at {before} px are fewer than {LEAST_PASSES}"
    found = {
        "IMAGE_MIN_DIM": Choice(min(config.IMAGE_MIN_DIM, side), f"at most {side}"),
        "IMAGE_MAX_DIM": Choice(side, reason),
    }
    if not learned:
        anchors = [max(1, round(scale * side / before)) for scale in config.RPN_ANCHOR_SCALES]
        found["RPN_ANCHOR_SCALES"] = Choice(anchors, "in proportion to the images")
    return found


def lines(chosen):
    """Return a line on each of some Choices."""
    return [f"{name} {_short(choice.value)}: {choice.reason}" for name, choice in chosen.items()]


def _short(value):
    """Return a value as text; stages as their layers and epochs."""
    if isinstance(value, tuple):
        return ", ".join(f"{stage['layers']} {stage['epochs']}" for stage in value)
    return str(value)
