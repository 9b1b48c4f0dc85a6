"""How settings fit together: a function for each rule, which returns a sentence where a config breaks it.

``about`` names the settings that a rule reads. A rule is skipped while one of these is wrong by itself.
"""

import numpy as np

from mrcnn import backbones
from mrcnn.settings import about, shown


def _two_multiples(value):
    """Name the multiples of 64 nearest to a number."""
    low, high = value // 64 * 64, -(-value // 64) * 64
    return f"the nearest are {low} and {high}" if low else f"the nearest is {high}"


@about("IMAGE_MAX_DIM")
def _whole_cells_of_p6(config):
    if config.IMAGE_MAX_DIM % 64:
        return (
            f"IMAGE_MAX_DIM must be a multiple of 64, the stride of P6, got {config.IMAGE_MAX_DIM}; "
            f"{_two_multiples(config.IMAGE_MAX_DIM)}."
        )


@about("IMAGE_MIN_DIM", "IMAGE_RESIZE_MODE")
def _whole_cells_of_crops(config):
    mode, side = config.IMAGE_RESIZE_MODE, config.IMAGE_MIN_DIM or 0
    if mode == "crop" and not side:
        return f"IMAGE_RESIZE_MODE crop needs IMAGE_MIN_DIM, the side of its squares, got {side}."
    if mode in ("crop", "pad64") and side % 64:
        return (
            f"IMAGE_MIN_DIM must be a multiple of 64 with IMAGE_RESIZE_MODE {mode}, got {side}; "
            f"{_two_multiples(side)}."
        )


@about("IMAGE_MIN_DIM", "IMAGE_MAX_DIM", "IMAGE_RESIZE_MODE")
def _sides_in_order(config):
    # If a program sets only IMAGE_MAX_DIM, the default of IMAGE_MIN_DIM may exceed it.
    least, most = config.IMAGE_MIN_DIM or 0, config.IMAGE_MAX_DIM
    if (
        least > most
        and least != config.specs()["IMAGE_MIN_DIM"].default
        and config.IMAGE_RESIZE_MODE != "none"
    ):
        return f"IMAGE_MIN_DIM must be at most IMAGE_MAX_DIM, which is {most}, got {least}."


@about("MEAN_PIXEL", "IMAGE_CHANNEL_COUNT")
def _a_mean_for_each_channel(config):
    channels = config.IMAGE_CHANNEL_COUNT
    if np.size(config.MEAN_PIXEL) != channels:
        return (
            f"MEAN_PIXEL must have a number for each channel, {channels} by IMAGE_CHANNEL_COUNT, got "
            f"{shown(config.MEAN_PIXEL)}."
        )


@about("MASK_SHAPE", "MASK_POOL_SIZE")
def _masks_of_the_mask_head(config):
    side = 2 * config.MASK_POOL_SIZE
    if list(config.MASK_SHAPE) != [side, side]:
        return (
            f"MASK_SHAPE must be [{side}, {side}], twice MASK_POOL_SIZE, which is {config.MASK_POOL_SIZE}, "
            f"got {shown(list(config.MASK_SHAPE))}."
        )


@about("ROI_POSITIVE_RATIO", "TRAIN_ROIS_PER_IMAGE")
def _room_for_positives(config):
    rois, ratio = config.TRAIN_ROIS_PER_IMAGE, config.ROI_POSITIVE_RATIO
    if int(rois * ratio) < 1:
        return (
            f"TRAIN_ROIS_PER_IMAGE times ROI_POSITIVE_RATIO must be 1 or more, got {rois} times {ratio}; "
            "without positives the heads learn nothing."
        )


@about("BEST_BY", "AP_EVERY")
def _ap_to_be_best_by(config):
    if config.BEST_BY == "mask_ap" and not config.AP_EVERY:
        return "BEST_BY mask_ap needs AP_EVERY 1 or more, got 0."


def stages_misfit(stages, backbone):
    """Return a sentence on a stage whose ``layers`` the setting BACKBONE lacks, or None."""
    for count, stage in enumerate(stages, start=1):
        try:
            backbones.layers_regex(stage["layers"], backbone)
        except backbones.BackboneError as error:
            return f"STAGES, stage {count}: {error}"
    return None


@about("STAGES", "BACKBONE")
def _stages_of_the_backbone(config):
    return stages_misfit(config.STAGES, config.BACKBONE)


@about("BACKBONE_STRIDES", "BACKBONE")
def _strides_of_the_backbone(config):
    usual = config.specs()["BACKBONE_STRIDES"].default
    if list(config.BACKBONE_STRIDES) != usual and not callable(config.BACKBONE):
        return (
            f"BACKBONE_STRIDES must be {usual} with the backbone {config.BACKBONE}, got "
            f"{shown(list(config.BACKBONE_STRIDES))}."
        )


@about("IMAGE_CHANNEL_COUNT", "BACKBONE")
def _channels_of_the_backbone(config):
    if config.IMAGE_CHANNEL_COUNT != 3 and backbones.find(config.BACKBONE).extractor:
        return (
            f"IMAGE_CHANNEL_COUNT must be 3 with {shown(config.BACKBONE)}, from another library, got "
            f"{config.IMAGE_CHANNEL_COUNT}."
        )


@about("BACKBONE_WEIGHTS", "BACKBONE")
def _weights_for_a_backbone_alone(config):
    if config.BACKBONE_WEIGHTS and not backbones.find(config.BACKBONE).extractor:
        return (
            f"BACKBONE_WEIGHTS is for backbones of other libraries, not for {shown(config.BACKBONE)}, got "
            f"{shown(config.BACKBONE_WEIGHTS)}; to start from a whole network, load its file instead."
        )


RULES = (
    _stages_of_the_backbone,
    _strides_of_the_backbone,
    _channels_of_the_backbone,
    _weights_for_a_backbone_alone,
    _whole_cells_of_p6,
    _whole_cells_of_crops,
    _sides_in_order,
    _a_mean_for_each_channel,
    _masks_of_the_mask_head,
    _room_for_positives,
    _ap_to_be_best_by,
)
