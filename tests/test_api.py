"""The names and argument names that programs written for matterport's Mask R-CNN use."""

import inspect
import re

import pytest

from mrcnn import config, model, parallel_model, utils, visualize
from mrcnn.matterport import handed_on
from tests.tiny import Tiny

CONFIG = """
NAME GPU_COUNT IMAGES_PER_GPU STEPS_PER_EPOCH VALIDATION_STEPS BACKBONE COMPUTE_BACKBONE_SHAPE
BACKBONE_STRIDES FPN_CLASSIF_FC_LAYERS_SIZE TOP_DOWN_PYRAMID_SIZE NUM_CLASSES RPN_ANCHOR_SCALES
RPN_ANCHOR_RATIOS RPN_ANCHOR_STRIDE RPN_NMS_THRESHOLD RPN_TRAIN_ANCHORS_PER_IMAGE PRE_NMS_LIMIT
POST_NMS_ROIS_TRAINING POST_NMS_ROIS_INFERENCE USE_MINI_MASK MINI_MASK_SHAPE IMAGE_RESIZE_MODE
IMAGE_MIN_DIM IMAGE_MAX_DIM IMAGE_MIN_SCALE IMAGE_CHANNEL_COUNT MEAN_PIXEL TRAIN_ROIS_PER_IMAGE
ROI_POSITIVE_RATIO POOL_SIZE MASK_POOL_SIZE MASK_SHAPE MAX_GT_INSTANCES RPN_BBOX_STD_DEV BBOX_STD_DEV
DETECTION_MAX_INSTANCES DETECTION_MIN_CONFIDENCE DETECTION_NMS_THRESHOLD LEARNING_RATE LEARNING_MOMENTUM
WEIGHT_DECAY LOSS_WEIGHTS USE_RPN_ROIS TRAIN_BN GRADIENT_CLIP_NORM BATCH_SIZE IMAGE_SHAPE IMAGE_META_SIZE
display to_dict
"""

UTILS = {
    "extract_bboxes": "mask",
    "compute_iou": "box boxes box_area boxes_area",
    "compute_overlaps": "boxes1 boxes2",
    "compute_overlaps_masks": "masks1 masks2",
    "non_max_suppression": "boxes scores threshold",
    "apply_box_deltas": "boxes deltas",
    "box_refinement": "box gt_box",
    "box_refinement_graph": "box gt_box",
    "resize_image": "image min_dim max_dim min_scale mode",
    "resize_mask": "mask scale padding crop",
    "minimize_mask": "bbox mask mini_shape",
    "expand_mask": "bbox mini_mask image_shape",
    "mold_mask": "mask config",
    "unmold_mask": "mask bbox image_shape",
    "generate_anchors": "scales ratios shape feature_stride anchor_stride",
    "generate_pyramid_anchors": "scales ratios feature_shapes feature_strides anchor_stride",
    "trim_zeros": "x",
    "compute_matches": "gt_boxes gt_class_ids gt_masks pred_boxes pred_class_ids pred_scores pred_masks "
    "iou_threshold score_threshold",
    "compute_ap": "gt_boxes gt_class_ids gt_masks pred_boxes pred_class_ids pred_scores pred_masks "
    "iou_threshold",
    "compute_ap_range": "gt_box gt_class_id gt_mask pred_box pred_class_id pred_score pred_mask "
    "iou_thresholds verbose",
    "compute_recall": "pred_boxes gt_boxes iou",
    "batch_slice": "inputs graph_fn batch_size names",
    "download_trained_weights": "coco_model_path verbose",
    "norm_boxes": "boxes shape",
    "denorm_boxes": "boxes shape",
    "resize": "image output_shape order mode cval clip preserve_range anti_aliasing anti_aliasing_sigma",
}

DATASET = {
    "__init__": "class_map",
    "add_class": "source class_id class_name",
    "add_image": "source image_id path kwargs",
    "image_reference": "image_id",
    "prepare": "class_map",
    "map_source_class_id": "source_class_id",
    "get_source_class_id": "class_id source",
    "append_data": "class_info image_info",
    "source_image_link": "image_id",
    "load_image": "image_id",
    "load_mask": "image_id",
}

MODEL = {
    "log": "text array",
    "data_generator": "dataset config shuffle augment augmentation random_rois batch_size detection_targets "
    "no_augmentation_sources",
    "build_rpn_targets": "image_shape anchors gt_class_ids gt_boxes config",
    "build_detection_targets": "rpn_rois gt_class_ids gt_boxes gt_masks config",
    "generate_random_rois": "image_shape count gt_class_ids gt_boxes",
    "parse_image_meta_graph": "meta",
    "norm_boxes_graph": "boxes shape",
    "resnet_graph": "input_image architecture stage5 train_bn",
    "build_rpn_model": "anchor_stride anchors_per_location depth",
    "fpn_classifier_graph": "rois feature_maps image_meta pool_size num_classes train_bn fc_layers_size",
    "build_fpn_mask_graph": "rois feature_maps image_meta pool_size num_classes train_bn",
    "ProposalLayer": "proposal_count nms_threshold config kwargs",
    "PyramidROIAlign": "pool_shape",
    "DetectionTargetLayer": "config kwargs",
    "DetectionLayer": "config kwargs",
    "load_image_gt": "dataset config image_id augment augmentation use_mini_mask",
    "compose_image_meta": "image_id original_image_shape image_shape window scale active_class_ids",
    "parse_image_meta": "meta",
    "mold_image": "images config",
    "unmold_image": "normalized_images config",
    "compute_backbone_shapes": "config image_shape",
    "identity_block": "input_tensor kernel_size filters stage block use_bias train_bn",
    "conv_block": "input_tensor kernel_size filters stage block strides use_bias train_bn",
    "rpn_graph": "feature_map anchors_per_location anchor_stride",
    "apply_box_deltas_graph": "boxes deltas",
    "clip_boxes_graph": "boxes window",
    "denorm_boxes_graph": "boxes shape",
    "overlaps_graph": "boxes1 boxes2",
    "log2_graph": "x",
    "trim_zeros_graph": "boxes name",
    "batch_pack_graph": "x counts num_rows",
    "refine_detections_graph": "rois probs deltas window config",
    "detection_targets_graph": "proposals gt_class_ids gt_boxes gt_masks config",
    "smooth_l1_loss": "y_true y_pred",
    "rpn_class_loss_graph": "rpn_match rpn_class_logits",
    "rpn_bbox_loss_graph": "config target_bbox rpn_match rpn_bbox",
    "mrcnn_class_loss_graph": "target_class_ids pred_class_logits active_class_ids",
    "mrcnn_bbox_loss_graph": "target_bbox target_class_ids pred_bbox",
    "mrcnn_mask_loss_graph": "target_masks target_class_ids pred_masks",
    "DataGenerator": "dataset config shuffle augmentation random_rois detection_targets",
}

MASK_RCNN = {
    "__init__": "mode config model_dir",
    "build": "mode config",
    "load_weights": "filepath by_name exclude",
    "train": "train_dataset val_dataset learning_rate epochs layers augmentation custom_callbacks "
    "no_augmentation_sources",
    "get_imagenet_weights": "",
    "find_last": "",
    "set_log_dir": "model_path",
    "compile": "learning_rate momentum",
    "set_trainable": "layer_regex keras_model indent verbose",
    "find_trainable_layer": "layer",
    "get_trainable_layers": "",
    "detect_molded": "molded_images image_metas verbose",
    "ancestor": "tensor name checked",
    "run_graph": "images outputs image_metas",
    "mold_inputs": "images",
    "unmold_detections": "detections mrcnn_mask original_image_shape image_shape window",
    "detect": "images verbose",
    "get_anchors": "image_shape",
}

VISUALIZE = {
    "display_images": "images titles cols cmap norm interpolation",
    "random_colors": "N bright",
    "apply_mask": "image mask color alpha",
    "display_instances": "image boxes masks class_ids class_names scores title figsize ax show_mask "
    "show_bbox colors captions",
    "display_differences": "image gt_box gt_class_id gt_mask pred_box pred_class_id pred_score pred_mask "
    "class_names title ax show_mask show_box iou_threshold score_threshold",
    "draw_rois": "image rois refined_rois mask class_ids class_names limit",
    "draw_box": "image box color",
    "display_top_masks": "image mask class_ids class_names limit",
    "plot_precision_recall": "AP precisions recalls",
    "plot_overlaps": "gt_class_ids pred_class_ids pred_scores overlaps class_names threshold",
    "draw_boxes": "image boxes refined_boxes masks captions visibilities title ax",
    "display_table": "table",
    "display_weight_stats": "model",
    "display_weight": "name model",
}

# The defaults of arguments, by what is to be called; those that are not named here have none in the old code.
DEFAULTS = {
    "utils.resize_image": {"min_dim": None, "max_dim": None, "min_scale": None, "mode": "square"},
    "utils.resize_mask": {"crop": None},
    "utils.compute_matches": {"iou_threshold": 0.5, "score_threshold": 0.0},
    "utils.compute_ap": {"iou_threshold": 0.5},
    "utils.compute_ap_range": {"iou_thresholds": None, "verbose": 1},
    "utils.batch_slice": {"names": None},
    "utils.download_trained_weights": {"verbose": 1},
    "utils.resize": {
        "order": 1, "mode": "constant", "cval": 0, "clip": True, "preserve_range": False,
        "anti_aliasing": False, "anti_aliasing_sigma": None,
    },
    "Dataset.__init__": {"class_map": None},
    "Dataset.prepare": {"class_map": None},
    "model.log": {"array": None},
    "model.data_generator": {
        "shuffle": True, "augment": False, "augmentation": None, "random_rois": 0, "batch_size": 1,
        "detection_targets": False, "no_augmentation_sources": None,
    },
    "model.resnet_graph": {"stage5": False, "train_bn": True},
    "model.identity_block": {"use_bias": True, "train_bn": True},
    "model.conv_block": {"strides": (2, 2), "use_bias": True, "train_bn": True},
    "model.trim_zeros_graph": {"name": "trim_zeros"},
    "model.DataGenerator": {
        "shuffle": True, "augmentation": None, "random_rois": 0, "detection_targets": False,
    },
    "model.fpn_classifier_graph": {"train_bn": True, "fc_layers_size": 1024},
    "model.build_fpn_mask_graph": {"train_bn": True},
    "model.ProposalLayer": {"config": None},
    "model.load_image_gt": {"augment": False, "augmentation": None, "use_mini_mask": False},
    "MaskRCNN.load_weights": {"by_name": False, "exclude": None},
    "MaskRCNN.train": {"augmentation": None, "custom_callbacks": None, "no_augmentation_sources": None},
    "MaskRCNN.set_log_dir": {"model_path": None},
    "MaskRCNN.set_trainable": {"keras_model": None, "indent": 0, "verbose": 1},
    "MaskRCNN.detect_molded": {"verbose": 0},
    "MaskRCNN.ancestor": {"checked": None},
    "MaskRCNN.run_graph": {"image_metas": None},
    "MaskRCNN.detect": {"verbose": 0},
    "visualize.display_images": {
        "titles": None, "cols": 4, "cmap": None, "norm": None, "interpolation": None,
    },
    "visualize.random_colors": {"bright": True},
    "visualize.apply_mask": {"alpha": 0.5},
    "visualize.display_instances": {
        "scores": None, "title": "", "figsize": (16, 16), "ax": None, "show_mask": True, "show_bbox": True,
        "colors": None, "captions": None,
    },
    "visualize.display_differences": {
        "title": "", "ax": None, "show_mask": True, "show_box": True, "iou_threshold": 0.5,
        "score_threshold": 0.5,
    },
    "visualize.draw_rois": {"limit": 10},
    "visualize.display_top_masks": {"limit": 4},
    "visualize.plot_overlaps": {"threshold": 0.5},
    "visualize.draw_boxes": {
        "boxes": None, "refined_boxes": None, "masks": None, "captions": None, "visibilities": None,
        "title": "", "ax": None,
    },
}  # fmt: skip

# What Config has where a program overrides nothing.
CONFIG_DEFAULTS = {
    "NAME": None, "GPU_COUNT": 1, "IMAGES_PER_GPU": 2, "STEPS_PER_EPOCH": 1000, "VALIDATION_STEPS": 50,
    "BACKBONE": "resnet101", "COMPUTE_BACKBONE_SHAPE": None, "BACKBONE_STRIDES": [4, 8, 16, 32, 64],
    "FPN_CLASSIF_FC_LAYERS_SIZE": 1024, "TOP_DOWN_PYRAMID_SIZE": 256, "NUM_CLASSES": 1,
    "RPN_ANCHOR_SCALES": [32, 64, 128, 256, 512], "RPN_ANCHOR_RATIOS": [0.5, 1, 2], "RPN_ANCHOR_STRIDE": 1,
    "RPN_NMS_THRESHOLD": 0.7, "RPN_TRAIN_ANCHORS_PER_IMAGE": 256, "PRE_NMS_LIMIT": 6000,
    "POST_NMS_ROIS_TRAINING": 2000, "POST_NMS_ROIS_INFERENCE": 1000, "USE_MINI_MASK": True,
    "MINI_MASK_SHAPE": [56, 56], "IMAGE_RESIZE_MODE": "square", "IMAGE_MIN_DIM": 800, "IMAGE_MAX_DIM": 1024,
    "IMAGE_MIN_SCALE": 0, "IMAGE_CHANNEL_COUNT": 3, "MEAN_PIXEL": [123.7, 116.8, 103.9],
    "TRAIN_ROIS_PER_IMAGE": 200, "ROI_POSITIVE_RATIO": 0.33, "POOL_SIZE": 7, "MASK_POOL_SIZE": 14,
    "MASK_SHAPE": [28, 28], "MAX_GT_INSTANCES": 100, "RPN_BBOX_STD_DEV": [0.1, 0.1, 0.2, 0.2],
    "BBOX_STD_DEV": [0.1, 0.1, 0.2, 0.2], "DETECTION_MAX_INSTANCES": 100, "DETECTION_MIN_CONFIDENCE": 0.7,
    "DETECTION_NMS_THRESHOLD": 0.3, "LEARNING_RATE": 0.001, "LEARNING_MOMENTUM": 0.9, "WEIGHT_DECAY": 0.0001,
    "LOSS_WEIGHTS": dict.fromkeys(
        ("rpn_class_loss", "rpn_bbox_loss", "mrcnn_class_loss", "mrcnn_bbox_loss", "mrcnn_mask_loss"), 1.0
    ),
    "USE_RPN_ROIS": True, "TRAIN_BN": False, "GRADIENT_CLIP_NORM": 5.0,
}  # fmt: skip

OWNERS = [
    (utils, UTILS),
    (utils.Dataset, DATASET),
    (model, MODEL),
    (model.MaskRCNN, MASK_RCNN),
    (visualize, VISUALIZE),
]
CALLS = [
    pytest.param(owner, name, arguments.split(), id=f"{owner.__name__}.{name}")
    for owner, functions in OWNERS
    for name, arguments in functions.items()
]


@pytest.mark.parametrize(("owner", "name", "arguments"), CALLS)
def test_arguments(owner, name, arguments):
    """They have matterport's names in matterport's order; ours may follow, with a default."""
    ours = list(inspect.signature(getattr(owner, name)).parameters.values())
    ours = [parameter for parameter in ours if parameter.name != "self"]
    assert [parameter.name for parameter in ours[: len(arguments)]] == arguments
    more = [parameter for parameter in ours[len(arguments) :] if parameter.kind != parameter.VAR_KEYWORD]
    assert all(parameter.default is not parameter.empty for parameter in more)


@pytest.mark.parametrize(("owner", "name", "arguments"), CALLS)
def test_defaults(owner, name, arguments):
    parameters = inspect.signature(getattr(owner, name)).parameters
    expected = DEFAULTS.get(f"{owner.__name__.removeprefix('mrcnn.')}.{name}", {})
    assert set(expected) <= set(arguments)
    for argument in arguments:
        if argument in expected:
            assert parameters[argument].default == expected[argument], argument


def test_defaults_are_of_names_that_programs_use():
    known = {f"{owner.__name__.removeprefix('mrcnn.')}.{name}" for owner, names in OWNERS for name in names}
    assert set(DEFAULTS) <= known


@pytest.mark.parametrize("name", CONFIG.split())
def test_config(name):
    assert hasattr(config.Config(), name)


@pytest.mark.parametrize("name", CONFIG_DEFAULTS)
def test_defaults_of_the_config(name):
    assert config.Config().to_plain()[name] == CONFIG_DEFAULTS[name]


def test_attributes_of_a_data_set():
    dataset = utils.Dataset()
    dataset.add_class("shapes", 1, "square,box")
    dataset.add_image("shapes", 7, path="x.png", extra=3)
    dataset.prepare()
    assert dataset.image_info == [{"id": 7, "source": "shapes", "path": "x.png", "extra": 3}]
    assert dataset.class_info[0] == {"source": "", "id": 0, "name": "BG"}
    assert (dataset.num_classes, dataset.num_images) == (2, 1)
    assert dataset.class_names == ["BG", "square"]
    assert list(dataset.class_ids) == [0, 1] and list(dataset.image_ids) == [0]
    assert dataset.class_from_source_map == {".0": 0, "shapes.1": 1}
    assert dataset.sources == ["", "shapes"]
    assert dataset.source_class_ids == {"": [0], "shapes": [0, 1]}


def test_attributes_of_a_model():
    made = model.MaskRCNN("inference", Tiny(), "logs")
    assert (made.mode, made.model_dir, made.epoch) == ("inference", "logs", 0)
    assert re.fullmatch(r"logs/tiny\d{8}T\d{4}", made.log_dir)
    assert made.checkpoint_path == f"{made.log_dir}/mask_rcnn_tiny_{{epoch:04d}}.h5"
    assert made.keras_model.get_layer("ROI") and made.anchors.shape == (4092, 4)


DOORS = [model, utils, visualize, parallel_model]


@pytest.mark.parametrize("module", DOORS, ids=lambda module: module.__name__)
def test_what_a_door_lists_is_there(module):
    more = [*handed_on.NAMES[module.__name__], *handed_on.ALREADY_THERE[module.__name__]]
    own = module.__all__[: -len(more)]
    assert sorted(own) == own and module.__all__ == [*own, *more]
    assert all(hasattr(module, name) for name in module.__all__)
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'nonsense'"):
        _ = module.nonsense


def test_names_of_other_packages_are_handed_on():
    """As attributes, and by ``import *``."""
    assert model.utils is utils and visualize.utils is utils
    program = """
from mrcnn.config import *
from mrcnn.model import *
from mrcnn.utils import *
from mrcnn.visualize import *
"""
    names = {}
    exec(program, names)
    import matplotlib.patches
    import matplotlib.pyplot

    assert names["plt"] is matplotlib.pyplot and names["Polygon"] is matplotlib.patches.Polygon
    assert names["np"].__name__ == "numpy" and names["KL"].Dense and names["Config"] is config.Config
    assert names["display_instances"] is visualize.display_instances and names["utils"] is utils
