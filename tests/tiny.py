"""A real network that is small enough to build in a test, and pictures for it."""

import numpy as np

from mrcnn.config import Config
from mrcnn.model import MaskRCNN
from mrcnn.modeling.layer_names import leaf_layers


class Tiny(Config):
    """Two classes, images of 128 px."""

    NAME = "tiny"
    BACKBONE = "light"
    NUM_CLASSES = 3
    IMAGES_PER_GPU = 2
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    TOP_DOWN_PYRAMID_SIZE = 32
    RPN_CHANNELS = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 32
    MASK_HEAD_CHANNELS = 16
    PRE_NMS_LIMIT = 200
    POST_NMS_ROIS_INFERENCE = 30
    MAX_GT_INSTANCES = 6
    DETECTION_MAX_INSTANCES = 10
    DETECTION_MIN_CONFIDENCE = 0.0
    TRAIN_BN = None


def detector(**settings):
    """A MaskRCNN of Tiny for inference, untrained: what it finds is arbitrary but the same each time.

    It shows anchors that the network takes for objects, as wholly filled boxes and never as background.
    """
    config = Tiny()
    config.update(settings)
    model = MaskRCNN("inference", config, "runs")
    layers = leaf_layers(model.keras_model)
    for name in ("rpn_bbox_pred", "mrcnn_bbox_fc"):
        kernel = layers[name].weights[0]
        kernel.assign(np.zeros(kernel.shape))
    kernel, bias = layers["mrcnn_class_logits"].weights
    kernel.assign(np.asarray(kernel) / 10)
    bias.assign([-100.0, 0.0, 0.0])
    layers["mrcnn_mask"].weights[1].assign([100.0, 100.0, 100.0])
    return model


def picture(height, width, seed=0):
    """[height, width, 3] uint8 noise with a bright square, which every flip or rotation changes."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
    image[height // 8 : height // 2, width // 8 : width // 3] = (250, 160, 20)
    return image
