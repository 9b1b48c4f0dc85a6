"""One epoch over the images that trainings used to break on: matterport's way of training, all layers."""

import math

import numpy as np
from keras import layers
from keras.callbacks import LambdaCallback

from mrcnn.datasets.dataset import Dataset
from mrcnn.model import MaskRCNN
from tests.tiny import Tiny, picture

KINDS = ("bare", "one pixel", "many", "crowds", "plain")


class Edges(Dataset):
    """An image of each kind: no instance, one pixel, 300 instances, nothing but crowds, a plain one."""

    def __init__(self, kinds=KINDS):
        super().__init__()
        self.add_class("edges", 1, "speck")
        self.add_class("edges", 2, "swarm")
        for kind in kinds:
            self.add_image("edges", kind, "")
        self.prepare()

    def load_image(self, image_id):
        return picture(100, 120, seed=int(image_id))

    def load_mask(self, image_id):
        kind = self.image_info[image_id]["id"]
        count = {"bare": 0, "one pixel": 1, "many": 300, "crowds": 3, "plain": 2}[kind]
        if not count:
            return super().load_mask(image_id)
        masks = np.zeros((100, 120, count), bool)
        size = {"one pixel": 1, "many": 4}.get(kind, 30)
        for i in range(count):
            y, x = divmod(i, 20)
            step = 5 if kind == "many" else 32
            masks[y * step : y * step + size, x * step : x * step + size, i] = True
        class_ids = np.arange(count, dtype=np.int32) % 2 + 1
        return masks, -class_ids if kind == "crowds" else class_ids


def five_convolutions(image):
    """C1 to C5 of an image."""
    maps = [image]
    for stage, filters in enumerate((8, 16, 16, 24, 32), start=1):
        layer = layers.Conv2D(filters, 3, 2, "same", activation="relu", name=f"edge{stage}")
        maps.append(layer(maps[-1]))
    return maps[1:]


class EdgeConfig(Tiny):
    NAME = "edges"
    BACKBONE = staticmethod(five_convolutions)
    IMAGES_PER_GPU = 1  # a batch for each kind
    STEPS_PER_EPOCH = len(KINDS)
    VALIDATION_STEPS = 1
    TRAIN_ROIS_PER_IMAGE = 16
    RPN_TRAIN_ANCHORS_PER_IMAGE = 32
    POST_NMS_ROIS_TRAINING = 50


def test_an_epoch_of_edges_trains(tmp_path):
    model = MaskRCNN("training", EdgeConfig(), tmp_path)
    before = [np.asarray(weight).copy() for weight in model.keras_model.trainable_weights]
    steps = []
    callback = LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(dict(logs)))
    model.train(
        Edges(), Edges(("bare", "crowds")), 1e-3, 1, "all",
        augmentation="light", custom_callbacks=[callback],
    )  # fmt: skip
    assert len(steps) == len(KINDS)
    assert all(math.isfinite(value) for logs in steps for value in logs.values())
    after = [np.asarray(weight) for weight in model.keras_model.trainable_weights]
    assert all(np.isfinite(weight).all() for weight in after)
    assert sum(not np.array_equal(old, new) for old, new in zip(before, after)) > len(after) / 2
    assert (tmp_path / model.log_dir / "mask_rcnn_edges_0001.h5").exists()
