"""The default recipe: settings for a training without a config, chosen by what is known of data and machine.

``choose`` is a pure function of Facts. Its choices are those of configs/*.yaml, whose results are measured
(docs/recipes.md); the data decide between them. Sides of instances are shares of their image's longer side.
"""

from dataclasses import dataclass, field

PASSES = 40  # over the training images, as in configs/pumpkin.yaml and nuclei.yaml
LEAST_PASSES = 10  # as in configs/demo.yaml, which has 400 images
# Images that a training sees in all, by device: what 400 images need for 40 passes, and for ten.
SEEN = {True: 16_000, False: 4_000}
MANY = 30  # instances in one image from which the settings of nuclei.yaml are better than those of demo.yaml
SMALL = 1 / 12  # median side of instances below which training takes enlarged squares of the images
ANCHORS = (8, 12, 16, 24, 32)  # sides of the smallest anchor
# Settings that a weights file decides, besides those that begin with MASK_ and BOX_.
STRUCTURE = (
    "BACKBONE", "TRAIN_BN", "TOP_DOWN_PYRAMID_SIZE", "RPN_CHANNELS", "RPN_ANCHOR_RATIOS",
    "FPN_CLASSIF_FC_LAYERS_SIZE", "ROI_ALIGN", "POOL_SIZE",
)  # fmt: skip
# Channels of pyramid, RPN and mask head of small networks, by backbone.
_SMALL_NETWORKS = {"light": (64, 64, 64), "MobileNetV2": (96, 96, 64)}


@dataclass(frozen=True)
class Facts:
    """What is known before a training.

    accelerator: whether there is a GPU or the like. images: that train. classes: without the background.
    instances: the most in one of them. longest: the longest side of an image in pixels. longer: the median
    longer side. sides: the 10th, 50th and 90th percentile of the instances' sides, as shares. weights: coco,
    imagenet, none, or file. stored: the settings in the weights file, if it is one.
    """

    accelerator: bool
    images: int
    classes: int
    instances: int
    longest: int
    longer: int
    sides: tuple
    weights: str = "none"
    stored: dict = field(default_factory=dict)

    def __str__(self):
        low, middle, high = (f"{100 * side:.0f}" for side in self.sides)
        own = {"none": "random weights", "file": "a weights file"}
        return (
            f"{self.images} images, {self.classes} class{'es'[: 2 * (self.classes != 1)]}, at most "
            f"{self.instances} instances in an image, whose sides are {low} to {high} % of its longer side, "
            f"half of them below {middle} %; {own.get(self.weights, f'{self.weights} weights')}; "
            f"{'an accelerator' if self.accelerator else 'a CPU'}"
        )


@dataclass(frozen=True)
class Choice:
    """The value of a setting and the reason for it."""

    value: object
    reason: str


def choose(facts, fixed=None):
    """Return the recipe: a dict of setting to Choice, in the order of a config.

    fixed: settings that the user has named; the recipe follows them and leaves them out.
    """
    fixed = dict(fixed or {})
    chosen = {}

    def take(found):
        for name, (value, reason) in found.items():
            if name not in fixed:
                chosen[name] = Choice(value, reason)

    def now(name, otherwise=None):
        return fixed[name] if name in fixed else chosen[name].value if name in chosen else otherwise

    take(_network(facts))
    take(_heads(facts, now("BACKBONE")))
    take(_images(facts, fixed))
    scale = _pixels(facts, now)
    take(_batch(facts, now))
    take(_anchors(facts, scale))
    take(_rois(facts, now("BACKBONE")))
    take(_geometry(facts, now("BACKBONE")))
    take(_instances(facts))
    take(_detection())
    take(_training(facts))
    return chosen


def _network(facts):
    if facts.stored:
        names = [name for name in facts.stored if name in STRUCTURE or name.startswith(("MASK_", "BOX_"))]
        return {name: (facts.stored[name], "as in the weights file") for name in sorted(names)}
    if facts.weights == "coco":
        return {"BACKBONE": ("resnet101", "the network of the COCO weights, with heads of the default sizes")}
    if facts.weights == "imagenet" and facts.accelerator:
        return {"BACKBONE": ("resnet50", "with features of ImageNet")}
    if facts.weights == "imagenet":
        return {"BACKBONE": ("MobileNetV2", "with features of ImageNet, and fast without an accelerator")}
    return {"BACKBONE": ("light", "random weights: a small network learns from few images")}


def _heads(facts, backbone):
    if facts.stored or backbone not in _SMALL_NETWORKS:
        return {}
    pyramid, rpn, mask = _SMALL_NETWORKS[backbone]
    few = facts.classes <= 20
    return {
        "TRAIN_BN": (
            (None, "batch norm learns with the other weights") if backbone == "light"
            else (False, "batch norm keeps the statistics of ImageNet")
        ),
        "TOP_DOWN_PYRAMID_SIZE": (pyramid, f"enough for {backbone}"),
        "RPN_CHANNELS": (rpn, f"enough for {backbone}"),
        "FPN_CLASSIF_FC_LAYERS_SIZE": (256, "few classes") if few else (1024, "many classes"),
        "MASK_HEAD_CHANNELS": (mask, f"enough for {backbone}"),
    }  # fmt: skip


def _images(facts, fixed):
    """Return the size of the network's input: the whole photograph, or squares of it for small instances."""
    if fixed.get("IMAGE_RESIZE_MODE") == "crop":
        return _squares(facts)
    if "IMAGE_MAX_DIM" in fixed:
        return {"IMAGE_MIN_DIM": (fixed["IMAGE_MAX_DIM"], "small photographs are enlarged")}
    if facts.weights in ("coco", "file"):
        return _at_least(_usual_size(facts), fixed)
    fits = facts.longest * _enlarged(facts) <= (2048 if facts.accelerator else 1024)
    if facts.sides[1] < SMALL and fits and "IMAGE_RESIZE_MODE" not in fixed:
        return _squares(facts)
    sizes = (320, 512, 768, 1024) if facts.accelerator else (320, 512)
    side = next((side for side in sizes if facts.sides[0] * side >= 24), sizes[-1])
    reached = f"{facts.sides[0] * side:.0f} px"
    found = {
        "IMAGE_MIN_DIM": (side, "small photographs are enlarged"),
        "IMAGE_MAX_DIM": (side, f"nine of ten instances have a side of {reached} or more"),
    }
    return _at_least(found, fixed)


def _at_least(found, fixed):
    """Raise IMAGE_MAX_DIM to an IMAGE_MIN_DIM that the user has named."""
    wanted = -(-(fixed.get("IMAGE_MIN_DIM") or 0) // 64) * 64
    if wanted > found["IMAGE_MAX_DIM"][0]:
        return {**found, "IMAGE_MAX_DIM": (wanted, "at least IMAGE_MIN_DIM")}
    return found


def _usual_size(facts):
    if facts.accelerator:
        return {
            "IMAGE_MIN_DIM": (800, "as the weights were trained"),
            "IMAGE_MAX_DIM": (1024, "as the weights were trained"),
        }
    return {
        "IMAGE_MIN_DIM": (512, "small photographs are enlarged"),
        "IMAGE_MAX_DIM": (512, "without an accelerator, 1024 would take four times as long"),
    }


def _enlarged(facts):
    """Return the scale of images at which the median instance has a side of 24 px, between 1 and 2."""
    return round(min(2.0, max(1.0, 24 / (facts.sides[1] * facts.longer))) * 4) / 4


def _squares(facts):
    scale = _enlarged(facts)
    whole = -(-round(facts.longest * scale) // 64) * 64
    return {
        "IMAGE_RESIZE_MODE": ("crop", "instances are small: training takes random squares of the images"),
        "IMAGE_MIN_DIM": (256, "side of the squares"),
        "IMAGE_MIN_SCALE": (scale, "images are enlarged, so that half of the instances have 24 px or more"),
        "IMAGE_MAX_DIM": (max(256, whole), "detection takes whole images, padded to this side"),
    }


def _pixels(facts, now):
    """Return the pixels of the network's input for an instance as long as its image."""
    if now("IMAGE_RESIZE_MODE", "square") == "crop":
        return facts.longer * max(1, now("IMAGE_MIN_SCALE", 1) or 1)
    return now("IMAGE_MAX_DIM")


def _batch(facts, now):
    few = now("IMAGE_MAX_DIM") > 576 or not facts.accelerator
    if few and now("BACKBONE") not in _SMALL_NETWORKS:
        return {"IMAGES_PER_GPU": (max(1, min(2, facts.images)), "2 images of 1024 px fit in 12 GB")}
    return {"IMAGES_PER_GPU": (max(1, min(4, facts.images)), "such images need little memory")}


def _anchors(facts, scale):
    least = facts.sides[0] * scale
    usual = facts.weights in ("coco", "file")
    fitting = [side for side in ANCHORS if side <= 1.1 * least]  # such an anchor still matches
    side = (32 if least >= 24 else 16) if usual else max(fitting, default=ANCHORS[0])
    reason = f"one of ten instances has a side below {least:.0f} px in the network's input"
    return {"RPN_ANCHOR_SCALES": ([side * 2**level for level in range(5)], reason)}


def _rois(facts, backbone):
    if backbone not in _SMALL_NETWORKS:
        return {}
    if facts.instances > MANY:
        reason, values = f"images have over {MANY} instances", (256, 2000, 600, 1000, 128)
    else:
        reason, values = f"no image has over {MANY} instances", (128, 1000, 300, 200, 64)
    names = (
        "RPN_TRAIN_ANCHORS_PER_IMAGE", "PRE_NMS_LIMIT", "POST_NMS_ROIS_TRAINING", "POST_NMS_ROIS_INFERENCE",
        "TRAIN_ROIS_PER_IMAGE",
    )  # fmt: skip
    return {name: (value, reason) for name, value in zip(names, values)}


def _geometry(facts, backbone):
    """Return the frame of features and boxes; weights of COCO and stored ones keep theirs."""
    if facts.stored or backbone not in _SMALL_NETWORKS:
        return {}
    measured = "more precise boxes and masks, see docs/accuracy.md"
    return {"ROI_ALIGN": ("aligned", measured), "BOX_LOSS_BETA": (0.111, measured)}


def _instances(facts):
    most = facts.instances
    return {
        "MAX_GT_INSTANCES": (min(200, _tens(most)), f"the most in a training image is {most}"),
        "DETECTION_MAX_INSTANCES": (
            min(1000, max(50, _tens(1.5 * most))), "half as many again as in a training image, and 50 or more"
        ),
    }  # fmt: skip


def _tens(count):
    """Round up to a multiple of ten, above zero."""
    return max(10, -(-int(-(-count // 1)) // 10) * 10)


def _detection():
    measured = "more mask AP on instances that touch, see docs/recipes.md"
    return {
        "ROI_SAMPLING": ("by_instance", measured),
        "DETECTION_NMS": ("soft_gaussian", measured),
        "DETECTION_BACKGROUND_WINS": (False, measured),
    }


def _training(facts):
    passes = int(min(PASSES, max(LEAST_PASSES, SEEN[facts.accelerator] // max(1, facts.images))))
    augmentation = {"AUGMENTATION": ("light", "flips and small changes of scale and colour")}
    if facts.weights in ("coco", "file"):
        stages = [
            {"layers": "heads", "epochs": passes // 2, "learning_rate": 0.001},
            {"layers": "all", "epochs": passes - passes // 2, "learning_rate": 0.0001},
        ]
        return {"STAGES": (stages, "the heads on known features first, then all layers"), **augmentation}
    stages = [{"layers": "all", "epochs": passes, "learning_rate": 0.001}]
    return {
        "OPTIMIZER": ("adamw", "better than sgd from such weights, see docs/recipes.md"),
        "WEIGHT_DECAY": (0.05, "for adamw"),
        "LEARNING_RATE_SCHEDULE": ("cosine", "ends with small steps"),
        "WARMUP_STEPS": (50, "the first steps are small"),
        "STAGES": (stages, "passes over the images: 40, or fewer if there are many"),
        **augmentation,
    }
