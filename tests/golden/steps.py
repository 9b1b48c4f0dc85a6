"""Losses of the first training steps of a small network: what they are, and where their record lies.

``python -m tests.golden.steps`` writes the record of the current backend; KERAS_BACKEND chooses it. Rewrite a
record only for a change that is meant to change numbers, and say so in the commit message.
"""

import csv
import os
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from mrcnn.config import Config
from mrcnn.model import MaskRCNN

try:
    from mrcnn.datasets.dataset import Dataset
except ImportError:  # commits before the folder mrcnn/datasets
    from mrcnn.pipeline.dataset import Dataset

FOLDER = Path(__file__).resolve().parent
STEPS = 20
# The effect of rounding grows with the rate: at 1e-3 from 1e-6 to 0.2 in 20 steps.
LEARNING_RATE = 1e-4
# Relative. Types of CPU have different kernels, which sum in another order. With and without oneDNN's kernels
# the losses differ by 1e-5 in the first ten steps and by 1.4e-3 in the last ten: each step starts from the
# differences of those before.
TOLERANCE = 1e-2
LOSSES = (
    "loss", "rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss",
)  # fmt: skip


class GoldenConfig(Config):
    """A light backbone at 128 px, with all losses, decay and clipping; ROIs come with the images.

    Proposals of an untrained network have nearly equal scores. One that rounding moves changes which ROIs are
    drawn, and by the third step all losses; given ROIs leave sums alone to differ from machine to machine.
    """

    NAME = "golden"
    SEED = 11
    BACKBONE = "light"
    TRAIN_BN = None
    NUM_CLASSES = 3
    IMAGES_PER_GPU = 2
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    RPN_TRAIN_ANCHORS_PER_IMAGE = 64
    TOP_DOWN_PYRAMID_SIZE = 32
    RPN_CHANNELS = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 32
    MASK_HEAD_CHANNELS = 16
    PRE_NMS_LIMIT = 200
    USE_RPN_ROIS = False
    POST_NMS_ROIS_TRAINING = 100
    TRAIN_ROIS_PER_IMAGE = 32
    MAX_GT_INSTANCES = 6
    STEPS_PER_EPOCH = STEPS
    VALIDATION_STEPS = 0


class Rectangles(Dataset):
    """Bright rectangles of two classes on noise, drawn from fixed seeds."""

    SIZE = (110, 128)

    def __init__(self, images=6):
        super().__init__()
        self.add_class("golden", 1, "flat")
        self.add_class("golden", 2, "tall")
        for number in range(images):
            self.add_image("golden", f"golden{number}", f"golden{number}.png")
        self.prepare()

    def boxes(self, image_id):
        """[N, (y1, x1, y2, x2)], some of which overlap."""
        rng = np.random.default_rng([1, image_id])
        corners = rng.integers(0, 70, (1 + image_id % 3, 2))
        sizes = [(20, 44), (44, 20), (30, 34)][: len(corners)]
        return np.concatenate([corners, corners + sizes], axis=1)

    def load_image(self, image_id):
        rng = np.random.default_rng([2, image_id])
        image = rng.integers(0, 60, (*self.SIZE, 3), dtype=np.uint8)
        for y1, x1, y2, x2 in self.boxes(image_id):
            image[y1:y2, x1:x2] = rng.integers(150, 256, 3)
        return image

    def load_mask(self, image_id):
        boxes = self.boxes(image_id)
        masks = np.zeros((*self.SIZE, len(boxes)), bool)
        for number, (y1, x1, y2, x2) in enumerate(boxes):
            masks[y1:y2, x1:x2, number] = True
        return masks, np.arange(len(boxes), dtype=np.int32) % 2 + 1


class EachStep(keras.callbacks.Callback):
    """The losses of each step alone; Keras reports the means of the steps so far."""

    def __init__(self):
        super().__init__()
        self.rows, self._sums = [], np.zeros(len(LOSSES))

    def on_train_batch_end(self, batch, logs=None):
        sums = np.array([float(logs[name]) for name in LOSSES]) * (batch + 1)
        losses = sums - self._sums
        self.rows.append(np.where(np.abs(losses) < 1e-6, 0, losses))  # a difference of means is no exact 0
        self._sums = sums


def train():
    """[STEPS, len(LOSSES)]: the losses of a training by MaskRCNN.train."""
    each = EachStep()
    with tempfile.TemporaryDirectory() as folder:
        model = MaskRCNN("training", GoldenConfig(), folder)
        flips = {"flip_horizontal": True}
        model.train(Rectangles(), None, LEARNING_RATE, 1, "all", augmentation=flips, custom_callbacks=[each])
    return np.array(each.rows)


def record():
    """The path of this backend's record. JAX's less optimised code has its own: it decides ties otherwise."""
    name = keras.backend.backend()
    if name == "jax" and os.environ.get("JAX_DISABLE_MOST_OPTIMIZATIONS"):
        name = "jax_less_optimised"
    return FOLDER / f"losses_{name}.csv"


def read(path):
    """[STEPS, len(LOSSES)] of a record."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[name]) for name in LOSSES] for row in rows])


def write(path, losses):
    """Write a record: a row a step, six digits."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("step", *LOSSES))
        writer.writerows([step, *(f"{loss:.6g}" for loss in row)] for step, row in enumerate(losses, start=1))


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else record()
    write(path, train())
    print(path)
