"""What is trained in each stage of a run: checks and arithmetic, before any tensor backend is imported."""

from mrcnn import choices
from mrcnn.config import Config, ConfigError, stages_misfit
from mrcnn.pipeline.augment import augmentation_of
from mrcnn.settings import shown


def check_for_training(config, found=None):
    """Raise ConfigError with all that is wrong with a config of the commands, which train by its STAGES.

    Beyond Config.check: AUGMENTATION, and images of one size, which a program may have seen to itself.
    found: sentences on settings that are known to be wrong, by name.
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
