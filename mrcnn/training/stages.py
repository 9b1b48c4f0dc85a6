"""The stages of a run: checks and arithmetic that need no tensor backend."""

from mrcnn import choices
from mrcnn.config import Config, ConfigError
from mrcnn.pipeline.augment import augmentation_of
from mrcnn.rules import stages_misfit
from mrcnn.settings import shown


def check_for_training(config, found=None):
    """Raise ConfigError with all faults of a config for the commands, which train by its STAGES.

    Beyond Config.check, it checks AUGMENTATION, and that images have one size, which a program may ensure by
    other means. found: sentences on settings already known to be wrong, by name.
    """
    found = dict(found or {})
    wanted, mode = config.AUGMENTATION, config.IMAGE_RESIZE_MODE
    try:
        augmentation_of(wanted)
    except ValueError as error:
        reason = str(error).removeprefix("augmentation: ")
        source = config.source_of("AUGMENTATION")
        found["AUGMENTATION"] = f"{source}: AUGMENTATION cannot be {shown(wanted)}: {reason}"
    if mode not in choices.FIXED_SIZE_MODES:
        found["IMAGE_RESIZE_MODE"] = (
            f"{config.source_of('IMAGE_RESIZE_MODE')}: IMAGE_RESIZE_MODE must be "
            f"{' or '.join(choices.FIXED_SIZE_MODES)} in training, which needs images of one size, got "
            f"{mode!r}."
        )
    config.check(found)


def check_stages(stages, backbone):
    """Raise ConfigError, naming the stage, for stages that cannot be trained with the setting BACKBONE."""
    fault = Config.specs()["STAGES"].kind.fault(stages)
    sentence = f"STAGES {fault}." if fault else stages_misfit(stages, backbone)
    if sentence:
        raise ConfigError(sentence)


def scale_stages(stages, epochs):
    """Scale the stages' epochs in proportion to ``epochs`` in total, with at least one each."""
    count = len(stages)
    if epochs < count:
        raise ConfigError(
            f"{epochs} epochs are too few: the config has {count} stage{'s'[: count != 1]}, and each needs "
            "one."
        )
    total = sum(stage["epochs"] for stage in stages)
    scaled, begun, done = [], 0, 0
    for number, stage in enumerate(stages, start=1):
        begun += stage["epochs"]
        # Where the stage should end, with at least one epoch for it and for each later stage.
        end = min(max(round(epochs * begun / total), done + 1), epochs - (count - number))
        scaled.append({**stage, "epochs": end - done})
        done = end
    return tuple(scaled)


def extend_stages(stages, epochs):
    """Extend the last stage, so that the stages have ``epochs`` in total.

    Raises ConfigError for fewer epochs than the stages have.
    """
    total = sum(stage["epochs"] for stage in stages)
    if epochs < total:
        raise ConfigError(
            f"{epochs} epochs are fewer than the run has ({total}); a run can only be extended."
        )
    *before, last = stages
    return (*before, {**last, "epochs": last["epochs"] + epochs - total})


def is_due(done, every, epochs):
    """Return whether AP is due after ``done`` of ``epochs`` epochs, if measured every ``every``; 0: never."""
    return bool(every) and (done % every == 0 or done == epochs)
