"""A light backbone, which learns from scratch on a CPU."""

from keras import layers

from mrcnn.modeling.normalization import BatchNorm, Conv2D, conv_norm

FILTERS = (32, 64, 128, 192)


def build_light(image, train_bn=False):
    """The feature maps [C2, C3, C4, C5] of a residual network of 1.6 M weights.

    Two blocks of two 3x3 convolutions a stage (He et al. 2015, figure 5 left) after a strided stem:
    plain convolutions keep a CPU busier than depthwise ones.
    """
    x = layers.Rescaling(1 / 64, name="light_scale")(image)
    x = _conv_norm(x, 24, 2, "light_stem1", train_bn)
    x = _conv_norm(x, 32, 2, "light_stem2", train_bn)
    features = []
    for stage, filters in enumerate(FILTERS, start=2):
        for block in "ab":
            stride = 2 if block == "a" and stage > 2 else 1
            x = _basic_block(x, filters, stride, f"light{stage}{block}", train_bn)
        features.append(x)
    return features


def _conv_norm(x, filters, stride, name, train_bn, kernel_size=3, relu=True):
    conv = Conv2D(filters, kernel_size, strides=stride, padding="same", use_bias=False,
                  kernel_initializer="he_normal", name=f"{name}_conv")  # fmt: skip
    x = conv_norm(conv, BatchNorm(train_bn, momentum=0.95, name=f"{name}_bn"), x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _basic_block(x, filters, stride, name, train_bn):
    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        shortcut = _conv_norm(x, filters, stride, f"{name}_0", train_bn, kernel_size=1, relu=False)
    x = _conv_norm(x, filters, stride, f"{name}_1", train_bn)
    x = _conv_norm(x, filters, 1, f"{name}_2", train_bn, relu=False)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)
