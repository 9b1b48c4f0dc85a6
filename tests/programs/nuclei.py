"""
Mask R-CNN
Find the nuclei of cells: a folder an image, with one file for each nucleus in its masks.

    python nuclei.py train --dataset=/path/to/dataset --subset=train --weights=imagenet
    python nuclei.py train --dataset=/path/to/dataset --subset=train --weights=last
    python nuclei.py detect --dataset=/path/to/dataset --subset=stage1_test --weights=last
"""
# ruff: noqa: E402, F401, I001, UP008, UP031, UP032

# Before any figure is made: there is no display on the server.
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import os
import sys
import json
import datetime
import numpy as np
import skimage.io
from imgaug import augmenters as iaa

ROOT_DIR = os.path.abspath("../../")
sys.path.append(ROOT_DIR)

from mrcnn.config import Config
from mrcnn import utils
from mrcnn import model as modellib
from mrcnn import visualize

COCO_WEIGHTS_PATH = os.path.join(ROOT_DIR, "mask_rcnn_coco.h5")
DEFAULT_LOGS_DIR = os.path.join(ROOT_DIR, "logs")
RESULTS_DIR = os.path.join(ROOT_DIR, "results/nucleus/")

# Chosen by hand to show every kind of stain.
VAL_IMAGE_IDS = ["plate_b2", "plate_d1"]


class NucleusConfig(Config):
    NAME = "nucleus"
    IMAGES_PER_GPU = 1
    NUM_CLASSES = 1 + 1
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = max(1, len(VAL_IMAGE_IDS) // IMAGES_PER_GPU)
    # There is one class, and in doubt a nucleus is worth more than none.
    DETECTION_MIN_CONFIDENCE = 0
    BACKBONE = "resnet50"
    # Random squares of the image at twice its size.
    IMAGE_RESIZE_MODE = "crop"
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 64
    IMAGE_MIN_SCALE = 2.0
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    POST_NMS_ROIS_TRAINING = 60
    POST_NMS_ROIS_INFERENCE = 40
    PRE_NMS_LIMIT = 200
    RPN_NMS_THRESHOLD = 0.9
    RPN_TRAIN_ANCHORS_PER_IMAGE = 64
    MEAN_PIXEL = np.array([43.53, 39.56, 48.22])
    USE_MINI_MASK = True
    MINI_MASK_SHAPE = (28, 28)
    TRAIN_ROIS_PER_IMAGE = 16
    MAX_GT_INSTANCES = 20
    DETECTION_MAX_INSTANCES = 12
    TOP_DOWN_PYRAMID_SIZE = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 64


class NucleusInferenceConfig(NucleusConfig):
    GPU_COUNT = 1
    IMAGES_PER_GPU = 1
    # Whole images, padded so that they can be halved six times.
    IMAGE_RESIZE_MODE = "pad64"
    RPN_NMS_THRESHOLD = 0.7


class NucleusDataset(utils.Dataset):
    def load_nucleus(self, dataset_dir, subset):
        """subset: train or val, both of stage1_train, or the name of another folder."""
        self.add_class("nucleus", 1, "nucleus")
        subset_dir = "stage1_train" if subset in ["train", "val"] else subset
        dataset_dir = os.path.join(dataset_dir, subset_dir)
        if subset == "val":
            image_ids = VAL_IMAGE_IDS
        else:
            image_ids = sorted(next(os.walk(dataset_dir))[1])
            if subset == "train":
                image_ids = [i for i in image_ids if i not in VAL_IMAGE_IDS]
        for image_id in image_ids:
            path = os.path.join(dataset_dir, image_id, "images/{}.png".format(image_id))
            self.add_image("nucleus", image_id=image_id, path=path)

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        mask_dir = os.path.join(os.path.dirname(os.path.dirname(info["path"])), "masks")
        mask = []
        for name in sorted(next(os.walk(mask_dir))[2]):
            if name.endswith(".png"):
                mask.append(skimage.io.imread(os.path.join(mask_dir, name)).astype(np.bool))
        mask = np.stack(mask, axis=-1)
        return mask, np.ones([mask.shape[-1]], dtype=np.int32)

    def image_reference(self, image_id):
        info = self.image_info[image_id]
        if info["source"] == "nucleus":
            return info["id"]
        return super(NucleusDataset, self).image_reference(image_id)


def train(model, dataset_dir, subset):
    dataset_train = NucleusDataset()
    dataset_train.load_nucleus(dataset_dir, subset)
    dataset_train.prepare()
    dataset_val = NucleusDataset()
    dataset_val.load_nucleus(dataset_dir, "val")
    dataset_val.prepare()

    # A slide has no upright side.
    augmentation = iaa.SomeOf(
        (0, 3),
        [
            iaa.Fliplr(0.5),
            iaa.OneOf([iaa.Affine(rotate=90), iaa.Affine(rotate=180), iaa.Affine(rotate=270)]),
            iaa.Multiply((0.7, 1.3)),
            iaa.GaussianBlur(sigma=(0.0, 2.0)),
        ],
    )

    # The heads first, since they are new, then everything.
    print("First the heads")
    model.train(
        dataset_train,
        dataset_val,
        learning_rate=config.LEARNING_RATE,
        epochs=1,
        augmentation=augmentation,
        layers="heads",
    )
    print("Now everything")
    model.train(
        dataset_train,
        dataset_val,
        learning_rate=config.LEARNING_RATE,
        epochs=2,
        augmentation=augmentation,
        layers="all",
    )


def rle_encode(mask):
    """Pairs of start and length down the columns, counted from 1, as text."""
    pixels = mask.flatten(order="F").astype(np.int)
    edges = np.flatnonzero(np.diff(np.pad(pixels, 1, mode="constant")))
    starts, ends = edges[0::2], edges[1::2]
    return " ".join("%d %d" % (start + 1, end - start) for start, end in zip(starts, ends))


def mask_to_rle(image_id, mask, scores):
    """A line for each instance. No pixel may be given twice: the more certain instance keeps it."""
    if mask.shape[-1] == 0:
        return "{},".format(image_id)
    free = np.ones(mask.shape[:2], dtype=np.bool)
    lines = []
    for i in np.argsort(scores)[::-1]:
        own = np.logical_and(mask[:, :, i], free)
        free = np.logical_and(free, np.logical_not(own))
        if own.sum() > 0:
            lines.append("{}, {}".format(image_id, rle_encode(own)))
    return "\n".join(lines)


def detect(model, dataset_dir, subset):
    submit_dir = os.path.join(RESULTS_DIR, datetime.datetime.now().strftime("submit_%Y%m%dT%H%M%S"))
    os.makedirs(submit_dir)

    dataset = NucleusDataset()
    dataset.load_nucleus(dataset_dir, subset)
    dataset.prepare()
    submission = []
    for image_id in dataset.image_ids:
        image = dataset.load_image(image_id)
        r = model.detect([image], verbose=0)[0]
        source_id = dataset.image_info[image_id]["id"]
        submission.append(mask_to_rle(source_id, r["masks"], r["scores"]))
        visualize.display_instances(
            image,
            r["rois"],
            r["masks"],
            r["class_ids"],
            dataset.class_names,
            r["scores"],
            show_bbox=False,
            show_mask=False,
            title=source_id,
        )
        plt.savefig("{}/{}.png".format(submit_dir, source_id))
        plt.close()

    file_path = os.path.join(submit_dir, "submit.csv")
    with open(file_path, "w") as f:
        f.write("ImageId,EncodedPixels\n" + "\n".join(submission))
    print("Submission:", file_path)


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Nuclei of cells")
    parser.add_argument("command", choices=["train", "detect"])
    parser.add_argument("--dataset", required=True, metavar="FOLDER")
    parser.add_argument("--weights", required=True, metavar="FILE", help="or coco, last, imagenet")
    parser.add_argument("--logs", required=False, default=DEFAULT_LOGS_DIR, metavar="FOLDER")
    parser.add_argument("--subset", required=True, help="train, val or the name of a folder")
    args = parser.parse_args()

    config = NucleusConfig() if args.command == "train" else NucleusInferenceConfig()
    config.display()
    mode = "training" if args.command == "train" else "inference"
    model = modellib.MaskRCNN(mode=mode, config=config, model_dir=args.logs)

    if args.weights.lower() == "coco":
        weights_path = COCO_WEIGHTS_PATH
        if not os.path.exists(weights_path):
            utils.download_trained_weights(weights_path)
    elif args.weights.lower() == "last":
        weights_path = model.find_last()
    elif args.weights.lower() == "imagenet":
        weights_path = model.get_imagenet_weights()
    else:
        weights_path = args.weights

    print("Start from", weights_path)
    if args.weights.lower() == "coco":
        exclude = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]
        model.load_weights(weights_path, by_name=True, exclude=exclude)
    else:
        model.load_weights(weights_path, by_name=True)

    if args.command == "train":
        train(model, args.dataset, args.subset)
    else:
        detect(model, args.dataset, args.subset)
