"""Config: every setting of the network and its training, under matterport's names.

A program subclasses ``Config`` and overrides class attributes; a YAML file overrides the same names
(``Config.from_yaml``). ``Config()`` computes the values derived from others: BATCH_SIZE, IMAGE_SHAPE and
IMAGE_META_SIZE. ``check`` reports all faults of the settings at once.
"""

import difflib
import re
import warnings

import numpy as np

from mrcnn import backbones, choices, image_meta
from mrcnn.files import YamlError, read_yaml
from mrcnn.rules import RULES
from mrcnn.settings import (
    ConfigError,
    Kind,
    Settings,
    either,
    entries,
    flag,
    number,
    or_none,
    setting,
    several,
    shown,
    text,
    whole,
    word,
)

__all__ = ["Config", "ConfigError", "np"]  # as matterport's module, this one hands NumPy on

_CHANNELS = whole(1, 65_536)
_BOXES = whole(1, 1_000_000)
_SHARE = number(0, 1)
_SIZE = number(above=0, most=65_536)  # in pixels
_PAIR = several(whole(1, 4096), 2)
_LEVELS = 5  # P2..P6
_FOUR_SCALES = several(number(above=0, most=1000), 4)
_FACTOR = number(0, 10**9)
# The losses of matterport's network. Whether a further name is that of a loss, the network knows.
_LOSSES = ("rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss")


def _is_file_name(name):
    return 0 < len(name) <= 100 and name not in (".", "..") and not re.search(r"[/\\\x00-\x1f\x7f]", name)


def _is_number_or_list(value):
    listed = several(number(-65_536, 65_536))
    return listed.accepts(value) or listed.accepts([value])


def _backbone():
    """Return the Kind of BACKBONE: a known name, or a program's own function."""
    usable = [name for name in backbones.BACKBONES if name not in backbones.WITHOUT_PYRAMID]
    own = [name for name in usable if not backbones.BACKBONES[name].extractor]

    def hint(value):
        if value in backbones.WITHOUT_PYRAMID:
            return "its maps do not have the strides 4, 8, 16 and 32"
        close = difflib.get_close_matches(value, usable, n=1) if isinstance(value, str) else []
        return f"the nearest known one is {close[0]}" if close else ""

    return Kind(
        f"{', '.join(own)}, a model of keras.applications such as MobileNetV2, "
        f"{backbones.OF_KERAS_HUB} and a preset, or a function",
        lambda value: (
            callable(value)
            or (isinstance(value, str) and value in usable)
            or backbones.preset_of(value) is not None
        ),
        hint,
    )


def _is_preset(value):
    return isinstance(value, dict) and sorted(value) == sorted(backbones.OF_PRESET)


def stage_fault(stage):
    """Return what is wrong with one of STAGES, or None."""
    if not isinstance(stage, dict) or set(stage) != set(choices.STAGE_KEYS):
        return f"expected {{{', '.join(choices.STAGE_KEYS)}}}, got {shown(stage)}"
    for key, kind in _STAGE_KINDS.items():
        fault = kind.fault(stage[key])
        if fault:
            return f"{key} {fault}"
    return None


def _is_regex(layers):
    try:
        return layers in backbones.WORDS or bool(re.compile(layers))
    except (re.error, OverflowError, RecursionError):
        return False


_STAGE_KINDS = {
    "layers": text(f"{', '.join(backbones.WORDS)} or a regular expression of layer names", _is_regex),
    "epochs": whole(1, 1_000_000),
    "learning_rate": number(above=0, most=1e38),  # of float32
}


def _stages():
    """Return the Kind of STAGES: one or more stages; the fault names the first wrong one."""

    def accepts(value):
        return isinstance(value, (list, tuple)) and len(value) > 0 and not any(map(stage_fault, value))

    def hint(value):
        if not isinstance(value, (list, tuple)):
            return "it is written [{layers: all, epochs: 1, learning_rate: 0.001}]"
        faults = ((number, stage_fault(stage)) for number, stage in enumerate(value, start=1))
        return next((f"stage {number}: {fault}" for number, fault in faults if fault), "")

    return Kind("a list of one or more {layers, epochs, learning_rate}", accepts, hint)


class Config(Settings):
    """The settings of one model. Subclass it and override the settings that differ.

    A subclass may declare further names. A name that is similar but not equal to a known one
    ("IMAGE_MAX_DIMENSION") causes a warning, because it was probably meant to override that one.
    """

    # --- The run --------------------------------------------------------------------------------
    NAME = setting(
        None,
        or_none(text("text that can be a file's name, up to 100 characters", _is_file_name)),
        "the name of the run's folder and checkpoints",
    )
    SEED = setting(0, whole(0, 2**31 - 2), "seed of all randomness in a run")
    GPU_COUNT = setting(1, whole(1, 1024), "devices that share a batch")
    IMAGES_PER_GPU = setting(2, whole(1, 4096), "2 images of 1024 px fit in 12 GB")
    STEPS_PER_EPOCH = setting(1000, or_none(whole(1, 10**9), "each training image once"), "batches per epoch")
    VALIDATION_STEPS = setting(
        50, or_none(whole(0, 10**9), "each validation image once"), "batches per validation; 0: no validation"
    )
    PRECISION = setting(
        "float32",
        word(*choices.PRECISIONS.values()),
        "16-bit numbers need half the memory; weights keep 32 bits",
    )
    WORKERS = setting(
        None,
        or_none(whole(0, 256), "one per processor core, from 2 to 16"),
        "threads that prepare batches; they do not affect results",
    )
    CACHE_GB = setting(
        2.0,
        number(0, 100_000),
        "10^9 bytes of memory that keep decoded images between epochs; they do not affect results",
    )
    CHECKPOINT_MINUTES = setting(
        10.0, number(0, 1_000_000), "minutes between saved states within an epoch; 0: after each step"
    )

    # --- Backbone and pyramid -------------------------------------------------------------------
    BACKBONE = setting(
        "resnet101",
        _backbone(),
        "a function takes an image tensor and returns C2..C5 or C1..C5",
    )
    BACKBONE_WEIGHTS = setting(
        None,
        or_none(text("the path of a weights file")),
        "only for a backbone of keras.applications or keras_hub",
    )
    BACKBONE_PRESET = setting(
        None,
        or_none(either(f"a mapping of {', '.join(backbones.OF_PRESET)}", _is_preset)),
        "what the preset of keras-hub in BACKBONE says; the run fills it in, and its network is then built "
        "without the preset",
    )
    COMPUTE_BACKBONE_SHAPE = setting(
        None,
        or_none(either("a function of the image's shape", callable)),
        "with a function as BACKBONE: image shape -> [levels, (height, width)]",
    )
    BACKBONE_STRIDES = setting(
        [4, 8, 16, 32, 64], several(whole(1, 1024), _LEVELS), "pixels per cell of P2..P6"
    )
    TOP_DOWN_PYRAMID_SIZE = setting(256, _CHANNELS, "channels of P2..P6")
    TRAIN_BN = setting(
        False,
        or_none(flag(), "as in Keras: batch statistics in training, stored ones in inference"),
        "False always uses the stored statistics of batch norm, True always those of the batch",
    )

    # --- Region proposal network ----------------------------------------------------------------
    RPN_CHANNELS = setting(
        512, _CHANNELS, "channels of the shared 3x3 convolution; matterport's weights have 512"
    )
    RPN_ANCHOR_SCALES = setting(
        (32, 64, 128, 256, 512),
        several(_SIZE, _LEVELS),
        "side of the anchors in pixels, for each of P2..P6",
    )
    RPN_ANCHOR_RATIOS = setting(
        [0.5, 1, 2], several(number(above=0, most=1000)), "width / height of the anchors"
    )
    RPN_ANCHOR_STRIDE = setting(1, whole(1, 64), "2: anchors on every second cell")
    RPN_NMS_THRESHOLD = setting(0.7, _SHARE, "IoU above which a proposal is suppressed; higher keeps more")
    RPN_TRAIN_ANCHORS_PER_IMAGE = setting(256, _BOXES, "anchors that enter the RPN losses")
    RPN_BBOX_STD_DEV = setting(
        np.array([0.1, 0.1, 0.2, 0.2]), _FOUR_SCALES, "scales the RPN's deltas to about unit variance"
    )
    PRE_NMS_LIMIT = setting(6000, _BOXES, "anchors with the highest scores that enter NMS")
    POST_NMS_ROIS_TRAINING = setting(2000, _BOXES, "proposals per image in training")
    POST_NMS_ROIS_INFERENCE = setting(1000, _BOXES, "proposals per image in inference")
    USE_RPN_ROIS = setting(True, flag(), "False: the program supplies the ROIs that train the heads")

    # --- Images ---------------------------------------------------------------------------------
    IMAGE_RESIZE_MODE = setting(
        "square",
        word(*choices.RESIZE_MODES),
        "square scales, then pads to IMAGE_MAX_DIM; pad64 pads to multiples of 64; crop takes a random "
        "square of side IMAGE_MIN_DIM; none keeps the image, whose sides must be multiples of 64. Training "
        "needs images of one size: square or crop",
    )
    IMAGE_MIN_DIM = setting(
        800, or_none(whole(0, 65_536), "as 0"), "a shorter side below this is enlarged to it; 0: never"
    )
    IMAGE_MAX_DIM = setting(1024, whole(64, 65_536), "side of the network's square input in pixels")
    IMAGE_MIN_SCALE = setting(
        0.0, or_none(number(0, 1000), "off"), "smallest scale, whatever IMAGE_MIN_DIM says; 0: off"
    )
    TILE = setting(
        None,
        or_none(whole(32, 65_536), "whole images"),
        "side in pixels of the tiles, at full resolution, that training sees and detection cuts images into",
    )
    IMAGE_CHANNEL_COUNT = setting(3, whole(1, 1024), "channels of an image")
    MEAN_PIXEL = setting(
        np.array([123.7, 116.8, 103.9]),
        either("a list of numbers from -65,536 to 65,536, one for each channel", _is_number_or_list),
        "subtracted from each image; the default is COCO's RGB mean",
    )

    # --- Heads ----------------------------------------------------------------------------------
    NUM_CLASSES = setting(1, whole(1, 1_000_000), "number of classes, background included")
    FPN_CLASSIF_FC_LAYERS_SIZE = setting(1024, _CHANNELS, "channels of the box head's two layers")
    MASK_HEAD_CHANNELS = setting(256, _CHANNELS, "channels of the mask head; matterport's weights have 256")
    ROI_ALIGN = setting(
        "corner",
        word(*choices.ROI_ALIGN),
        "corner: matterport's crop with samples on the box's corners, which its weights were trained with; "
        "aligned: ROIAlign as published (He et al. 2017), with half-pixel offset and averaged bins",
    )
    POOL_SIZE = setting(7, whole(1, 64), "cells per side of an ROI in the box head")
    MASK_POOL_SIZE = setting(14, whole(1, 256), "cells per side of an ROI in the mask head")
    MASK_SHAPE = setting(
        [28, 28], several(whole(1, 512), 2), "height and width of a mask: twice MASK_POOL_SIZE"
    )
    TRAIN_ROIS_PER_IMAGE = setting(
        200, _BOXES, "ROIs that enter the heads' losses; the RPN rarely proposes enough good ones for the "
        "paper's 512"
    )  # fmt: skip
    ROI_POSITIVE_RATIO = setting(0.33, number(above=0, most=1), "share of positives among these ROIs")
    ROI_SAMPLING = setting(
        "uniform",
        word(*choices.ROI_SAMPLING),
        "uniform samples positive ROIs from all proposals alike; by_instance samples equally many for each "
        "instance and adds its gt box to the proposals (Pang et al. 2019), for mutually hidden ones",
    )
    BBOX_STD_DEV = setting(
        np.array([0.1, 0.1, 0.2, 0.2]), _FOUR_SCALES, "like RPN_BBOX_STD_DEV, for the box head"
    )
    USE_MINI_MASK = setting(
        True, flag(), "store gt masks as small crops of their boxes, to save memory and transfers"
    )
    MINI_MASK_SHAPE = setting((56, 56), _PAIR, "height and width of a mini-mask")
    MASK_TARGET = setting(
        "corner",
        word(*choices.MASK_TARGETS),
        "the mask that the network learns for an ROI. corner: matterport's, sampled from edge to edge of the "
        "ROI and rounded; aligned: each cell holds the share of it that the instance covers, in the frame of "
        "ROI_ALIGN aligned. docs/geometry.md compares them",
    )
    MASK_PASTE = setting(
        "matterport",
        word(*choices.MASK_PASTES),
        "how detections are mapped to the photograph. matterport: as in its code, which makes masks about "
        "1.5 % of the side too small at every edge; as_trained: masks where their samples were taken in "
        "training, by the MASK_TARGET that the weights file names, in boxes that are not rounded to pixels",
    )
    MAX_GT_INSTANCES = setting(100, whole(1, 100_000), "gt is padded to this number")

    # --- Detections -----------------------------------------------------------------------------
    DETECTION_MAX_INSTANCES = setting(100, whole(1, 100_000), "maximum number of detections per image")
    DETECTION_MIN_CONFIDENCE = setting(0.7, _SHARE, "detections with lower scores are dropped")
    DETECTION_BACKGROUND_WINS = setting(
        True,
        flag(),
        "drop an ROI whose most probable class is background, however low DETECTION_MIN_CONFIDENCE is, as in "
        "matterport's code; False: its best other class counts if its score is high enough",
    )
    DETECTION_NMS_THRESHOLD = setting(0.3, _SHARE, "IoU above which hard and soft_linear apply")
    DETECTION_NMS = setting(
        "hard",
        word(*choices.NMS_METHODS),
        "hard drops a box whose IoU with a better one of its class exceeds DETECTION_NMS_THRESHOLD; "
        "soft_linear lowers its score by the IoU instead; soft_gaussian lowers that of every overlapping box "
        "(Bodla et al. 2017). A box is dropped if its score falls below DETECTION_MIN_CONFIDENCE",
    )
    DETECTION_NMS_SIGMA = setting(
        0.5, number(above=0, most=1000), "sigma of soft_gaussian; smaller is stricter"
    )

    # --- Training -------------------------------------------------------------------------------
    LEARNING_RATE = setting(
        0.001,
        number(0, 1000),
        "for programs that pass it to MaskRCNN.train; commands use the rates of STAGES. With clipping per "
        "variable, the paper's 0.02 makes weights diverge",
    )
    LEARNING_MOMENTUM = setting(0.9, _SHARE, "momentum of sgd")
    WEIGHT_DECAY = setting(0.0001, number(0, 1000), "see WEIGHT_DECAY_KIND")
    WEIGHT_DECAY_KIND = setting(
        "auto",
        word(*choices.WEIGHT_DECAY_KINDS),
        "layerwise: an L2 loss, with each weight's term divided by its size, as in matterport's code; "
        "decoupled: the optimiser shrinks weights itself (Loshchilov and Hutter 2019), which needs a larger "
        "WEIGHT_DECAY (0.05); auto: layerwise with sgd, decoupled with adamw",
    )
    GRADIENT_CLIP_NORM = setting(
        5.0, or_none(number(0, 10**9), "never, as 0"), "a longer gradient is scaled to this norm"
    )
    GRADIENT_CLIP_BY = setting(
        "variable",
        word(*choices.CLIP_BY),
        "variable: clip each gradient's norm; global: that of all together",
    )
    GRADIENT_ACCUMULATION = setting(
        1,
        whole(1, 1_000_000),
        "batches whose mean gradient makes one update, like a larger batch but in the memory of one; batches "
        "left over at the end of a stage make no update",
    )
    EMA_MOMENTUM = setting(
        0.0,
        number(0, below=1),
        "momentum of a running average of the weights; 0.999 averages about the last thousand updates. "
        "Validation, AP and checkpoints then use the averages; 0: no averages",
    )
    OPTIMIZER = setting("sgd", word(*choices.OPTIMIZERS), "matterport uses sgd")
    LEARNING_RATE_SCHEDULE = setting(
        "constant",
        word(*choices.SCHEDULES),
        "cosine falls to zero at the end of each stage; steps multiplies the rate by LEARNING_RATE_FACTOR at "
        "each of LEARNING_RATE_MILESTONES",
    )
    LEARNING_RATE_MILESTONES = setting(
        (0.67, 0.89),
        several(number(above=0, below=1)),
        "shares of a stage after which steps changes the rate",
    )
    LEARNING_RATE_FACTOR = setting(0.1, number(above=0, most=1000), "factor of the schedule steps")
    WARMUP_STEPS = setting(
        0, whole(0, 10**9), "updates in the first stage over which the learning rate rises from zero"
    )
    STAGES = setting(
        ({"layers": "all", "epochs": 1, "learning_rate": 0.001},),
        _stages(),
        "the stages of a run, in order. epochs: of this stage alone. layers: heads, 3+, 4+, 5+, all, or a "
        "regular expression of the names of the layers to train; the others are frozen",
    )
    AP_EVERY = setting(
        0, whole(0, 1_000_000), "epochs between measurements of COCO AP on the validation images; 0: none"
    )
    AP_IMAGES = setting(
        None,
        or_none(whole(1, 10**9), "all"),
        "validation images on which AP is measured during training, evenly spread over all of them",
    )
    BEST_BY = setting(
        "loss", word(*choices.BEST_BY), "the validation result that determines the best checkpoint"
    )
    PATIENCE = setting(
        0, whole(0, 1_000_000), "epochs without a new best after which the last stage ends; 0: never early"
    )
    AUGMENTATION = setting(
        "none",
        either("a preset's name or a mapping", lambda value: isinstance(value, (str, dict))),
        "a preset of pipeline/augmentations.yaml: none, light (flips, small changes of scale and colour), "
        "strong (also crops, rotations, blur and instances pasted from other images), clumps (instances "
        "pasted against others) and more; or a mapping: {preset: strong, rotation: 45}",
    )
    BOX_LOSS = setting(
        "smooth_l1",
        word(*choices.BOX_LOSSES),
        "loss of the box head's deltas, and of the RPN's unless RPN_BOX_LOSS says otherwise. smooth_l1: "
        "quadratic below BOX_LOSS_BETA, linear above; l1: linear; giou: 1 - generalised IoU of the boxes "
        "(Rezatofighi et al. 2019)",
    )
    BOX_LOSS_BETA = setting(
        1.0,
        number(above=0, most=1000),
        "where smooth_l1 becomes linear, in units of BBOX_STD_DEV; a small value, such as 0.111, gives small "
        "errors more weight",
    )
    RPN_BOX_LOSS = setting(
        None, or_none(word(*choices.BOX_LOSSES), "that of BOX_LOSS"), "like BOX_LOSS, for the RPN"
    )
    RPN_BOX_LOSS_BETA = setting(
        None, or_none(number(above=0, most=1000), "that of BOX_LOSS_BETA"), "like BOX_LOSS_BETA, for the RPN"
    )
    LOSS_WEIGHTS = setting(
        dict.fromkeys(_LOSSES, 1.0),
        entries(
            dict.fromkeys(_LOSSES, _FACTOR), further=lambda name: _FACTOR if name.endswith("_loss") else None
        ),
        "factors of the losses; a loss of your own weighs 1 unless its name is here",
    )

    rules = RULES
    no_effect = ("WORKERS", "CACHE_GB", "CHECKPOINT_MINUTES")  # settings without effect on results

    def __init__(self):
        self._warn_of_near_misses()
        if any(spec.kind.fault(getattr(self, name)) for name, spec in self.specs().items()):
            self.check()  # derived values cannot be computed from wrong ones
        self._compute_derived()

    @classmethod
    def from_yaml(cls, path, **overrides):
        """Create a config with the values of a flat YAML file, then ``overrides``.

        Raises ConfigError with all faults at once: unknown names with the nearest known one, values of
        another kind, and settings that contradict each other.
        """
        return cls.of((read_settings(path), str(path)), (overrides, "overrides"))

    @classmethod
    def of(cls, *layers, found=None, check=None):
        """Create a config from layers of (values, source); later layers override earlier ones.

        values: a dict of NAME to value. source: their origin, for messages. found: sentences on settings that
        are already known to be wrong, by name. check: a function of the config and such a dict that replaces
        Config.check.
        Raises ConfigError with all faults at once.
        """
        config = cls()
        found = dict(found or {})
        for values, source in layers:
            found |= config.take(values, source)
        config._compute_derived()
        (check or cls.check)(config, found)
        return config

    def update(self, values, source="update"):
        """Set several names at once and recompute the derived values.

        values: a dict of NAME to value. source: their origin, for the error message.
        Raises ConfigError for unknown names and values of another kind; ``check`` finds contradictions.
        """
        found = self.take(values, source)
        if found:
            raise ConfigError(*found.values())
        self._compute_derived()

    def to_dict(self):
        """Return every setting and derived value, by name."""
        found = {name for name in [*self.names(), *vars(self)] if name.isupper()}
        return {name: getattr(self, name) for name in sorted(found)}

    def to_plain(self):
        """Return the settings, without derived values, as plain numbers, strings, lists and dicts."""
        return {name: _plain(getattr(self, name)) for name in self.names()}

    def display(self):
        """Print every value on its own line."""
        print("\nConfigurations:")
        for name, value in self.to_dict().items():
            print(f"{name:30} {value}")
        print()

    @classmethod
    def table(cls):
        """Return a Markdown table of every setting: name, default, allowed values, reason."""
        rows = ["| Setting | Default | Allowed | Why |", "|---|---|---|---|"]
        for name, spec in cls.specs().items():
            default = shown(getattr(cls, name))
            rows.append(f"| {name} | `{default}` | {spec.kind.allowed} | {spec.reason} |")
        return "\n".join(rows)

    def _compute_derived(self):
        self._settle()
        self.BATCH_SIZE = self.IMAGES_PER_GPU * self.GPU_COUNT
        side = self.IMAGE_MIN_DIM if self.IMAGE_RESIZE_MODE == "crop" else self.IMAGE_MAX_DIM
        self.IMAGE_SHAPE = np.array([side, side, self.IMAGE_CHANNEL_COUNT])
        self.IMAGE_META_SIZE = image_meta.size(self.NUM_CLASSES)

    def _warn_of_near_misses(self):
        known = self.specs()
        own = {name for base in type(self).__mro__ for name in vars(base) if name.isupper()}
        for name in sorted(own - set(known)):
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.87)
            if close:
                warnings.warn(
                    f"{type(self).__name__}.{name} is not a known setting; did you mean {close[0]}?",
                    stacklevel=3,
                )


def read_settings(path):
    """Read a YAML file of settings: a dict of NAME to value. Raises ConfigError."""
    try:
        values = read_yaml(path)
    except YamlError as error:
        raise ConfigError(str(error)) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected lines of NAME: value, got a {type(values).__name__}.")
    return values


def _plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    # Name a program's own function: repr contains its address, which differs between processes.
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else repr(value)
