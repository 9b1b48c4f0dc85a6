"""ResNet-50 and ResNet-101 (He et al. 2015), in the variant and with the layer names of matterport's weights.

The first 1x1 convolution of a stage has the stride, convolutions have biases, and the epsilon of batch norm
is 1e-3.
"""

import string

from keras import layers

from mrcnn.modeling.normalization import BatchNorm, Conv2D, conv_norm

# Blocks of stages 2 to 5 (He et al. 2015, table 1).
BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
FILTERS = (64, 128, 256, 512)


def build_resnet(image, architecture, train_bn=False):
    """Build the feature maps of an image.

    image: [B, H, W, 3], sides multiples of 32. architecture: "resnet50" or "resnet101". train_bn: as in
    BatchNorm.
    Returns [C1, C2, C3, C4, C5]. Their strides are 4, 4, 8, 16, 32; C1 is taken after its pooling.
    """
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = conv_norm(Conv2D(64, 7, strides=2, name="conv1"), BatchNorm(train_bn, name="bn_conv1"), x)
    x = layers.ReLU(name="conv1_relu")(x)
    c1 = x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1")(x)
    features = [c1]
    for stage, (filters, blocks) in enumerate(zip(FILTERS, BLOCKS[architecture]), start=2):
        for block, letter in enumerate(string.ascii_lowercase[:blocks]):
            stride = 2 if block == 0 and stage > 2 else 1
            name, of_block = f"{stage}{letter}", (filters, filters, 4 * filters)
            x = bottleneck(x, of_block, name, stride, project=block == 0, train_bn=train_bn)
        features.append(x)
    return features


def bottleneck(x, filters, name, stride=1, project=False, train_bn=False, kernel_size=3, use_bias=True):
    """Build a 1x1, a kxk and a 1x1 convolution with a shortcut, which is a 1x1 convolution if ``project``.

    filters: of the three convolutions. name: of the block, as in "2a". stride: of the first and the shortcut.
    kernel_size: k. train_bn: as in BatchNorm.
    """

    def branch(x, filters, kernel_size, number, stride=1):
        end = f"{name}_branch{number}"
        conv = Conv2D(
            filters, kernel_size, strides=stride, padding="same", use_bias=use_bias, name=f"res{end}"
        )
        return conv_norm(conv, BatchNorm(train_bn, name=f"bn{end}"), x)

    first, second, third = filters
    shortcut = branch(x, third, 1, "1", stride) if project else x
    x = layers.ReLU(name=f"res{name}_branch2a_relu")(branch(x, first, 1, "2a", stride))
    x = layers.ReLU(name=f"res{name}_branch2b_relu")(branch(x, second, kernel_size, "2b"))
    x = layers.Add(name=f"res{name}_add")([branch(x, third, 1, "2c"), shortcut])
    return layers.ReLU(name=f"res{name}_out")(x)
