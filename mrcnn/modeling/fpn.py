"""The feature pyramid (Lin et al. 2017)."""

from keras import layers


def build_fpn(features, channels):
    """Build the top-down pathway over a backbone's feature maps (Lin et al. 2017, figure 3).

    features: [C2, C3, C4, C5], each half the size of the one before.
    Returns [P2, P3, P4, P5, P6] with ``channels`` channels each; P6 takes every second cell of P5.
    """
    top_down = None
    merged = {}
    for level, feature in zip((5, 4, 3, 2), reversed(features)):
        lateral = layers.Conv2D(channels, 1, name=f"fpn_c{level}p{level}")(feature)
        if top_down is not None:
            up = layers.UpSampling2D(2, name=f"fpn_p{level + 1}upsampled")(top_down)
            lateral = layers.Add(name=f"fpn_p{level}add")([up, lateral])
        merged[level] = top_down = lateral
    pyramid = [
        layers.Conv2D(channels, 3, padding="same", name=f"fpn_p{level}")(merged[level])
        for level in (2, 3, 4, 5)
    ]
    return [*pyramid, layers.MaxPooling2D(1, strides=2, name="fpn_p6")(pyramid[-1])]
