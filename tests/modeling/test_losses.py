"""The five losses: golden numbers, and batches with nothing to learn from."""

import numpy as np
import pytest
from keras import ops

from mrcnn.modeling import losses
from mrcnn.ops import boxes as box_ops


@pytest.fixture(scope="module")
def golden(parity):
    with np.load(parity("units.npz")) as file:
        return {name.removeprefix("loss__"): file[name] for name in file.files if name.startswith("loss__")}


def value(loss):
    return float(ops.convert_to_numpy(loss))


def test_rpn_class_loss(golden):
    loss = losses.rpn_class_loss(golden["rpn_match"][..., 0], golden["rpn_class_logits"])
    assert value(loss) == pytest.approx(golden["rpn_class_loss"], abs=1e-5)


def test_rpn_bbox_loss(golden):
    match = golden["rpn_match"][..., 0]
    aligned = np.zeros_like(golden["rpn_bbox"])  # the golden targets stand packed, in the order of positives
    for image in range(len(match)):
        positive = np.flatnonzero(match[image] == 1)
        aligned[image, positive] = golden["target_bbox"][image, : len(positive)]
    assert value(losses.rpn_bbox_loss(match, aligned, golden["rpn_bbox"])) == pytest.approx(
        golden["rpn_bbox_loss"], abs=1e-5
    )


def test_mrcnn_class_loss(golden):
    # The original takes the first image's active classes for the whole batch; so does this check.
    active = np.repeat(golden["active_class_ids"][:1], 2, axis=0)
    loss = losses.mrcnn_class_loss(golden["target_class_ids"], golden["class_logits"], active)
    assert value(loss) == pytest.approx(golden["mrcnn_class_loss"], abs=1e-5)


def test_each_image_has_its_own_active_classes(golden):
    logits, active = golden["class_logits"], golden["active_class_ids"].copy()
    active[1] = 0  # nothing is active in the second image: only the first counts
    both = losses.mrcnn_class_loss(golden["target_class_ids"], logits, active)
    first = losses.mrcnn_class_loss(golden["target_class_ids"][:1], logits[:1], active[:1])
    assert value(both) == pytest.approx(value(first), abs=1e-6)


def test_mrcnn_bbox_loss(golden):
    loss = losses.mrcnn_bbox_loss(golden["target_class_ids"], golden["target_bbox_roi"], golden["pred_bbox"])
    assert value(loss) == pytest.approx(golden["mrcnn_bbox_loss"], abs=1e-5)


def test_mrcnn_mask_loss(golden):
    loss = losses.mrcnn_mask_loss(golden["target_class_ids"], golden["target_masks"], golden["pred_masks"])
    assert value(loss) == pytest.approx(golden["mrcnn_mask_loss"], abs=1e-5)


def test_nothing_to_learn_from_is_zero(golden):
    nothing = np.zeros((2, 16), "int32")
    assert value(losses.rpn_class_loss(nothing[:, :4], np.ones((2, 4, 2), "float32"))) == 0
    assert value(losses.rpn_bbox_loss(nothing[:, :4], np.ones((2, 4, 4)), np.ones((2, 4, 4)))) == 0
    assert value(losses.mrcnn_bbox_loss(nothing, golden["target_bbox_roi"], golden["pred_bbox"])) == 0
    assert value(losses.mrcnn_mask_loss(nothing, golden["target_masks"], golden["pred_masks"])) == 0
    unsampled = ops.zeros((2, 16), "bool")
    loss = losses.mrcnn_class_loss(nothing, golden["class_logits"], golden["active_class_ids"], unsampled)
    assert value(loss) == 0


def test_smooth_l1_by_hand():
    result = ops.convert_to_numpy(losses.smooth_l1(np.zeros(4, "float32"), np.float32([0.5, -1, 2, 0])))
    np.testing.assert_allclose(result, [0.125, 0.5, 1.5, 0])


def test_l2_penalty_is_mean_square_without_batch_norm_scales():
    import keras

    layer, norm = keras.layers.Dense(2), keras.layers.BatchNormalization()
    layer.build((None, 3))
    norm.build((None, 2))
    layer.kernel.assign([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    layer.bias.assign([3.0, 1.0])
    penalty = losses.l2_penalty(layer.trainable_weights + norm.trainable_weights, 0.1)
    assert value(penalty) == pytest.approx(0.1 * (91 / 6 + 5), rel=1e-6)


def test_a_loss_whose_name_no_setting_could_hold_is_refused():
    def dice(target, prediction):
        return 0.0

    with pytest.raises(ValueError, match="must end in \"_loss\", got 'dice'"):
        losses.Loss(dice, label="dice", title="Dice")


class TestBoxDistance:
    def test_beta_divides_the_quadratic_part_from_the_linear_one(self):
        target = np.zeros((4, 4), "float32")
        prediction = np.float32([[0.05], [0.1], [0.5], [-2]]) * np.ones(4, "float32")
        found = losses.box_distance(target, prediction, beta=0.1)
        np.testing.assert_allclose(ops.convert_to_numpy(found), [0.0125, 0.05, 0.45, 1.95], rtol=1e-6)
        found = losses.box_distance(target, prediction, "l1")
        np.testing.assert_allclose(ops.convert_to_numpy(found), [0.05, 0.1, 0.5, 2], rtol=1e-6)

    def test_giou_is_that_of_the_boxes_whatever_the_reference(self):
        """By the definition, on boxes of pixels, for a reference that is no square."""
        rng = np.random.default_rng(5)
        reference = np.float32([[30, 40, 90, 180]] * 50)
        deltas = rng.normal(0, 0.6, (2, 50, 4)).astype("float32")
        ours, theirs = (ops.convert_to_numpy(box_ops.decode_deltas(reference, d)) for d in deltas)
        expected = []
        for a, b in zip(ours, theirs):
            common = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
            union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
            hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
            expected.append(1 - common / union + (hull - union) / hull)
        unit = np.float32([0.1, 0.1, 0.2, 0.2])
        found = losses.box_distance(deltas[0] / unit, deltas[1] / unit, "giou", std_dev=unit.tolist())
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=2e-4, atol=2e-5)
        assert min(expected) < 1 < max(expected)

    def test_equal_boxes_have_no_distance(self):
        same = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
        for kind in ("smooth_l1", "l1", "giou"):
            found = losses.box_distance(same, same, kind)
            np.testing.assert_allclose(ops.convert_to_numpy(found), 0, atol=1e-6)

    def test_the_losses_take_it(self):
        match = np.int32([[1, -1, 1]])
        target, prediction = np.zeros((1, 3, 4), "float32"), np.full((1, 3, 4), 0.5, "float32")
        plain, sharp = (
            float(losses.rpn_bbox_loss(match, target, prediction, beta=beta)) for beta in (1.0, 0.1)
        )
        assert (plain, sharp) == (pytest.approx(0.125), pytest.approx(0.45))
        of_class = np.repeat(prediction[:, :, None], 2, axis=2)
        found = losses.mrcnn_bbox_loss(np.int32([[1, 0, 1]]), target, of_class, kind="l1")
        assert float(found) == pytest.approx(0.5)
