"""Mask R-CNN (He et al. 2017) as a Keras model, with one line per stage.

B: images, G: gt instances, A: anchors, M: length of image meta.
"""

import contextlib
import difflib

import keras

from mrcnn.modeling import losses, roi_heads
from mrcnn.modeling.anchors import Anchors, anchor_grid, backbone_shapes
from mrcnn.modeling.backbones import build_backbone
from mrcnn.modeling.detections import DetectionBoxes, DetectionLayer
from mrcnn.modeling.fpn import build_fpn
from mrcnn.modeling.glue import ActiveClasses, First, NormalizeBoxes
from mrcnn.modeling.roi_heads import PyramidROIAlign, build_box_head, build_mask_head
from mrcnn.modeling.rpn import ProposalLayer, SampledRPN, build_rpn, run_rpn
from mrcnn.modeling.seeding import seed_weights
from mrcnn.modeling.targets import DetectionTargetLayer, RPNTargets
from mrcnn.modeling.training_model import TrainingModel

# Training minimises the weighted sum of these. To add a loss, list its Loss here and give it its inputs in
# _build_training; its weight, the progress line, metrics.csv and curves.png follow.
LOSSES = losses.LOSSES
LOSS_NAMES = tuple(loss.name for loss in LOSSES)

# The heads in the order of a weights file. To add one, list its Head here and build it in both networks.
HEADS = (roi_heads.CLASS_HEAD, roi_heads.BOX_HEAD, roi_heads.MASK_HEAD)


def build_network(mode, config):
    """Build the whole network as a keras.Model with weights drawn from config.SEED.

    mode "inference": inputs [input_image, input_image_meta, input_anchors]; outputs detections,
    mrcnn_class, mrcnn_bbox, mrcnn_mask, rpn_rois, rpn_class, rpn_bbox.
    mode "training": inputs input_image [B, H, W, 3] molded, input_image_meta [B, M],
    input_gt_class_ids [B, G], input_gt_boxes [B, G, 4] pixels, input_gt_masks [B, h, w, G]; outputs
    the losses by name. ``fit`` minimises their weighted sum.
    Raises ValueError for another mode.
    """
    builders = {"training": _build_training, "inference": _build_inference}
    if mode not in builders:
        raise ValueError(f'mode must be "training" or "inference", got {mode!r}.')
    with _dtype_policy(config.PRECISION):
        model = builders[mode](config)
    seed_weights(model, config.SEED)
    return model


def _build_inference(config):
    image, meta = _image_inputs(config, any_size=config.IMAGE_RESIZE_MODE != "square")
    anchors = keras.Input((None, 4), name="input_anchors", dtype="float32")

    pyramid = _pyramid(image, config)
    _, rpn_class, rpn_bbox = run_rpn(_rpn(config), pyramid)
    rois = _proposals(config, config.POST_NMS_ROIS_INFERENCE)([rpn_class, rpn_bbox, anchors])
    _, mrcnn_class, mrcnn_bbox = _box_head(rois, meta, pyramid, config)
    detect = DetectionLayer(**detection_settings(config), name="mrcnn_detection")
    detections = detect([rois, mrcnn_class, mrcnn_bbox, meta])
    boxes = DetectionBoxes(name="detection_boxes")(detections)
    mrcnn_mask = _mask_head(boxes, meta, pyramid, config)

    # Programs read the outputs in this order; our own code reads them by layer name, see named_outputs.
    outputs = [detections, mrcnn_class, mrcnn_bbox, mrcnn_mask, rois, rpn_class, rpn_bbox]
    return keras.Model([image, meta, anchors], outputs, name="mask_rcnn")


def named_outputs(model):
    """Return the outputs of an inference network by the names of their layers: {name: tensor}.

    mrcnn_detection, mrcnn_class, mrcnn_bbox, mrcnn_mask, ROI, rpn_class, rpn_bbox.
    """
    return dict(zip(model.output_names, model.outputs))


def predict_named(model, inputs):
    """Compute all outputs for a batch; return arrays by the names of named_outputs."""
    return dict(zip(model.output_names, model.predict_on_batch(inputs)))


def _build_training(config):
    image, meta = _image_inputs(config)
    gt_class_ids = keras.Input((config.MAX_GT_INSTANCES,), name="input_gt_class_ids", dtype="int32")
    gt_boxes = keras.Input((config.MAX_GT_INSTANCES, 4), name="input_gt_boxes", dtype="float32")
    mask_size = config.MINI_MASK_SHAPE if config.USE_MINI_MASK else config.IMAGE_SHAPE[:2]
    mask_shape = (*(int(side) for side in mask_size), config.MAX_GT_INSTANCES)
    shares = config.USE_MINI_MASK and config.MASK_TARGET == "aligned"  # bool elsewhere, see masks.cover_mask
    gt_masks = keras.Input(mask_shape, name="input_gt_masks", dtype="float16" if shares else "bool")
    inputs = [image, meta, gt_class_ids, gt_boxes, gt_masks]

    pyramid = _pyramid(image, config)
    _, rpn_class, rpn_bbox = run_rpn(_rpn(config), pyramid)
    if config.USE_RPN_ROIS:
        anchors = Anchors(anchor_grid(config, config.IMAGE_SHAPE), config.IMAGE_SHAPE, name="anchors")(image)
        proposals = _proposals(config, config.POST_NMS_ROIS_TRAINING)([rpn_class, rpn_bbox, anchors])
    else:
        given = keras.Input((config.POST_NMS_ROIS_TRAINING, 4), name="input_roi", dtype="float32")
        inputs.append(given)
        proposals = NormalizeBoxes(name="normalized_roi")([given, meta])
    normalized_gt = NormalizeBoxes(name="normalized_gt_boxes")([gt_boxes, meta])
    rois, target_class_ids, target_deltas, target_masks, sampled = _head_targets(config)(
        [proposals, gt_class_ids, normalized_gt, gt_masks]
    )
    logits, _, mrcnn_bbox = _box_head(rois, meta, pyramid, config)
    positives = target_masks.shape[1]
    positive_rois = First(positives, name="positive_rois")(rois)
    positive_class_ids = First(positives, name="positive_class_ids")(target_class_ids)
    mrcnn_mask = _mask_head(positive_rois, meta, pyramid, config)

    anchor_index, rpn_match, rpn_deltas = _rpn_targets(config)([gt_class_ids, gt_boxes])
    shapes = backbone_shapes(config, config.IMAGE_SHAPE)
    at_anchors = SampledRPN(shapes, config.RPN_ANCHOR_STRIDE, name="rpn_sampled")
    sampled_logits, sampled_deltas = at_anchors([anchor_index, rpn_class, *pyramid])
    active_class_ids = ActiveClasses(name="active_class_ids")(meta)
    inputs_of = {
        "rpn_class_loss": [rpn_match, sampled_logits],
        "rpn_bbox_loss": [rpn_match, rpn_deltas, sampled_deltas],
        "mrcnn_class_loss": [target_class_ids, logits, active_class_ids, sampled],
        "mrcnn_bbox_loss": [target_class_ids, target_deltas, mrcnn_bbox],
        "mrcnn_mask_loss": [positive_class_ids, target_masks, mrcnn_mask],
    }
    settings = box_loss_settings(config)
    outputs = {loss.name: loss(*inputs_of[loss.name], **settings.get(loss.name, {})) for loss in LOSSES}
    model = TrainingModel(inputs, outputs, name="mask_rcnn")
    model.loss_weights = loss_weights(config)
    model.weight_decay = config.WEIGHT_DECAY if decays_through_loss(config) else 0.0
    model.mean_pixel = [float(value) for value in config.MEAN_PIXEL]
    return model


def box_loss_settings(config):
    """Return the settings of the box losses by the loss's name, see losses.box_distance."""

    def of(kind, beta, std_dev):
        return {"kind": kind, "beta": float(beta), "std_dev": [float(x) for x in std_dev]}

    rpn_kind, rpn_beta = config.RPN_BOX_LOSS, config.RPN_BOX_LOSS_BETA
    return {
        "rpn_bbox_loss": of(
            config.BOX_LOSS if rpn_kind is None else rpn_kind,
            config.BOX_LOSS_BETA if rpn_beta is None else rpn_beta,
            config.RPN_BBOX_STD_DEV,
        ),
        "mrcnn_bbox_loss": of(config.BOX_LOSS, config.BOX_LOSS_BETA, config.BBOX_STD_DEV),
    }


def loss_weights(config):
    """Return the factor of each loss in the sum, {name: float}: that of LOSS_WEIGHTS, or 1 if it has none.

    Raises ValueError for a name in LOSS_WEIGHTS that no loss has; the message suggests the nearest name.
    """
    for name in config.LOSS_WEIGHTS:
        if name not in LOSS_NAMES:
            nearest = difflib.get_close_matches(str(name), LOSS_NAMES, n=1, cutoff=0.0)[0]
            raise ValueError(f"LOSS_WEIGHTS: no loss is named {name!r}; the nearest is {nearest!r}.")
    return {name: float(config.LOSS_WEIGHTS.get(name, 1.0)) for name in LOSS_NAMES}


def decays_through_loss(config):
    """Return whether weights decay through the loss instead of the optimiser, see WEIGHT_DECAY_KIND."""
    if config.WEIGHT_DECAY_KIND == "auto":
        return config.OPTIMIZER != "adamw"
    return config.WEIGHT_DECAY_KIND == "layerwise"


def _image_inputs(config, any_size=False):
    side = None if any_size else int(config.IMAGE_SHAPE[0])
    image = keras.Input((side, side, config.IMAGE_CHANNEL_COUNT), name="input_image", dtype="float32")
    meta = keras.Input((config.IMAGE_META_SIZE,), name="input_image_meta", dtype="float32")
    return image, meta


def _pyramid(image, config):
    features = build_backbone(
        image, config.BACKBONE, config.TRAIN_BN, config.MEAN_PIXEL, config.BACKBONE_PRESET
    )
    return build_fpn(features, config.TOP_DOWN_PYRAMID_SIZE)


def _rpn(config):
    return build_rpn(
        config.TOP_DOWN_PYRAMID_SIZE,
        len(config.RPN_ANCHOR_RATIOS),
        config.RPN_ANCHOR_STRIDE,
        config.RPN_CHANNELS,
    )


def _proposals(config, count):
    return ProposalLayer(
        count, config.RPN_NMS_THRESHOLD, config.PRE_NMS_LIMIT, config.RPN_BBOX_STD_DEV, name="ROI"
    )


def _box_head(rois, meta, pyramid, config):
    align = PyramidROIAlign([config.POOL_SIZE] * 2, config.ROI_ALIGN, name="roi_align_classifier")
    pooled = align([rois, meta, *pyramid[:4]])
    return build_box_head(pooled, config.NUM_CLASSES, config.FPN_CLASSIF_FC_LAYERS_SIZE, config.TRAIN_BN)


def _mask_head(rois, meta, pyramid, config):
    align = PyramidROIAlign([config.MASK_POOL_SIZE] * 2, config.ROI_ALIGN, name="roi_align_mask")
    pooled = align([rois, meta, *pyramid[:4]])
    return build_mask_head(pooled, config.NUM_CLASSES, config.MASK_HEAD_CHANNELS, config.TRAIN_BN)


def _rpn_targets(config):
    return RPNTargets(
        anchor_grid(config, config.IMAGE_SHAPE),
        config.RPN_TRAIN_ANCHORS_PER_IMAGE,
        config.RPN_BBOX_STD_DEV,
        seed=config.SEED,
        name="rpn_targets",
    )


def _head_targets(config):
    settings = head_target_settings(config)
    return DetectionTargetLayer(**settings, seed=config.SEED + 1, name="proposal_targets")


def detection_settings(config):
    """Return the arguments of DetectionLayer for a Config."""
    return {
        "max_instances": config.DETECTION_MAX_INSTANCES,
        "min_confidence": config.DETECTION_MIN_CONFIDENCE,
        "nms_threshold": config.DETECTION_NMS_THRESHOLD,
        "std_dev": config.BBOX_STD_DEV,
        "nms_method": config.DETECTION_NMS,
        "sigma": config.DETECTION_NMS_SIGMA,
        "background_wins": config.DETECTION_BACKGROUND_WINS,
    }


def head_target_settings(config):
    """Return the arguments of DetectionTargetLayer for a Config, except the seed."""
    return {
        "count": config.TRAIN_ROIS_PER_IMAGE,
        "positive_ratio": config.ROI_POSITIVE_RATIO,
        "mask_shape": config.MASK_SHAPE,
        "use_mini_mask": config.USE_MINI_MASK,
        "std_dev": config.BBOX_STD_DEV,
        "by_instance": config.ROI_SAMPLING == "by_instance",
        "mask_target": config.MASK_TARGET,
        "image_shape": config.IMAGE_SHAPE[:2],
    }


@contextlib.contextmanager
def _dtype_policy(name):
    """Build layers under a dtype policy, then restore the previous policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
