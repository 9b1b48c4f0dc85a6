"""The backbones by name: for each, a record of its builder, its stages and its ImageNet weights.

To add a backbone, write its builder in a new file and its record here; all other modules use the record.
This module imports nothing heavy, so settings can be checked before Keras is imported.
"""

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"

# matterport's words for the layers to train: the heads with the FPN, and the backbone from a stage upwards.
HEADS = r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)"
STAGES_OF = {"3+": "345", "4+": "45", "5+": "5"}
WORDS = ("heads", *STAGES_OF, "all")


class BackboneError(ValueError):
    """Raised when a backbone is unknown, or lacks something that a setting needs."""


@dataclass(frozen=True)
class KnownFile:
    """A file to download: its name, its folder's address, and its md5 or sha256 and size if published."""

    name: str
    address: str
    digest: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Backbone:
    """The facts about a backbone that other modules need.

    builder: a function, or "module:function" to import when the network is built. It takes the molded image
    and, if it names them, architecture (the backbone's name), train_bn, mean_pixel and stage5. It returns
    the maps C2 to C5, optionally with C1 first.
    stages: pattern of the layer names of some stages, with {0} in place of the stages' digits (345, say);
    None if the layers are not in stages, so that 3+, 4+ and 5+ select nothing.
    imagenet: the file of its ImageNet weights, or None.
    converter: "module:function" that loads such a file if its layers have other names than ours. It takes
    the network, the file's path, the layer names in the file and the names of layers to skip. It returns a
    weights.report.Report, or None for a file of another kind.
    extractor: whether it is a model of another library within one layer named "backbone".
    preset: the name of the preset of keras-hub that it is, or None.
    mark: a layer that identifies a weights file of this backbone, or None.
    matterport: whether matterport's code can build it.
    """

    name: str
    builder: str | Callable
    stages: str | None = None
    imagenet: KnownFile | None = None
    converter: str | None = None
    extractor: bool = False
    preset: str | None = None
    mark: str | None = None
    matterport: bool = False


# A preset of keras-hub is written with this before its name.
OF_KERAS_HUB = "keras_hub:"
# What must be known of a preset to build its network without reading it again: its name, where it comes from,
# what it says of itself, the licence of its weights and how many there are, the model, and its scaled RGB.
OF_PRESET = (
    "preset", "source", "description", "licence", "parameters", "class_name", "config", "scale", "offset",
)  # fmt: skip

_RESNET_STAGES = r"(res[{0}].*)|(bn[{0}].*)"


def _resnet(name, mark, digest):
    """Return the record of one of our ResNets, which have matterport's layer names."""
    return Backbone(
        name,
        builder="mrcnn.modeling.resnet:build_resnet",
        stages=_RESNET_STAGES,
        imagenet=KnownFile(f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5", f"{_KERAS}/resnet", digest),
        converter="mrcnn.weights.imagenet:load_resnet",
        mark=mark,
        matterport=True,
    )


# Files of keras.applications, with the digests from its source. They have no classifier.
_APPLICATION_FILES = {
    "MobileNetV2": KnownFile(
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", f"{_KERAS}/mobilenet_v2"
    ),
    "EfficientNetV2B0": KnownFile(
        "efficientnetv2-b0_notop.h5", f"{_KERAS}/efficientnet_v2", "893217f2bb855e2983157299931e43ff"
    ),
    "ResNet50V2": KnownFile(
        "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        f"{_KERAS}/resnet",
        "fac2f116257151a9d068a22e544a4917",
    ),
    "ConvNeXtTiny": KnownFile(
        "convnext_tiny_notop.h5",
        f"{_KERAS}/convnext",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
}
# All models of keras.applications.
APPLICATIONS = (
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "DenseNet121",
    "DenseNet169", "DenseNet201", "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3",
    "EfficientNetB4", "EfficientNetB5", "EfficientNetB6", "EfficientNetB7", "EfficientNetV2B0",
    "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2L", "EfficientNetV2M",
    "EfficientNetV2S", "InceptionResNetV2", "InceptionV3", "MobileNet", "MobileNetV2", "MobileNetV3Large",
    "MobileNetV3Small", "NASNetLarge", "NASNetMobile", "ResNet101", "ResNet101V2", "ResNet152",
    "ResNet152V2", "ResNet50", "ResNet50V2", "VGG16", "VGG19", "Xception",
)  # fmt: skip

# Models without maps of the strides 4, 8, 16 and 32, since they do not pad at every layer.
WITHOUT_PYRAMID = ("InceptionResNetV2", "InceptionV3", "NASNetLarge", "NASNetMobile", "Xception")

# If a file has the marks of two backbones, the later record applies.
_RECORDS = (
    _resnet("resnet50", "res4f_branch2a", "4d473c1dd8becc155b73f8504c6f6626"),
    _resnet("resnet101", "res4w_branch2a", "88cf7a10940856eca736dc7b7e228a21"),
    # It has no pretrained weights and trains as a whole.
    Backbone("light", builder="mrcnn.modeling.light:build_light"),
    *(
        Backbone(
            name,
            builder="mrcnn.modeling.applications:build_application",
            imagenet=_APPLICATION_FILES.get(name),
            extractor=True,
        )
        for name in APPLICATIONS
    ),
)
BACKBONES = {record.name: record for record in _RECORDS}


def find(backbone):
    """Return the Backbone for the setting BACKBONE: a name, or a program's own builder, a callable.

    A callable's layers belong to stages if they are named like matterport's. Whether keras-hub has a preset
    is known when it is read.
    Raises BackboneError for an unknown name; the message suggests the nearest one.
    """
    if callable(backbone):
        name = getattr(backbone, "__name__", repr(backbone))
        return Backbone(name, builder=backbone, stages=_RESNET_STAGES, matterport=True)
    preset = preset_of(backbone)
    if preset is not None:
        return Backbone(
            backbone, "mrcnn.modeling.hub:build_preset", "stage[{0}]_.*", extractor=True, preset=preset
        )
    if not isinstance(backbone, str) or backbone not in BACKBONES:
        nearest = difflib.get_close_matches(str(backbone), BACKBONES, n=1, cutoff=0.0)[0]
        raise BackboneError(f"Unknown backbone {backbone!r}; the nearest known one is {nearest!r}.")
    return BACKBONES[backbone]


def preset_of(backbone):
    """Return the name of the preset that a setting BACKBONE names, or None."""
    if not isinstance(backbone, str) or not backbone.startswith(OF_KERAS_HUB):
        return None
    return backbone.removeprefix(OF_KERAS_HUB) or None


def find_by_layers(layers):
    """Return the Backbone of a network or weights file with these layer names; None if none has a mark."""
    found = [record for record in BACKBONES.values() if record.mark in layers]
    return found[-1] if found else None


def imported(place):
    """Import the function that a record names as "module:function"."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def layers_regex(layers, backbone):
    """Return the regular expression of layer names for ``layers`` of a training stage.

    layers: one of WORDS, or a regular expression, which is returned unchanged. backbone: the setting
    BACKBONE. Raises BackboneError for 3+, 4+ or 5+ if the backbone has no stages.
    """
    if layers == "heads":
        return HEADS
    if layers == "all":
        return ".*"
    if layers not in STAGES_OF:
        return layers
    record = find(backbone)
    if record.stages is None:
        raise BackboneError(
            f"layers {layers!r} names stages of the backbone, but {record.name!r} has none; use heads, all "
            "or a regular expression of layer names."
        )
    return f"{record.stages.format(STAGES_OF[layers])}|{HEADS}"
