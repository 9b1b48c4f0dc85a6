"""docs/names.md against the modules: no public name of matterport's is missing, and each is as it says."""

import inspect
import re
from pathlib import Path

import keras
import pytest

from mrcnn import config, model, parallel_model, utils, visualize
from mrcnn.matterport import handed_on
from tests import test_api
from tests.tiny import Tiny

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "names.md").read_text(encoding="utf-8")

# What the original's modules and classes define, but for private names.
ORIGINAL = {
    "mrcnn.config": """
        Config NAME GPU_COUNT IMAGES_PER_GPU STEPS_PER_EPOCH VALIDATION_STEPS BACKBONE COMPUTE_BACKBONE_SHAPE
        BACKBONE_STRIDES FPN_CLASSIF_FC_LAYERS_SIZE TOP_DOWN_PYRAMID_SIZE NUM_CLASSES RPN_ANCHOR_SCALES
        RPN_ANCHOR_RATIOS RPN_ANCHOR_STRIDE RPN_NMS_THRESHOLD RPN_TRAIN_ANCHORS_PER_IMAGE PRE_NMS_LIMIT
        POST_NMS_ROIS_TRAINING POST_NMS_ROIS_INFERENCE USE_MINI_MASK MINI_MASK_SHAPE IMAGE_RESIZE_MODE
        IMAGE_MIN_DIM IMAGE_MAX_DIM IMAGE_MIN_SCALE IMAGE_CHANNEL_COUNT MEAN_PIXEL TRAIN_ROIS_PER_IMAGE
        ROI_POSITIVE_RATIO POOL_SIZE MASK_POOL_SIZE MASK_SHAPE MAX_GT_INSTANCES RPN_BBOX_STD_DEV BBOX_STD_DEV
        DETECTION_MAX_INSTANCES DETECTION_MIN_CONFIDENCE DETECTION_NMS_THRESHOLD LEARNING_RATE
        LEARNING_MOMENTUM WEIGHT_DECAY LOSS_WEIGHTS USE_RPN_ROIS TRAIN_BN GRADIENT_CLIP_NORM BATCH_SIZE
        IMAGE_SHAPE IMAGE_META_SIZE display to_dict
        """,
    "mrcnn.model": """
        log BatchNorm compute_backbone_shapes identity_block conv_block resnet_graph apply_box_deltas_graph
        clip_boxes_graph ProposalLayer log2_graph PyramidROIAlign overlaps_graph detection_targets_graph
        DetectionTargetLayer refine_detections_graph DetectionLayer rpn_graph build_rpn_model
        fpn_classifier_graph build_fpn_mask_graph smooth_l1_loss rpn_class_loss_graph rpn_bbox_loss_graph
        mrcnn_class_loss_graph mrcnn_bbox_loss_graph mrcnn_mask_loss_graph load_image_gt
        build_detection_targets build_rpn_targets generate_random_rois data_generator MaskRCNN
        compose_image_meta parse_image_meta parse_image_meta_graph mold_image unmold_image trim_zeros_graph
        batch_pack_graph norm_boxes_graph denorm_boxes_graph DataGenerator
        """,
    "MaskRCNN": """
        mode config model_dir keras_model epoch log_dir checkpoint_path anchors build find_last load_weights
        get_imagenet_weights compile set_trainable set_log_dir train mold_inputs unmold_detections detect
        detect_molded get_anchors ancestor find_trainable_layer get_trainable_layers run_graph
        """,
    "mrcnn.parallel_model": "ParallelModel make_parallel",
    "mrcnn.utils": """
        COCO_MODEL_URL extract_bboxes compute_iou compute_overlaps compute_overlaps_masks non_max_suppression
        apply_box_deltas box_refinement_graph box_refinement Dataset resize_image resize_mask minimize_mask
        expand_mask mold_mask unmold_mask generate_anchors generate_pyramid_anchors trim_zeros compute_matches
        compute_ap compute_ap_range compute_recall batch_slice download_trained_weights norm_boxes
        denorm_boxes resize
        """,
    "Dataset": """
        image_ids image_info class_info source_class_ids num_classes class_ids class_names num_images
        class_from_source_map image_from_source_map sources add_class add_image image_reference prepare
        map_source_class_id get_source_class_id append_data source_image_link load_image load_mask
        """,
    "mrcnn.visualize": """
        ROOT_DIR display_images random_colors apply_mask display_instances display_differences draw_rois
        draw_box display_top_masks plot_precision_recall plot_overlaps draw_boxes display_table
        display_weight_stats display_weight
        """,
}
MODULES = {module.__name__: module for module in (config, model, parallel_model, utils, visualize)}


def tables():
    """{owner: [(names, here, what)]}: the tables of the page by module or class."""
    found, owner = {}, None
    for line in PAGE.splitlines():
        heading = re.fullmatch(r"## (.*)|`(\w+)` has:", line)
        if heading:
            owner = heading[1] or heading[2]
        row = re.fullmatch(r"\| (`.*?`) \| (.*?) \| ?(.*?) ?\|", line)
        if row and owner in ORIGINAL:
            found.setdefault(owner, []).append((re.findall(r"`(\w+)`", row[1]), row[2], row[3]))
    return found


ROWS = [(owner, name, here) for owner, rows in tables().items() for names, here, _ in rows for name in names]


class Unbuilt(model.MaskRCNN):
    """Without a network, which takes a second to build."""

    def build(self, mode, config):
        image = keras.Input((4,))
        return keras.Model(image, image)


def objects(owner):
    """What may have a name of an owner."""
    if owner == "MaskRCNN":
        return [Unbuilt("inference", Tiny(), "runs")]
    if owner == "Dataset":
        dataset = utils.Dataset()
        dataset.prepare()
        return [dataset]
    module = MODULES[owner]
    return [
        module,
        *{config: [config.Config()], parallel_model: [parallel_model.ParallelModel]}.get(module, []),
    ]


@pytest.mark.parametrize("owner", ORIGINAL)
def test_each_name_of_the_original_is_in_one_row(owner):
    names = [name for other, name, _ in ROWS if other == owner]
    assert sorted(names) == sorted(ORIGINAL[owner].split())


@pytest.mark.parametrize("owner", ORIGINAL)
def test_names_are_there_or_not_as_the_page_says(owner):
    places = objects(owner)
    for other, name, here in ROWS:
        if other == owner:
            assert any(hasattr(place, name) for place in places) is (here != "not there"), name


def test_what_differs_is_said_and_the_same_needs_no_words():
    for rows in tables().values():
        for names, here, what in rows:
            assert here in ("same", "same but", "not there"), names
            assert bool(what) is (here != "same"), names
            assert not what or what.endswith("."), names


def test_the_arguments_of_every_function_are_held():
    """tests/test_api.py compares them with matterport's."""
    known = {"Dataset": test_api.DATASET, "MaskRCNN": test_api.MASK_RCNN}
    known |= {f"mrcnn.{name.lower()}": getattr(test_api, name) for name in ("UTILS", "MODEL", "VISUALIZE")}
    for owner, held in known.items():
        for place in objects(owner)[:1]:
            functions = {
                name
                for other, name, here in ROWS
                if other == owner and here != "not there" and inspect.isroutine(getattr(place, name))
            }
            assert functions <= held.keys(), owner


def test_names_that_are_handed_on():
    rows = dict(re.findall(r"^\| `(mrcnn\.\w+)` \| (`\w+`(?:, `\w+`)*) \|$", PAGE, re.MULTILINE))
    on_page = {module: set(re.findall(r"`(\w+)`", names)) for module, names in rows.items()}
    assert on_page.pop("mrcnn.config") == {"np"} and hasattr(config, "np")
    assert on_page == {
        door: {*table, *handed_on.ALREADY_THERE[door]} for door, table in handed_on.NAMES.items()
    }
