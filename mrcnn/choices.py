"""The words that settings accept, and the commands' short forms of them."""

RESIZE_MODES = ("square", "pad64", "crop", "none")
FIXED_SIZE_MODES = ("square", "crop")  # the network's input has one size for all photographs
ROI_ALIGN = ("corner", "aligned")
MASK_TARGETS = ("corner", "aligned")
MASK_PASTES = ("matterport", "as_trained")
BOX_LOSSES = ("smooth_l1", "l1", "giou")
ROI_SAMPLING = ("uniform", "by_instance")
NMS_METHODS = ("hard", "soft_linear", "soft_gaussian")
OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("constant", "cosine", "steps")
WEIGHT_DECAY_KINDS = ("auto", "layerwise", "decoupled")
CLIP_BY = ("variable", "global")
COLOR_BY = ("auto", "class", "instance")
BEST_BY = ("loss", "mask_ap")
PRECISIONS = {"fp32": "float32", "bf16": "mixed_bfloat16", "fp16": "mixed_float16"}  # option: PRECISION

STAGE_KEYS = ("layers", "epochs", "learning_rate")
