"""The backbones by name: a record each of where it is built, its stages and its ImageNet weights.

To add a backbone, write its builder in a file of its own and its record here; all else asks the record.
This module imports nothing heavy, so that settings can be checked before Keras is there.
"""

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"

# matterport's words for the layers to train: the heads with the FPN, and the backbone's stages from one up.
HEADS = r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)"
STAGES_OF = {"3+": "345", "4+": "45", "5+": "5"}
WORDS = ("heads", *STAGES_OF, "all")


class BackboneError(ValueError):
    """A backbone is unknown, or lacks what a setting asks of it."""


@dataclass(frozen=True)
class KnownFile:
    """A file, the folder it comes from, its md5 or sha256 and its bytes, as far as they are published."""

    name: str
    address: str
    digest: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Backbone:
    """What the other modules need to know of a backbone.

    builder: a function, or "module:function" where it is imported from when the network is built. It takes
    the molded image and those of the arguments architecture (the backbone's name), train_bn, mean_pixel and
    stage5 that it names, and returns the maps C2 to C5; C1 may come before them.
    stages: the pattern of the layer names of some stages, with {} where the stages' digits stand (345, say);
    None: its layers are not in stages, so that 3+, 4+ and 5+ name nothing.
    imagenet: the file of its ImageNet weights, None if there is none.
    converter: "module:function" that loads such a file where its layers have other names than ours. It takes
    the network, the file's path, the layer names in the file and the names of layers to leave as they are; it
    returns a weights.report.Report, None for a file of another kind.
    extractor: whether it is a keras.applications model, held by one layer named "backbone".
    mark: a layer by which a weights file of this backbone is known, None if none is.
    matterport: whether matterport's code can build it.
    """

    name: str
    builder: str | Callable
    stages: str | None = None
    imagenet: KnownFile | None = None
    converter: str | None = None
    extractor: bool = False
    mark: str | None = None
    matterport: bool = False


_RESNET_STAGES = r"(res[{0}].*)|(bn[{0}].*)"


def _resnet(name, mark, digest):
    """Our ResNets, which have matterport's layer names."""
    return Backbone(
        name,
        builder="mrcnn.modeling.resnet:build_resnet",
        stages=_RESNET_STAGES,
        imagenet=KnownFile(f"{name}_weights_tf_dim_ordering_tf_kernels_notop.h5", f"{_KERAS}/resnet", digest),
        converter="mrcnn.weights.imagenet:load_resnet",
        mark=mark,
        matterport=True,
    )


# Of keras.applications, whose source has the digests. The files have no classifier.
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

# Of two whose marks are both in a file, the later one is meant.
_RECORDS = (
    _resnet("resnet50", "res4f_branch2a", "4d473c1dd8becc155b73f8504c6f6626"),
    _resnet("resnet101", "res4w_branch2a", "88cf7a10940856eca736dc7b7e228a21"),
    # It learns from scratch, as a whole.
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
    """The Backbone of a setting BACKBONE: a name, or a program's own builder, a callable.

    A program's own layers may be in stages if they are named as matterport's are.
    Raises BackboneError for an unknown name, with the nearest known one.
    """
    if callable(backbone):
        name = getattr(backbone, "__name__", repr(backbone))
        return Backbone(name, builder=backbone, stages=_RESNET_STAGES, matterport=True)
    if not isinstance(backbone, str) or backbone not in BACKBONES:
        nearest = difflib.get_close_matches(str(backbone), BACKBONES, n=1, cutoff=0.0)[0]
        raise BackboneError(f"Unknown backbone {backbone!r}; the nearest known one is {nearest!r}.")
    return BACKBONES[backbone]


def find_by_layers(layers):
    """The Backbone that a network or a weights file with these layers has; None if no mark is there."""
    found = [record for record in BACKBONES.values() if record.mark in layers]
    return found[-1] if found else None


def imported(place):
    """The function at a place "module:function" of a record."""
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def layers_regex(layers, backbone):
    """The regular expression of layer names for what ``layers`` of a training stage says.

    layers: one of WORDS, or a regular expression, which is returned as it is. backbone: the setting BACKBONE.
    Raises BackboneError for 3+, 4+ or 5+ where the backbone has no stages.
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
