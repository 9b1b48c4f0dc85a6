"""Config: every knob of the network and its training, under matterport's names.

A program subclasses ``Config`` and overrides class attributes; a YAML file overrides the same names
(``Config.from_yaml``). ``Config()`` computes what follows from the others: BATCH_SIZE, IMAGE_SHAPE and
IMAGE_META_SIZE.
"""

import difflib
import warnings
from pathlib import Path

import numpy as np
import yaml


class ConfigError(ValueError):
    """A config holds a name or a value that cannot be used."""


class Config:
    """Settings of one model; subclass it and override what differs.

    Names that a subclass declares for itself are kept. A name that is close to a known one but not
    equal to it ("IMAGE_MAX_DIMENSION") warns, because it was probably meant to override.
    """

    # --- The run --------------------------------------------------------------------------------
    NAME = None  # names the run's folder and checkpoints
    SEED = 0  # all randomness of a run comes from here
    GPU_COUNT = 1  # devices to share a batch
    IMAGES_PER_GPU = 2  # 2 images of 1024 px fit in 12 GB
    STEPS_PER_EPOCH = 1000  # None: as many as show every training image once
    VALIDATION_STEPS = 50  # None: as many as show every validation image once; 0: no validation
    PRECISION = "float32"  # or "mixed_bfloat16", "mixed_float16"
    WORKERS = 2  # threads that prepare batches; results do not depend on it
    CHECKPOINT_MINUTES = 10.0  # within an epoch, the whole state is saved this often; 0: at each step

    # --- Backbone and pyramid -------------------------------------------------------------------
    # "resnet50", "resnet101", "light", the name of a keras.applications model ("MobileNetV2"), or
    # a callable that takes an image tensor and returns C2..C5 or C1..C5.
    BACKBONE = "resnet101"
    BACKBONE_WEIGHTS = None  # a weights file for a keras.applications backbone alone
    COMPUTE_BACKBONE_SHAPE = None  # with a callable BACKBONE: image shape -> [levels, (height, width)]
    BACKBONE_STRIDES = [4, 8, 16, 32, 64]  # pixels a cell of P2..P6
    TOP_DOWN_PYRAMID_SIZE = 256  # channels of P2..P6
    TRAIN_BN = False  # False: stored statistics; None: Keras's way; True: batch statistics always

    # --- Region proposal network ----------------------------------------------------------------
    RPN_CHANNELS = 512  # of the shared 3x3 convolution; matterport's weights have 512
    RPN_ANCHOR_SCALES = (32, 64, 128, 256, 512)  # side in pixels, one for each of P2..P6
    RPN_ANCHOR_RATIOS = [0.5, 1, 2]  # width / height
    RPN_ANCHOR_STRIDE = 1  # 2: anchors on every second cell
    RPN_NMS_THRESHOLD = 0.7  # higher lets more proposals through
    RPN_TRAIN_ANCHORS_PER_IMAGE = 256  # anchors that enter the RPN losses
    RPN_BBOX_STD_DEV = np.array([0.1, 0.1, 0.2, 0.2])  # scales deltas to about unit variance
    PRE_NMS_LIMIT = 6000  # anchors that enter NMS
    POST_NMS_ROIS_TRAINING = 2000
    POST_NMS_ROIS_INFERENCE = 1000
    USE_RPN_ROIS = True  # False: the program supplies the ROIs to train the heads on

    # --- Images ---------------------------------------------------------------------------------
    # "square": scale, then pad to IMAGE_MAX_DIM; "pad64": pad to multiples of 64; "crop": a random
    # square of IMAGE_MIN_DIM; "none": as it is, sides must be multiples of 64.
    IMAGE_RESIZE_MODE = "square"
    IMAGE_MIN_DIM = 800
    IMAGE_MAX_DIM = 1024
    IMAGE_MIN_SCALE = 0.0  # 2: enlarge at least twice, whatever IMAGE_MIN_DIM says; 0: off
    IMAGE_CHANNEL_COUNT = 3
    MEAN_PIXEL = np.array([123.7, 116.8, 103.9])  # RGB mean of COCO, subtracted from each image

    # --- Heads ----------------------------------------------------------------------------------
    NUM_CLASSES = 1  # with the background
    FPN_CLASSIF_FC_LAYERS_SIZE = 1024
    MASK_HEAD_CHANNELS = 256  # matterport's weights have 256
    # "corner": matterport's crop with samples on the box's corners, which its weights were trained
    # with. "aligned": ROIAlign as published (He et al. 2017), half-pixel, averaged bins.
    ROI_ALIGN = "corner"
    POOL_SIZE = 7
    MASK_POOL_SIZE = 14
    MASK_SHAPE = [28, 28]
    TRAIN_ROIS_PER_IMAGE = 200  # the paper has 512; the RPN rarely yields so many good ones
    ROI_POSITIVE_RATIO = 0.33
    # "uniform" draws the positive ROIs from all proposals alike. "by_instance" draws as many for each
    # instance, with its own box among the proposals (Pang et al. 2019): for things that hide each other.
    ROI_SAMPLING = "uniform"
    BBOX_STD_DEV = np.array([0.1, 0.1, 0.2, 0.2])
    USE_MINI_MASK = True  # keep gt masks as small crops of their boxes: less memory and traffic
    MINI_MASK_SHAPE = (56, 56)
    MAX_GT_INSTANCES = 100  # gt is padded to this number

    # --- Detections -----------------------------------------------------------------------------
    DETECTION_MAX_INSTANCES = 100
    DETECTION_MIN_CONFIDENCE = 0.7
    # Whether an ROI that is background more than any class is dropped however low DETECTION_MIN_CONFIDENCE
    # is, as in matterport's code. False: what is sure enough of its best class counts.
    DETECTION_BACKGROUND_WINS = True
    DETECTION_NMS_THRESHOLD = 0.3
    # "hard" drops a box that overlaps a better one of its class by more than DETECTION_NMS_THRESHOLD.
    # "soft_linear" lowers its score by the IoU instead, "soft_gaussian" that of every box that overlaps a
    # better one (Bodla et al. 2017); it is dropped where that falls below DETECTION_MIN_CONFIDENCE.
    DETECTION_NMS = "hard"
    DETECTION_NMS_SIGMA = 0.5  # of "soft_gaussian": smaller is stricter

    # --- Training -------------------------------------------------------------------------------
    LEARNING_RATE = 0.001  # 0.02 as in the paper makes weights explode with per-variable clipping
    LEARNING_MOMENTUM = 0.9
    WEIGHT_DECAY = 0.0001
    # "layerwise": an L2 loss, each weight's divided by its size, as matterport's code had it.
    # "decoupled": the optimiser shrinks weights itself (Loshchilov and Hutter 2019), which wants a larger
    # WEIGHT_DECAY (0.05). "auto": layerwise with sgd, decoupled with adamw.
    WEIGHT_DECAY_KIND = "auto"
    GRADIENT_CLIP_NORM = 5.0  # a longer gradient is cut to this length; None: never
    GRADIENT_CLIP_BY = "variable"  # or "global": the length of all variables' gradients together
    # Batches whose mean gradient makes one update: as a batch so many times larger, in the memory of one.
    # Those that are left over at the end of a stage make no update.
    GRADIENT_ACCUMULATION = 1
    # Share of the old in a running average of the weights over updates; 0.999 averages about the last
    # thousand. Validation, AP and checkpoints then use the averages. 0: no averages.
    EMA_MOMENTUM = 0.0
    OPTIMIZER = "sgd"  # or "adamw"
    # "constant", "cosine": falls to zero at the end of each stage, or "steps": times LEARNING_RATE_FACTOR
    # at each of LEARNING_RATE_MILESTONES, which are shares of a stage.
    LEARNING_RATE_SCHEDULE = "constant"
    LEARNING_RATE_MILESTONES = (0.67, 0.89)
    LEARNING_RATE_FACTOR = 0.1
    WARMUP_STEPS = 0  # updates over which the learning rate rises from zero, in the first stage
    # Stages of a run, in order: each {layers, epochs, learning_rate}; epochs are of that stage alone,
    # layers one of heads, 3+, 4+, 5+, all or a regular expression of the names of the layers to train (the
    # others are frozen), learning_rate a number.
    STAGES = ({"layers": "all", "epochs": 1, "learning_rate": 0.001},)
    AP_EVERY = 0  # epochs from one measurement of COCO AP on the validation images to the next; 0: none
    BEST_BY = "loss"  # of validation, or "mask_ap": decides which checkpoint is kept as the best
    PATIENCE = 0  # the last stage ends after so many epochs without a new best; 0: never early
    # A preset of pipeline/augmentations.yaml: "none", "light" (flips, small changes of scale and colour),
    # "strong" (also crops, turns, blur and instances pasted from other images), "clumps" (pasted ones
    # against others) and more. Or a mapping: {preset: strong, rotation: 45}.
    AUGMENTATION = "none"
    LOSS_WEIGHTS = {
        "rpn_class_loss": 1.0,
        "rpn_bbox_loss": 1.0,
        "mrcnn_class_loss": 1.0,
        "mrcnn_bbox_loss": 1.0,
        "mrcnn_mask_loss": 1.0,
    }

    no_effect = ("WORKERS", "CHECKPOINT_MINUTES")  # settings that change no result

    def __init__(self):
        self._warn_of_near_misses()
        self._compute_derived()

    @classmethod
    def from_yaml(cls, path, **overrides):
        """A config of this class with the values of a flat YAML file, then ``overrides``.

        Raises ConfigError that names the file for a name this class does not have (with the nearest
        that it has) or a value of another kind.
        """
        path = Path(path)
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: is not YAML: {error}") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: expected lines of NAME: value, got a {type(values).__name__}.")
        config = cls()
        config.update(values, source=str(path))
        config.update(overrides, source="overrides")
        return config

    def update(self, values, source="update"):
        """Set several names at once and compute the derived ones again.

        values: a dict of NAME to value. source: where they come from, for the error message.
        """
        for name, value in values.items():
            if name not in self.names():
                raise ConfigError(f"{source}: unknown setting {name!r}{self._nearest(name)}.")
            setattr(self, name, _as_kind_of(getattr(self, name), value, name, source))
        self._compute_derived()

    @classmethod
    def names(cls):
        """Every setting of this class, in alphabetical order."""
        return sorted(name for name in dir(cls) if name.isupper() and not name.startswith("_"))

    def to_dict(self):
        """Every setting and derived value, by name."""
        found = {name for name in [*self.names(), *vars(self)] if name.isupper()}
        return {name: getattr(self, name) for name in sorted(found)}

    def to_plain(self):
        """The settings (not the derived values) as numbers, strings, lists and dicts, for YAML and JSON."""
        return {name: _plain(getattr(self, name)) for name in self.names()}

    def display(self):
        """Print every value, a line each."""
        print("\nConfigurations:")
        for name, value in self.to_dict().items():
            print(f"{name:30} {value}")
        print()

    def _compute_derived(self):
        self.BATCH_SIZE = self.IMAGES_PER_GPU * self.GPU_COUNT
        side = self.IMAGE_MIN_DIM if self.IMAGE_RESIZE_MODE == "crop" else self.IMAGE_MAX_DIM
        self.IMAGE_SHAPE = np.array([side, side, self.IMAGE_CHANNEL_COUNT])
        # image id, original shape, molded shape, window, scale, active class ids
        self.IMAGE_META_SIZE = 1 + 3 + 3 + 4 + 1 + self.NUM_CLASSES

    def _warn_of_near_misses(self):
        known = [name for name in vars(Config) if name.isupper()]
        own = {name for base in type(self).__mro__[:-1] if base is not Config for name in vars(base)}
        for name in sorted(own - set(known)):
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.87) if name.isupper() else []
            if close:
                warnings.warn(
                    f"{type(self).__name__}.{name} is no known setting; did you mean {close[0]}?",
                    stacklevel=3,
                )

    @classmethod
    def _nearest(cls, name):
        close = difflib.get_close_matches(name.upper(), cls.names(), n=1, cutoff=0.5)
        return f"; the nearest known one is {close[0]}" if close else ""


def _as_kind_of(current, value, name, source):
    """``value`` in the type of ``current``, or ConfigError."""
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ConfigError(f"{source}: {name} must be one of {', '.join(_CHOICES[name])}, got {value!r}.")
    if isinstance(current, np.ndarray):
        array = np.asarray(value)
        if array.dtype.kind not in "if" or array.shape != current.shape:
            raise ConfigError(f"{source}: {name} must be {current.size} numbers, got {value!r}.")
        return array.astype(current.dtype)
    if isinstance(current, dict) and isinstance(value, dict) and name != "AUGMENTATION":
        unknown = sorted(set(value) - set(current))
        if unknown:
            raise ConfigError(f"{source}: {name} has no entry {unknown[0]!r}; it has {', '.join(current)}.")
        return {**current, **value}
    if value is None and name in _MAY_BE_NONE:
        return None
    if name == "AUGMENTATION" and isinstance(value, (str, dict)):
        return value
    kinds, description = _KINDS.get(type(current), ((), ""))
    if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        raise ConfigError(f"{source}: {name} must be {description}, got {value!r}.")
    return tuple(value) if isinstance(current, tuple) and isinstance(value, list) else value


_CHOICES = {
    "DETECTION_NMS": ("hard", "soft_linear", "soft_gaussian"),
    "ROI_SAMPLING": ("uniform", "by_instance"),
}
_KINDS = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "text"),
    list: ((list, tuple), "a list"),
    tuple: ((list, tuple), "a list"),
}
_MAY_BE_NONE = {"STEPS_PER_EPOCH", "VALIDATION_STEPS", "TRAIN_BN", "GRADIENT_CLIP_NORM"}


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
    # A program's own function by its name: repr has its address, another in each process.
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else repr(value)
