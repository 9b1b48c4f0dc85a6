"""Build the backbone that the setting BACKBONE names; mrcnn.backbones lists the names."""

import inspect

from mrcnn.backbones import find, imported


def build_backbone(image, backbone, train_bn=False, mean_pixel=(0.0, 0.0, 0.0), preset=None):
    """Build the feature maps [C2, C3, C4, C5], of strides 4, 8, 16 and 32, of a molded image.

    image: [B, H, W, 3], RGB minus the mean pixel. backbone: a name in mrcnn.backbones, or a callable that
    takes the image and returns the maps (optionally with C1 first); it may also take matterport's arguments
    stage5 and train_bn. mean_pixel: the pixel that molding subtracted; it is added back before a model of
    another library scales its input. preset: what is known of a preset of keras-hub, see backbones.OF_PRESET.
    Raises BackboneError for an unknown name; the message suggests the nearest one.
    """
    record = find(backbone)
    builder = record.builder
    arguments = {"stage5": True, "train_bn": train_bn, "mean_pixel": mean_pixel, "preset": preset}
    if not callable(builder):
        builder = imported(builder)
        arguments["architecture"] = record.name
    takes = inspect.signature(builder).parameters
    return list(builder(image, **{name: value for name, value in arguments.items() if name in takes}))[-4:]
