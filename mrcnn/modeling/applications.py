"""Every feature extractor of keras.applications as a backbone."""

import keras
from keras import ops

from mrcnn.keras_internals import nodes_of
from mrcnn.modeling.configs import attributes
from mrcnn.modeling.extractor import ExtractorBackbone, renamed

STRIDES = (4, 8, 16, 32)

# How a family scales RGB in 0..255 before its first layer. Families that are not named here
# (EfficientNet, EfficientNetV2, ConvNeXt, MobileNetV3) scale inside their model.
_MINUS_ONE_TO_ONE = (
    "MobileNet",
    "ResNet50V2",
    "ResNet101V2",
    "ResNet152V2",
    "Inception",
    "Xception",
    "NASNet",
)
_CAFFE = ("ResNet", "VGG")
_TORCH = ("DenseNet",)
_SCALES_ITSELF = ("EfficientNet", "ConvNeXt", "MobileNetV3")


def build_application(image, architecture, train_bn=False, mean_pixel=(0.0, 0.0, 0.0)):
    """The feature maps [C2, C3, C4, C5] of a molded image: see ApplicationBackbone."""
    return ApplicationBackbone(architecture, train_bn, mean_pixel, name="backbone")(image)


@keras.saving.register_keras_serializable("mrcnn")
class ApplicationBackbone(ExtractorBackbone):
    """A keras.applications model, cut at its last tensor of each stride.

    architecture: for instance "MobileNetV2". Others: as in ExtractorBackbone.
    """

    def __init__(self, architecture, train_bn=False, mean_pixel=(0.0, 0.0, 0.0), **kwargs):
        super().__init__(cut_at_strides(_application(architecture)), train_bn, mean_pixel, **kwargs)
        self.architecture = architecture

    def scale(self, rgb):
        """Scale RGB in 0..255 by the model's family."""
        return scale_rgb(rgb, self.architecture)

    def get_config(self):
        return {**super().get_config(), **attributes(self, "architecture")}


def scale_rgb(rgb, architecture):
    """RGB in 0..255 as the weights of a keras.applications model want it, by the model's family."""
    if architecture.startswith(_SCALES_ITSELF):
        return rgb
    if architecture.startswith(_MINUS_ONE_TO_ONE):
        return rgb / 127.5 - 1.0
    if architecture.startswith(_TORCH):
        mean, deviation = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        return (rgb / 255.0 - ops.cast(mean, rgb.dtype)) / ops.cast(deviation, rgb.dtype)
    if architecture.startswith(_CAFFE):
        return ops.flip(rgb, axis=-1) - ops.cast([103.939, 116.779, 123.68], rgb.dtype)
    return rgb


def _application(name):
    """The named keras.applications model without its classifier and with random weights."""
    model = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(None, None, 3))
    return renamed(model)[0]


def cut_at_strides(model, strides=STRIDES):
    """A model from the same input to its feature maps of the given strides.

    The map of a stride is the last tensor of that size through which all that follows passes: not
    one inside a branch of a block. It is found in the graph, whatever the layers' names.
    Raises ValueError if the model has no such tensor.
    """
    side = 64 * max(strides)  # large enough that padding does not look like a stride
    nodes = nodes_of(model)
    tensors = [node.output_tensors[0] for node in nodes]
    probe = keras.Model(model.input, tensors)
    shapes = probe.compute_output_spec(keras.KerasTensor((1, side, side, 3)))
    last_use = _last_uses(nodes)
    taps = {}
    still_needed = 0  # the latest layer that uses a tensor from before this one
    for place, (tensor, shape) in enumerate(zip(tensors, shapes)):
        if still_needed <= place and len(shape.shape) == 4:
            taps[shape.shape[1:3]] = tensor
        still_needed = max(still_needed, last_use[place])
    sizes = [(side // stride, side // stride) for stride in strides]
    for stride, size in zip(strides, sizes):
        if size not in taps:
            raise ValueError(f"{model.name} has no feature map of stride {stride} to build a pyramid on.")
    return keras.Model(model.input, [taps[size] for size in sizes], name=model.name)


def _last_uses(nodes):
    """For each node of a graph in topological order, the place of the last node that uses its output."""
    place_of = {id(node.output_tensors[0]): place for place, node in enumerate(nodes)}
    last_use = list(range(len(nodes)))
    for place, node in enumerate(nodes):
        for tensor in node.input_tensors:
            last_use[place_of[id(tensor)]] = place
    return last_use
