"""
Mask R-CNN on drawn shapes: the cells of a notebook, exported as a script.

Trains on shapes drawn on request, loads the trained weights and looks into the network.
Figures and numbers are saved beside the logs.
"""
# ruff: noqa: E402, F401, I001, RUF046, UP031, UP032

# In[1]: imports

import os
import sys
import random
import math
import numpy as np
import cv2
import matplotlib
import matplotlib.pyplot as plt
import keras
import keras.layers as KL

ROOT_DIR = os.path.abspath("../../")
sys.path.append(ROOT_DIR)

from mrcnn.config import Config
from mrcnn import utils
import mrcnn.model as modellib
from mrcnn import visualize
from mrcnn.model import log

MODEL_DIR = os.path.join(ROOT_DIR, "logs")


# In[2]: configuration


def simple_graph(input_image, stage5, train_bn):
    """Five plain convolutions; shapes do not ask for more."""
    features = []
    x = input_image
    for stage, filters in enumerate([8, 16, 24, 32, 48]):
        x = KL.Conv2D(filters, (3, 3), strides=(2, 2), padding="same", name="simple%d" % (stage + 1))(x)
        x = KL.Activation("relu", name="simple%d_out" % (stage + 1))(x)
        features.append(x)
    return features


def simple_shapes(image_shape):
    sides = [4, 8, 16, 32, 64]
    return np.array([[int(math.ceil(image_shape[0] / s)), int(math.ceil(image_shape[1] / s))] for s in sides])


class ShapesConfig(Config):
    NAME = "shapes"
    GPU_COUNT = 1
    IMAGES_PER_GPU = 2
    NUM_CLASSES = 1 + 3
    BACKBONE = staticmethod(simple_graph)
    COMPUTE_BACKBONE_SHAPE = staticmethod(simple_shapes)
    IMAGE_MIN_DIM = 128
    IMAGE_MAX_DIM = 128
    RPN_ANCHOR_SCALES = (8, 16, 32, 64, 128)
    RPN_TRAIN_ANCHORS_PER_IMAGE = 64
    PRE_NMS_LIMIT = 300
    POST_NMS_ROIS_TRAINING = 60
    POST_NMS_ROIS_INFERENCE = 30
    TRAIN_ROIS_PER_IMAGE = 16
    MAX_GT_INSTANCES = 6
    DETECTION_MAX_INSTANCES = 8
    TOP_DOWN_PYRAMID_SIZE = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 64
    MINI_MASK_SHAPE = (28, 28)
    STEPS_PER_EPOCH = 2
    VALIDATION_STEPS = 1


config = ShapesConfig()
config.display()


def get_ax(rows=1, cols=1, size=4):
    _, ax = plt.subplots(rows, cols, figsize=(size * cols, size * rows))
    return ax


# In[3]: data set


class ShapesDataset(utils.Dataset):
    """Discs, bars and kites on a plain ground; nothing is read from disk."""

    def load_shapes(self, count, height, width):
        self.add_class("shapes", 1, "disc")
        self.add_class("shapes", 2, "bar")
        self.add_class("shapes", 3, "kite")
        for i in range(count):
            ground = np.array([random.randint(0, 255) for _ in range(3)])
            shapes = [self.any_shape(height, width) for _ in range(random.randint(1, 3))]
            self.add_image(
                "shapes", image_id=i, path=None, width=width, height=height, ground=ground, shapes=shapes
            )

    def any_shape(self, height, width):
        name = random.choice(["disc", "bar", "kite"])
        color = tuple([random.randint(0, 255) for _ in range(3)])
        s = random.randint(12, height // 4)
        y = random.randint(s, height - s - 1)
        x = random.randint(s, width - s - 1)
        return name, color, (x, y, s)

    def load_image(self, image_id):
        info = self.image_info[image_id]
        image = np.ones([info["height"], info["width"], 3], dtype=np.uint8)
        image = image * info["ground"].reshape([1, 1, 3]).astype(np.uint8)
        for name, color, dims in info["shapes"]:
            image = self.draw(image, name, dims, color)
        return image

    def image_reference(self, image_id):
        return self.image_info[image_id]["shapes"]

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        shapes = info["shapes"]
        mask = np.zeros([info["height"], info["width"], len(shapes)], dtype=np.uint8)
        for i, (name, _, dims) in enumerate(shapes):
            mask[:, :, i] = self.draw(np.zeros(mask.shape[:2], dtype=np.uint8), name, dims, 1)
        # What was drawn later hides what was drawn before.
        covered = np.zeros(mask.shape[:2], dtype=bool)
        for i in range(len(shapes) - 1, -1, -1):
            mask[:, :, i] = mask[:, :, i] * np.logical_not(covered)
            covered = np.logical_or(covered, mask[:, :, i])
        class_ids = np.array([self.class_names.index(s[0]) for s in shapes])
        return mask.astype(bool), class_ids.astype(np.int32)

    def draw(self, image, name, dims, color):
        x, y, s = dims
        if name == "disc":
            cv2.circle(image, (x, y), s, color, -1)
        elif name == "bar":
            cv2.rectangle(image, (x - s, y - s // 2), (x + s, y + s // 2), color, -1)
        elif name == "kite":
            points = np.array([[(x, y - s), (x - s // 2, y), (x, y + s), (x + s // 2, y)]], dtype=np.int32)
            cv2.fillPoly(image, points, color)
        return image


random.seed(3)
dataset_train = ShapesDataset()
dataset_train.load_shapes(12, config.IMAGE_SHAPE[0], config.IMAGE_SHAPE[1])
dataset_train.prepare()

dataset_val = ShapesDataset()
dataset_val.load_shapes(4, config.IMAGE_SHAPE[0], config.IMAGE_SHAPE[1])
dataset_val.prepare()

for image_id in dataset_train.image_ids[:2]:
    image = dataset_train.load_image(image_id)
    mask, class_ids = dataset_train.load_mask(image_id)
    visualize.display_top_masks(image, mask, class_ids, dataset_train.class_names)
    plt.savefig(os.path.join(ROOT_DIR, "top_masks_%d.png" % image_id))
    plt.close("all")

# In[4]: training

model = modellib.MaskRCNN(mode="training", config=config, model_dir=MODEL_DIR)

losses = []
keep_losses = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda epoch, logs: losses.append(float(logs["loss"]))
)

model.train(dataset_train, dataset_val, config.LEARNING_RATE, 1, "heads", custom_callbacks=[keep_losses])
model.train(dataset_train, dataset_val, config.LEARNING_RATE / 10, 2, "all", custom_callbacks=[keep_losses])
print("Losses:", losses)

model_path = os.path.join(MODEL_DIR, "mask_rcnn_shapes.h5")
model.keras_model.save_weights(model_path)

# In[5]: detection


class InferenceConfig(ShapesConfig):
    GPU_COUNT = 1
    IMAGES_PER_GPU = 1
    DETECTION_MIN_CONFIDENCE = 0


inference_config = InferenceConfig()
model = modellib.MaskRCNN(mode="inference", config=inference_config, model_dir=MODEL_DIR)
model_path = model.find_last()
print("Loading weights from ", model_path)
model.load_weights(model_path, by_name=True)

image_id = dataset_val.image_ids[0]
photo, image_meta, gt_class_id, gt_bbox, gt_mask = modellib.load_image_gt(
    dataset_val, inference_config, image_id, use_mini_mask=False
)
log("photo", photo)
log("image_meta", image_meta)
log("gt_mask", gt_mask)
visualize.display_instances(photo, gt_bbox, gt_mask, gt_class_id, dataset_train.class_names, figsize=(4, 4))

r = model.detect([photo], verbose=1)[0]
visualize.display_instances(
    photo, r["rois"], r["masks"], r["class_ids"], dataset_val.class_names, r["scores"], ax=get_ax()
)
plt.savefig(os.path.join(ROOT_DIR, "detections.png"))
truth, found = (gt_bbox, gt_class_id, gt_mask), (r["rois"], r["class_ids"], r["scores"], r["masks"])
visualize.display_differences(photo, *truth, *found, dataset_val.class_names, ax=get_ax())
plt.close("all")

# In[6]: evaluation

APs = []
for image_id in dataset_val.image_ids:
    image, image_meta, gt_class_id, gt_bbox, gt_mask = modellib.load_image_gt(
        dataset_val, inference_config, image_id, use_mini_mask=False
    )
    found = model.detect([image], verbose=0)[0]
    AP, precisions, recalls, overlaps = utils.compute_ap(
        gt_bbox, gt_class_id, gt_mask, found["rois"], found["class_ids"], found["scores"], found["masks"]
    )
    APs.append(AP)
print("mAP: ", np.mean(APs))

# What the numbers are where every instance is found.
AP, precisions, recalls, overlaps = utils.compute_ap(
    gt_bbox, gt_class_id, gt_mask, gt_bbox, gt_class_id, np.linspace(0.9, 0.8, len(gt_class_id)), gt_mask
)
print("AP of the truth: ", AP)
visualize.plot_precision_recall(AP, precisions, recalls)
plt.savefig(os.path.join(ROOT_DIR, "precision_recall.png"))
visualize.plot_overlaps(
    gt_class_id, gt_class_id, np.ones(len(gt_class_id)), overlaps, dataset_val.class_names
)
plt.close("all")

# In[7]: inside the network: proposals

image_id = dataset_val.image_ids[0]
image, image_meta, gt_class_id, gt_bbox, gt_mask = modellib.load_image_gt(
    dataset_val, inference_config, image_id, use_mini_mask=False
)
model.detect([image])  # sets model.anchors
match, deltas = modellib.build_rpn_targets(image.shape, model.anchors, gt_class_id, gt_bbox, model.config)
log("match", match)
log("deltas", deltas)
positive = np.where(match == 1)[0]
negative = np.where(match == -1)[0]
print("positive, negative, neutral anchors:", len(positive), len(negative), np.sum(match == 0))
positive_anchors = model.anchors[positive]
moved = utils.apply_box_deltas(positive_anchors, deltas[: len(positive)] * model.config.RPN_BBOX_STD_DEV)
visualize.draw_boxes(image, boxes=positive_anchors, refined_boxes=moved, ax=get_ax())
plt.savefig(os.path.join(ROOT_DIR, "rpn_targets.png"))
plt.close("all")

proposals = model.keras_model.get_layer("ROI").output
nms = model.ancestor(proposals, "ROI/rpn_non_max_suppression:0")
if nms is None:
    nms = model.ancestor(proposals, "ROI/rpn_non_max_suppression/NonMaxSuppressionV2:0")
rpn = model.run_graph(
    [image],
    [
        ("rpn_class", model.keras_model.get_layer("rpn_class").output),
        ("pre_nms_anchors", model.ancestor(proposals, "ROI/pre_nms_anchors:0")),
        ("refined_anchors", model.ancestor(proposals, "ROI/refined_anchors:0")),
        ("refined_anchors_clipped", model.ancestor(proposals, "ROI/refined_anchors_clipped:0")),
        ("post_nms_anchor_ix", nms),
        ("proposals", proposals),
    ],
)
best = np.argsort(-rpn["rpn_class"][0, :, 1])[:10]
visualize.draw_boxes(image, boxes=model.anchors[best], ax=get_ax())
visualize.draw_boxes(image, refined_boxes=rpn["proposals"][0, :10] * 128, ax=get_ax())
plt.close("all")

# In[8]: inside the network: heads

names = ["ROI", "mrcnn_class", "mrcnn_bbox", "mrcnn_mask", "mrcnn_detection"]
heads = model.run_graph([image], [(name, model.keras_model.get_layer(name).output) for name in names])
detections = heads["mrcnn_detection"][0]
detections = detections[detections[:, 4] > 0]
captions = ["{} {:.3f}".format(dataset_val.class_names[int(row[4])], row[5]) for row in detections]
print("{} detections: {}".format(len(detections), ", ".join(captions)))
boxes = utils.denorm_boxes(detections[:, :4], image.shape[:2])
visualize.draw_boxes(image, refined_boxes=boxes, visibilities=[2] * len(boxes), captions=captions)
plt.savefig(os.path.join(ROOT_DIR, "head.png"))
plt.close("all")
winners = np.argmax(heads["mrcnn_class"][0], axis=1)
print("{} of {} proposals are no background".format(np.sum(winners > 0), len(winners)))

activations = model.run_graph(
    [image],
    [
        ("input_image", model.keras_model.get_layer("input_image").output),
        ("simple2_out", model.keras_model.get_layer("simple2_out").output),
        ("fpn_p2", model.keras_model.get_layer("fpn_p2").output),
        ("rpn_bbox", model.keras_model.get_layer("rpn_bbox").output),
    ],
)
visualize.display_images(np.transpose(activations["simple2_out"][0, :, :, :4], [2, 0, 1]), cols=4)
plt.close("all")
visualize.display_weight_stats(model)

# In[9]: detection of what was molded before

molded_images = np.expand_dims(modellib.mold_image(image, inference_config), 0)
molded = model.detect_molded(molded_images, np.expand_dims(image_meta, 0), verbose=1)[0]
log("masks", molded["masks"])

# The manually saved file holds the same network.
model.load_weights(os.path.join(MODEL_DIR, "mask_rcnn_shapes.h5"), by_name=True)
again = model.detect([photo], verbose=0)[0]

# In[10]: what the network is trained on

image, image_meta, class_ids, bbox, mini_mask = modellib.load_image_gt(
    dataset_train, config, 1, augment=False, use_mini_mask=True
)
log("mini_mask", mini_mask)
whole_mask = modellib.load_image_gt(dataset_train, config, 1, use_mini_mask=False)[4]
expanded = utils.expand_mask(bbox, mini_mask, image.shape)
visualize.display_images([image] + [mini_mask[:, :, i] for i in range(min(mini_mask.shape[-1], 3))])
plt.close("all")

backbone_shapes = modellib.compute_backbone_shapes(config, config.IMAGE_SHAPE)
anchors = utils.generate_pyramid_anchors(
    config.RPN_ANCHOR_SCALES,
    config.RPN_ANCHOR_RATIOS,
    backbone_shapes,
    config.BACKBONE_STRIDES,
    config.RPN_ANCHOR_STRIDE,
)
print("Count: ", anchors.shape[0])

g = modellib.data_generator(
    dataset_train, config, shuffle=True, random_rois=200, batch_size=2, detection_targets=True
)
inputs, targets = next(g)
normalized_images, batch_meta, rpn_match, rpn_bbox, gt_class_ids, gt_boxes, gt_masks, rpn_rois, rois = inputs
mrcnn_class_ids, mrcnn_bbox, mrcnn_mask = targets
for name, array in zip(["class ids", "boxes", "masks", "match", "deltas"], inputs[4:7] + inputs[2:4]):
    log(name, array)
for name, array in zip(["rois", "roi class ids", "roi deltas", "roi masks"], [rois, *targets]):
    log(name, array)
batch_image_id = modellib.parse_image_meta(batch_meta)["image_id"][0]
print("image_id: ", batch_image_id, dataset_train.image_reference(int(batch_image_id)))
sample_image = modellib.unmold_image(normalized_images[0], config)
b = 0
own_class = mrcnn_class_ids[b, :, 0]
places = np.arange(len(own_class))
refined_rois = utils.apply_box_deltas(
    rois[b].astype(np.float32), mrcnn_bbox[b, places, own_class] * config.BBOX_STD_DEV
)
roi_masks = mrcnn_mask[b, places, :, :, own_class]
visualize.draw_rois(
    sample_image, rois[b], refined_rois, roi_masks, mrcnn_class_ids[b, :, 0], dataset_train.class_names
)
plt.close("all")
print("Positive ROIs: ", np.sum(mrcnn_class_ids[b] > 0))

# In[11]: keep the numbers

np.savez(
    os.path.join(ROOT_DIR, "numbers.npz"),
    losses=losses,
    APs=APs,
    image=photo,
    rois=r["rois"],
    class_ids=r["class_ids"],
    scores=r["scores"],
    masks=r["masks"],
    again_rois=again["rois"],
    again_scores=again["scores"],
    again_masks=again["masks"],
    molded_rois=molded["rois"],
    molded_scores=molded["scores"],
    molded_masks=molded["masks"],
    graph_detections=detections,
    graph_probs=heads["mrcnn_class"],
    graph_deltas=heads["mrcnn_bbox"],
    graph_proposals=heads["ROI"],
    input_image=activations["input_image"],
    fpn_p2=activations["fpn_p2"],
    positive_anchors=positive_anchors,
    negative_count=len(negative),
    refined_anchors=moved,
    gt_bbox=gt_bbox,
    anchors=anchors,
    model_anchors=model.anchors,
    expanded=expanded,
    whole_mask=whole_mask,
    batch_class_ids=mrcnn_class_ids,
    batch_rois=rois,
    batch_refined=refined_rois,
    batch_gt_boxes=gt_boxes,
    batch_gt_class_ids=gt_class_ids,
)
