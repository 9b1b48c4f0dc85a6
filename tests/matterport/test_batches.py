"""matterport's batches and targets as arrays: what is positive, and that targets lead to the gt."""

import itertools

import numpy as np
import pytest

from mrcnn import model as modellib
from mrcnn import utils
from mrcnn.matterport import stream
from mrcnn.modeling.anchors import image_anchors
from mrcnn.pipeline.rois import random_rois
from tests.scenes import Rectangles
from tests.tiny import Tiny, picture

BOXES = np.array([[10, 20, 50, 70], [60, 60, 100, 90], [0, 0, 20, 20]])
CLASS_IDS = np.array([1, 2, -1])


@pytest.fixture(scope="module")
def config():
    made = Tiny()
    made.update({"RPN_TRAIN_ANCHORS_PER_IMAGE": 64, "TRAIN_ROIS_PER_IMAGE": 20})
    return made


@pytest.fixture(scope="module")
def anchors(config):
    return image_anchors(config, config.IMAGE_SHAPE, normalized=False)


def moved(boxes, deltas, std_dev):
    return utils.apply_box_deltas(boxes.astype(np.float32), (deltas * std_dev).astype(np.float32))


def nearest(boxes, others):
    """How far the corners of each box are from those of the nearest of the others."""
    return np.abs(boxes[:, None] - others[None]).max(axis=2).min(axis=1)


def test_rpn_targets_lead_to_the_gt_and_crowds_are_left_alone(config, anchors):
    match, deltas = modellib.build_rpn_targets(config.IMAGE_SHAPE, anchors, CLASS_IDS, BOXES, config)
    positive, negative = np.flatnonzero(match == 1), np.flatnonzero(match == -1)
    assert 2 <= len(positive) <= 32 and len(positive) + len(negative) == 64
    corners = moved(anchors[positive], deltas[: len(positive)], config.RPN_BBOX_STD_DEV)
    assert nearest(corners, BOXES[:2]).max() < 1e-3
    assert not deltas[len(positive) :].any()
    overlaps = utils.compute_overlaps(anchors[negative], BOXES)
    assert overlaps[:, :2].max() < 0.3 and overlaps[:, 2].max() < 0.001
    other, _ = modellib.build_rpn_targets(config.IMAGE_SHAPE, anchors, CLASS_IDS, BOXES, config)
    assert (match != other).any()
    first, again = (
        modellib.build_rpn_targets(
            config.IMAGE_SHAPE, anchors, CLASS_IDS, BOXES, config, np.random.default_rng(9)
        )[0]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


def test_rpn_targets_of_background(config, anchors):
    match, deltas = modellib.build_rpn_targets(config.IMAGE_SHAPE, anchors, np.zeros(0, int), [], config)
    assert (match == -1).sum() == 64 and not (match == 1).any() and not deltas.any()


def test_too_many_positives_are_cut_to_half(config, anchors):
    few = Tiny()
    few.update({"RPN_TRAIN_ANCHORS_PER_IMAGE": 4})
    match, deltas = modellib.build_rpn_targets(few.IMAGE_SHAPE, anchors, CLASS_IDS, BOXES, few)
    assert ((match == 1).sum(), (match == -1).sum(), deltas.shape) == (2, 2, (4, 4))


def test_random_rois_lie_around_instances():
    rois = modellib.generate_random_rois((128, 128, 3), 200, CLASS_IDS[:2], BOXES[:2])
    assert (rois.shape, rois.dtype) == ((200, 4), np.int32)
    assert (rois[:, 2:] > rois[:, :2]).all() and rois.min() >= 0 and rois.max() <= 128
    first, second = rois[:90], rois[90:180]
    assert (first[:, :2] >= 0).all() and (first[:, 2:] <= [90, 120]).all()
    assert (second[:, :2] >= [20, 30]).all() and (second[:, 2:] <= [128, 120]).all()
    assert rois[180:, 2:].max() > 120 or rois[180:, :2].min() < 20


def test_random_rois_without_instances_and_at_the_edge():
    rng = np.random.default_rng(0)
    rois = random_rois((40, 60), 500, np.zeros((0, 4)), rng)
    assert rois[:, 2].max() == 40 and rois[:, 3].max() == 60 and rois[:, :2].min() == 0
    pixel = random_rois((40, 60), 100, np.array([[39, 59, 40, 60]]), rng)[:90]
    assert (pixel[:, 2:] > pixel[:, :2]).all() and (pixel[:, 2:] <= [40, 60]).all()


@pytest.fixture(scope="module")
def masks():
    whole = np.zeros((128, 128, 3), bool)
    for i, (y1, x1, y2, x2) in enumerate(BOXES):
        whole[y1 : (y1 + y2) // 2, x1:x2, i] = True
        whole[y1:y2, x1 : (x1 + x2) // 2, i] = True  # an L
    return whole


@pytest.mark.parametrize("mini", [True, False])
def test_detection_targets_lead_to_the_gt(masks, mini):
    config = Tiny()
    config.update({"TRAIN_ROIS_PER_IMAGE": 20, "USE_MINI_MASK": mini})
    given = utils.minimize_mask(BOXES, masks, (56, 56)) if mini else masks
    rois = np.concatenate([BOXES[:2], random_rois((128, 128), 300, BOXES[:2], np.random.default_rng(1))])
    padded = np.append(rois, np.zeros((5, 4), int), axis=0)
    chosen, class_ids, deltas, roi_masks = modellib.build_detection_targets(
        padded, CLASS_IDS, BOXES, given, config
    )
    assert (chosen.shape, deltas.shape, roi_masks.shape) == ((20, 4), (20, 3, 4), (20, 28, 28, 3))
    positive = class_ids > 0
    count = positive.sum()
    assert 2 <= count <= 6 and positive[:count].all()
    for row in range(count):
        gt = BOXES[class_ids[row] - 1]
        box = moved(chosen[row][None], deltas[row, class_ids[row]][None], config.BBOX_STD_DEV)
        np.testing.assert_allclose(box[0], gt, atol=1e-3)
        y1, x1, y2, x2 = chosen[row]
        expected = utils.minimize_mask(
            [[0, 0, y2 - y1, x2 - x1]], masks[y1:y2, x1:x2, [class_ids[row] - 1]], (28, 28)
        )
        assert (roi_masks[row, :, :, class_ids[row]] == expected[:, :, 0]).mean() > 0.95
        others = [c for c in range(3) if c != class_ids[row]]
        assert not deltas[row, others].any() and not roi_masks[row][:, :, others].any()
    overlaps = utils.compute_overlaps(chosen[count:], BOXES)
    assert overlaps[:, :2].max() < 0.5 and overlaps[:, 2].max() < 0.001
    assert not deltas[count:].any() and not roi_masks[count:].any()


def test_too_few_rois_leave_zeros(masks):
    config = Tiny()
    config.update({"TRAIN_ROIS_PER_IMAGE": 20, "USE_MINI_MASK": False})
    chosen, class_ids, deltas, _ = modellib.build_detection_targets(
        np.array([[90, 100, 120, 125]]), CLASS_IDS, BOXES, masks, config
    )
    np.testing.assert_array_equal(chosen[0], [90, 100, 120, 125])
    assert not chosen[1:].any() and not class_ids.any() and not deltas.any()


def test_batches_of_the_generator(config):
    dataset = Rectangles([2, 0, 1])
    inputs, outputs = next(
        modellib.data_generator(dataset, config, random_rois=300, batch_size=2, detection_targets=True)
    )
    images, metas, match, deltas, class_ids, boxes, masks, rois, chosen = inputs
    assert images.shape == (2, 128, 128, 3) and metas.shape == (2, config.IMAGE_META_SIZE)
    assert match.shape == (2, 4092, 1) and deltas.shape == (2, 64, 4)
    assert rois.shape == (2, 300, 4) and chosen.shape == (2, 20, 4)
    assert [array.shape for array in outputs] == [(2, 20, 1), (2, 20, 3, 4), (2, 20, 28, 28, 3)]
    for row in range(2):
        real = class_ids[row] != 0
        positive = outputs[0][row, :, 0] > 0
        assert (positive.sum() > 0) == real.any()
        own = outputs[0][row, positive, 0]
        corners = moved(chosen[row, positive], outputs[1][row, positive, own], config.BBOX_STD_DEV)
        if real.any():
            assert nearest(corners, boxes[row, real]).max() < 1e-3
        assert masks[row][..., ~real].sum() == 0


def test_the_generator_shows_every_image_once_a_pass_and_repeats(config):
    dataset = Rectangles([2, 0, 1])

    def ids(count, **options):
        batches = modellib.data_generator(dataset, config, batch_size=2, **options)
        return [int(i) for inputs, _ in itertools.islice(batches, count) for i in inputs[1][:, 0]]

    shown = ids(3)
    assert sorted(shown[:3]) == sorted(shown[3:]) == [0, 1, 2]
    assert shown == ids(3)
    assert ids(3, shuffle=False) == [0, 1, 2, 0, 1, 2]
    inputs, outputs = next(modellib.data_generator(dataset, config))
    assert len(inputs) == 7 and outputs == [] and len(inputs[0]) == 1


def test_the_generator_flips_half_of_the_time(config):
    dataset = Rectangles([1])
    kinds = {
        next_image.tobytes()
        for inputs, _ in itertools.islice(modellib.data_generator(dataset, config, augment=True), 12)
        for next_image in inputs[0]
    }
    plain = next(modellib.data_generator(dataset, config))[0][0][0]
    assert kinds == {plain.tobytes(), np.ascontiguousarray(plain[:, ::-1]).tobytes()}


def test_batches_by_number_are_those_of_the_generator(config):
    dataset = Rectangles([2, 0, 1])
    options = {"random_rois": 30, "detection_targets": True}
    batches = modellib.DataGenerator(dataset, config, **options)
    assert len(batches) == 2 and config.BATCH_SIZE == 2
    stream_of_batches = modellib.data_generator(dataset, config, batch_size=2, **options)

    def same(batch):
        for arrays, expected in zip(batch, next(stream_of_batches), strict=True):
            for array, other in zip(arrays, expected, strict=True):
                np.testing.assert_array_equal(array, other)

    same(batches[0])
    same(batches[1])
    batches.on_epoch_end()
    same(batches[0])


def test_targets_of_the_heads_need_rois(config):
    with pytest.raises(ValueError, match="give random_rois"):
        modellib.data_generator(Rectangles([1]), config, detection_targets=True)


class Hues:
    """An augmentation of a program's own."""

    def apply(self, image, masks, rng):
        return image + np.uint8(rng.integers(100)), masks


LOOKS = {
    "augmentation": lambda config: modellib.load_image_gt(Rectangles([1]), config, 0, augmentation=Hues())[0],
    "augment": lambda config: modellib.load_image_gt(Rectangles([1]), config, 0, augment=True)[0],
    "crop": lambda config: modellib.load_image_gt(Rectangles([1]), config, 0)[0],
    "resize_image": lambda config: utils.resize_image(picture(200, 300), 64, mode="crop")[0],
    "random_rois": lambda config: modellib.generate_random_rois((128, 128), 20, [1], BOXES[:1]),
}


@pytest.mark.parametrize("kind", LOOKS)
def test_looks_at_the_same_image_differ_and_another_process_sees_the_same(kind):
    """What a cell shows that loads an image eight times with augmentation."""
    config = Tiny()
    if kind == "crop":
        config.update({"IMAGE_RESIZE_MODE": "crop", "IMAGE_MIN_DIM": 64})
    looks = []
    for _ in range(2):
        stream.of_process.cache_clear()  # as in a new process
        looks.append([LOOKS[kind](config).tobytes() for _ in range(8)])
    assert looks[0] == looks[1]
    assert len(set(looks[0])) == 2 if kind == "augment" else len(set(looks[0])) > 2


def test_whole_masks_come_unless_mini_masks_are_asked_for():
    config, dataset = Tiny(), Rectangles([2])
    assert config.USE_MINI_MASK
    whole = modellib.load_image_gt(dataset, config, 0)[4]
    mini = modellib.load_image_gt(dataset, config, 0, use_mini_mask=True)[4]
    assert whole.shape[:2] == (128, 128) and mini.shape[:2] == (56, 56)
    assert whole.shape[2] == mini.shape[2] == 2
