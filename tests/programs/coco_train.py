"""
Mask R-CNN
Train and evaluate on a data set in the format of COCO.

    python coco_train.py train --dataset=/path/to/coco/
    python coco_train.py train --dataset=/path/to/coco/ --model=/path/to/weights.h5
    python coco_train.py evaluate --dataset=/path/to/coco/ --model=last --limit=50
"""
# ruff: noqa: E402, I001, UP008, UP031

import os
import sys
import numpy as np
import imgaug  # pip install imgaug

# Take no more of the GPU's memory than is needed.
import tensorflow as tf
import keras.backend as K

session_config = tf.ConfigProto()
session_config.gpu_options.allow_growth = True
K.set_session(tf.Session(config=session_config))

import keras.layers as KL
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pycocotools import mask as maskUtils

ROOT_DIR = os.path.abspath("../../")
sys.path.append(ROOT_DIR)

from mrcnn.config import Config
from mrcnn import model as modellib, utils

COCO_MODEL_PATH = os.path.join(ROOT_DIR, "mask_rcnn_coco.h5")
DEFAULT_LOGS_DIR = os.path.join(ROOT_DIR, "logs")
DEFAULT_DATASET_YEAR = "2017"


def shallow_graph(input_image, stage5=True, train_bn=None):
    """A convolution for each stage, named as in the big network so that the stages can be trained apart."""
    x = KL.Conv2D(8, (3, 3), strides=(2, 2), padding="same", name="conv1")(input_image)
    x = modellib.BatchNorm(name="bn_conv1")(x, training=train_bn)
    features = [KL.Activation("relu")(x)]
    for stage, filters in zip((2, 3, 4, 5), (16, 24, 32, 48)):
        x = KL.Conv2D(filters, (3, 3), strides=(2, 2), padding="same", name="res%da_branch2a" % stage)(
            features[-1]
        )
        x = modellib.BatchNorm(name="bn%da_branch2a" % stage)(x, training=train_bn)
        features.append(KL.Activation("relu", name="res%da_out" % stage)(x))
    return features


def shallow_shapes(image_shape):
    return np.array([[-(-image_shape[0] // s), -(-image_shape[1] // s)] for s in (4, 8, 16, 32, 64)])


class CocoConfig(Config):
    NAME = "coco"
    IMAGES_PER_GPU = 2
    NUM_CLASSES = 1 + 2
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    BACKBONE = staticmethod(shallow_graph)
    COMPUTE_BACKBONE_SHAPE = staticmethod(shallow_shapes)
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    RPN_TRAIN_ANCHORS_PER_IMAGE = 64
    PRE_NMS_LIMIT = 200
    POST_NMS_ROIS_TRAINING = 60
    POST_NMS_ROIS_INFERENCE = 30
    TRAIN_ROIS_PER_IMAGE = 16
    MAX_GT_INSTANCES = 10
    DETECTION_MAX_INSTANCES = 10
    TOP_DOWN_PYRAMID_SIZE = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 64


class CocoDataset(utils.Dataset):
    def load_coco(self, dataset_dir, subset, year=DEFAULT_DATASET_YEAR, class_ids=None, return_coco=False):
        """Load a subset (train, val) of a year. class_ids: only these classes."""
        folder = subset + year
        coco = COCO(os.path.join(dataset_dir, "annotations", "instances_%s.json" % folder))
        if class_ids:
            image_ids = sorted({i for c in class_ids for i in coco.getImgIds(catIds=[c])})
        else:
            class_ids, image_ids = sorted(coco.getCatIds()), sorted(coco.getImgIds())

        for category in coco.loadCats(class_ids):
            self.add_class("coco", category["id"], category["name"])
        for info in coco.loadImgs(image_ids):
            annotation_ids = coco.getAnnIds(imgIds=[info["id"]], catIds=class_ids, iscrowd=None)
            self.add_image(
                "coco",
                image_id=info["id"],
                path=os.path.join(dataset_dir, folder, info["file_name"]),
                width=info["width"],
                height=info["height"],
                annotations=coco.loadAnns(annotation_ids),
            )
        if return_coco:
            return coco

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        masks, class_ids = [], []
        for annotation in info["annotations"]:
            mask = self.decode(annotation["segmentation"], info["height"], info["width"])
            if not mask.any():
                continue  # so small that no pixel is left of it
            number = self.map_source_class_id("coco.{}".format(annotation["category_id"]))
            masks.append(mask)
            class_ids.append(-number if annotation["iscrowd"] else number)
        if not masks:
            return super(CocoDataset, self).load_mask(image_id)
        return np.stack(masks, axis=-1).astype(bool), np.array(class_ids, dtype=np.int32)

    def decode(self, segmentation, height, width):
        """COCO has polygons, run lengths as lists (crowds) and run lengths as text."""
        if type(segmentation) is list:
            segmentation = maskUtils.merge(maskUtils.frPyObjects(segmentation, height, width))
        elif type(segmentation["counts"]) is list:
            segmentation = maskUtils.frPyObjects(segmentation, height, width)
        return maskUtils.decode(segmentation)


def coco_rows(dataset, image_id, r):
    """The detections of an image as COCO wants them."""
    rows = []
    for i, (y1, x1, y2, x2) in enumerate(r["rois"]):
        mask = np.asfortranarray(r["masks"][:, :, i].astype(np.uint8))
        rows.append(
            {
                "image_id": dataset.image_info[image_id]["id"],
                "category_id": dataset.get_source_class_id(r["class_ids"][i], "coco"),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": r["scores"][i],
                "segmentation": maskUtils.encode(mask),
            }
        )
    return rows


def evaluate_coco(model, dataset, coco, eval_type="bbox", limit=0):
    image_ids = dataset.image_ids[:limit] if limit else dataset.image_ids
    rows = []
    for image_id in image_ids:
        r = model.detect([dataset.load_image(image_id)], verbose=0)[0]
        rows.extend(coco_rows(dataset, image_id, r))
    evaluation = COCOeval(coco, coco.loadRes(rows), eval_type)
    evaluation.params.imgIds = [dataset.image_info[image_id]["id"] for image_id in image_ids]
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation


def main():
    import argparse

    parser = argparse.ArgumentParser(description="COCO with Mask R-CNN")
    parser.add_argument("command", choices=["train", "evaluate"])
    parser.add_argument("--dataset", required=True, metavar="FOLDER")
    parser.add_argument("--year", default=DEFAULT_DATASET_YEAR)
    parser.add_argument("--model", metavar="FILE", help="weights to start from, or coco, or last")
    parser.add_argument("--logs", default=DEFAULT_LOGS_DIR, metavar="FOLDER")
    parser.add_argument("--limit", default=500, metavar="N", type=int, help="evaluate so many images")
    args = parser.parse_args()

    if args.command == "train":
        config = CocoConfig()
    else:

        class InferenceConfig(CocoConfig):
            GPU_COUNT = 1
            IMAGES_PER_GPU = 1
            DETECTION_MIN_CONFIDENCE = 0

        config = InferenceConfig()
    config.display()

    mode = "training" if args.command == "train" else "inference"
    model = modellib.MaskRCNN(mode=mode, config=config, model_dir=args.logs)
    if args.model:
        if args.model.lower() == "coco":
            model_path = COCO_MODEL_PATH
        elif args.model.lower() == "last":
            model_path = model.find_last()
        else:
            model_path = args.model
        print("Start from", model_path)
        model.load_weights(model_path, by_name=True)

    if args.command == "train":
        dataset_train = CocoDataset()
        dataset_train.load_coco(args.dataset, "train", year=args.year)
        dataset_train.prepare()
        dataset_val = CocoDataset()
        dataset_val.load_coco(args.dataset, "val", year=args.year)
        dataset_val.prepare()

        augmentation = imgaug.augmenters.Fliplr(0.5)
        print("Heads")
        model.train(
            dataset_train,
            dataset_val,
            learning_rate=config.LEARNING_RATE,
            epochs=1,
            layers="heads",
            augmentation=augmentation,
        )
        print("Stages 4 and 5")
        model.train(
            dataset_train,
            dataset_val,
            learning_rate=config.LEARNING_RATE,
            epochs=2,
            layers="4+",
            augmentation=augmentation,
        )
        print("Everything")
        model.train(
            dataset_train,
            dataset_val,
            learning_rate=config.LEARNING_RATE / 10,
            epochs=3,
            layers="all",
            augmentation=augmentation,
        )
    else:
        dataset_val = CocoDataset()
        coco = dataset_val.load_coco(args.dataset, "val", year=args.year, return_coco=True)
        dataset_val.prepare()
        for eval_type in ("bbox", "segm"):
            evaluate_coco(model, dataset_val, coco, eval_type, limit=args.limit)


if __name__ == "__main__":
    main()
