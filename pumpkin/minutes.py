"""Fit a training to the minutes that it may take: measure, decide, and say what was decided and why."""

import time

from mrcnn.config import ConfigError
from mrcnn.screen import show
from mrcnn.training.stages import check_for_training
from pumpkin import budget

_SHARE = 0.03  # of the minutes, in which the steps of a stage are timed


def fit(config, minutes, begun, data, make, learned=False, reports=True, report=show):
    """Set the settings of a config that the minutes decide; return them as {setting: recipe.Choice}.

    begun: when the command began, by time.monotonic. data: the TrainingData. make: returns a MaskRCNN of the
    config with the initial weights. learned: whether those know anchors. reports: whether the training ends
    with a page. report: called with each line.
    Imports the backend. Raises ConfigError if the minutes are too few, and the errors of driver.train.
    """
    from mrcnn.training import pace

    def in_time():
        if time.monotonic() - begun > 60 * minutes:
            raise ConfigError(budget.used_up(minutes))

    def planned():
        report(f"Measuring the speed of this machine at {config.IMAGE_SHAPE[0]} px, for {minutes:g} minutes")
        measured = pace.measure(make, data, 60 * minutes * _SHARE, in_time)
        elapsed = time.monotonic() - begun
        return budget.plan(budget.Facts(minutes, elapsed, *_counts(data, config), reports), measured, config)

    chosen = {}
    try:
        plan = planned()
        passes, too_short = plan.passes, None
    except budget.TooShort as error:
        passes, too_short = error.passes, error
    side = budget.smaller_side(passes, config)
    if side is not None:
        chosen = budget.sizes(side, passes, config, learned)
        _set(config, chosen)
        plan = planned()
    elif too_short:
        raise too_short
    _set(config, plan.chosen)
    check_for_training(config)
    for line in budget.lines(chosen | plan.chosen):
        report(line)
    return chosen | plan.chosen


def _counts(data, config):
    """Return the numbers of images or tiles that train, of batches of a validation, and of images for AP."""
    training, validation = data.loaders(config, 0)
    batches = 0 if validation is None else len(validation)
    return len(training.dataset.image_ids), batches, 0 if data.val is None else data.val.num_images


def _set(config, chosen):
    config.update({name: choice.value for name, choice in chosen.items()}, source="--minutes")
