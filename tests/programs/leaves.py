"""
Mask R-CNN
Learn leaves from polygons drawn in the VGG Image Annotator, then show them in colour on a grey picture.

Usage: start from the COCO weights, continue the last training, or start from ImageNet:

    python leaves.py train --dataset=/path/to/leaves --weights=coco
    python leaves.py train --dataset=/path/to/leaves --weights=last
    python leaves.py train --dataset=/path/to/leaves --weights=imagenet

and afterwards

    python leaves.py splash --weights=last --image=photo.png
    python leaves.py splash --weights=/path/to/weights.h5 --video=film.avi
"""
# ruff: noqa: E402, I001, SIM115, UP032

import os
import sys
import json
import time
import numpy as np
import skimage.color
import skimage.draw
import skimage.io

ROOT_DIR = os.path.abspath("../../")
sys.path.append(ROOT_DIR)

import keras.layers as KL
from mrcnn.config import Config
from mrcnn import model as modellib, utils

COCO_WEIGHTS_PATH = os.path.join(ROOT_DIR, "mask_rcnn_coco.h5")
DEFAULT_LOGS_DIR = os.path.join(ROOT_DIR, "logs")


def plain_graph(input_image, stage5=False, train_bn=None):
    """C1 to C5 by five plain convolutions, for a laptop without a GPU."""
    maps = [input_image]
    for stage, filters in enumerate([8, 16, 24, 32, 48], start=1):
        x = KL.Conv2D(filters, (3, 3), strides=(2, 2), padding="same", name="plain{}".format(stage))(maps[-1])
        maps.append(KL.Activation("relu", name="plain{}_out".format(stage))(x))
    return maps[1:]


def plain_shapes(image_shape):
    return np.array([[-(-image_shape[0] // s), -(-image_shape[1] // s)] for s in (4, 8, 16, 32, 64)])


class LeafConfig(Config):
    """One class beside the background, small pictures."""

    NAME = "leaf"
    IMAGES_PER_GPU = 1
    NUM_CLASSES = 1 + 1
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1
    DETECTION_MIN_CONFIDENCE = 0.4
    DETECTION_MAX_INSTANCES = 3
    BACKBONE = staticmethod(plain_graph)
    COMPUTE_BACKBONE_SHAPE = staticmethod(plain_shapes)
    IMAGE_MIN_DIM = 64
    IMAGE_MAX_DIM = 64
    RPN_ANCHOR_SCALES = (8, 16, 24, 32, 48)
    TOP_DOWN_PYRAMID_SIZE = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 64
    RPN_TRAIN_ANCHORS_PER_IMAGE = 32
    PRE_NMS_LIMIT = 200
    POST_NMS_ROIS_TRAINING = 50
    POST_NMS_ROIS_INFERENCE = 20
    TRAIN_ROIS_PER_IMAGE = 16
    MAX_GT_INSTANCES = 8


class LeafDataset(utils.Dataset):
    def load_leaves(self, dataset_dir, subset):
        """Read the annotations of one subset: train or val."""
        self.add_class("leaf", 1, "leaf")
        assert subset in ["train", "val"]
        dataset_dir = os.path.join(dataset_dir, subset)

        # VIA 1 numbers the regions of an image in a dict, VIA 2 has them in a list. Images that
        # nobody annotated are in the file as well, without regions.
        annotations = json.load(open(os.path.join(dataset_dir, "via_region_data.json")))
        for entry in annotations.values():
            regions = entry["regions"]
            if not regions:
                continue
            if type(regions) is dict:
                regions = list(regions.values())
            path = os.path.join(dataset_dir, entry["filename"])
            height, width = skimage.io.imread(path).shape[:2]
            self.add_image(
                "leaf",
                image_id=entry["filename"],
                path=path,
                width=width,
                height=height,
                polygons=[region["shape_attributes"] for region in regions],
            )

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        if info["source"] != "leaf":
            return super(self.__class__, self).load_mask(image_id)
        mask = np.zeros([info["height"], info["width"], len(info["polygons"])], dtype=np.uint8)
        for number, polygon in enumerate(info["polygons"]):
            rows, columns = skimage.draw.polygon(polygon["all_points_y"], polygon["all_points_x"])
            mask[rows, columns, number] = 1
        return mask.astype(bool), np.ones([mask.shape[-1]], dtype=np.int32)

    def image_reference(self, image_id):
        info = self.image_info[image_id]
        if info["source"] == "leaf":
            return info["path"]
        return super(self.__class__, self).image_reference(image_id)


def train(model):
    dataset_train = LeafDataset()
    dataset_train.load_leaves(args.dataset, "train")
    dataset_train.prepare()

    dataset_val = LeafDataset()
    dataset_val.load_leaves(args.dataset, "val")
    dataset_val.prepare()

    # The set is small and the start is good, so the heads are enough.
    model.train(dataset_train, dataset_val, learning_rate=config.LEARNING_RATE, epochs=1, layers="heads")


def color_splash(image, mask):
    """The image with its colour where any mask is, and grey elsewhere."""
    brightness = np.round(skimage.color.rgb2gray(image) * 255).astype(np.uint8)
    splash = skimage.color.gray2rgb(brightness)
    leaf = np.any(mask, axis=2)
    splash[leaf] = image[leaf]
    return splash


def splash_image(model, image_path):
    photo = skimage.io.imread(image_path)
    result = model.detect([photo], verbose=1)[0]
    out = time.strftime("splash_%Y%m%dT%H%M%S.png")
    skimage.io.imsave(out, color_splash(photo, result["masks"]))
    print("{}: {} leaves, see {}".format(image_path, len(result["scores"]), out))


def splash_video(model, video_path):
    import cv2

    film = cv2.VideoCapture(video_path)
    size = tuple(int(film.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    out = time.strftime("splash_%Y%m%dT%H%M%S.avi")
    writer = cv2.VideoWriter(out, cv2.VideoWriter_fourcc(*"MJPG"), film.get(cv2.CAP_PROP_FPS), size)
    frames = 0
    while True:
        more, bgr = film.read()
        if not more:
            break
        rgb = bgr[..., ::-1]
        masks = model.detect([rgb], verbose=0)[0]["masks"]
        writer.write(color_splash(rgb, masks)[..., ::-1])
        frames += 1
    writer.release()
    print("{}: {} frames, see {}".format(video_path, frames, out))


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Leaves in colour")
    parser.add_argument("command", choices=["train", "splash"])
    parser.add_argument("--dataset", required=False, metavar="FOLDER")
    parser.add_argument("--weights", required=True, metavar="FILE", help="or coco, last, imagenet")
    parser.add_argument("--logs", required=False, default=DEFAULT_LOGS_DIR, metavar="FOLDER")
    parser.add_argument("--image", required=False, metavar="FILE")
    parser.add_argument("--video", required=False, metavar="FILE")
    args = parser.parse_args()

    if args.command == "train" and not args.dataset:
        parser.error("train needs --dataset")
    if args.command == "splash" and not (args.image or args.video):
        parser.error("splash needs --image or --video")

    if args.command == "train":
        config = LeafConfig()
    else:

        class InferenceConfig(LeafConfig):
            GPU_COUNT = 1
            IMAGES_PER_GPU = 1

        config = InferenceConfig()
    config.display()

    if args.command == "train":
        model = modellib.MaskRCNN(mode="training", config=config, model_dir=args.logs)
    else:
        model = modellib.MaskRCNN(mode="inference", config=config, model_dir=args.logs)

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
        # COCO has 81 classes, so these cannot fit.
        model.load_weights(
            weights_path,
            by_name=True,
            exclude=["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"],
        )
    else:
        model.load_weights(weights_path, by_name=True)

    if args.command == "train":
        train(model)
    else:
        if args.image:
            splash_image(model, args.image)
        if args.video:
            splash_video(model, args.video)
