"""Box arithmetic: golden numbers, round trips, degenerate and padded boxes."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn.ops import boxes


def numpy_of(x):
    return ops.convert_to_numpy(x)


def random_boxes(rng, *shape):
    """Boxes of positive size inside the unit square."""
    corner = rng.uniform(0, 0.8, (*shape, 2))
    size = rng.uniform(0.01, 0.2, (*shape, 2))
    return np.concatenate([corner, corner + size], axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def golden(parity):
    with np.load(parity("units.npz")) as file:
        return dict(file)


def test_golden_decode(golden):
    out = boxes.decode_deltas(golden["apply_box_deltas__boxes"], golden["apply_box_deltas__deltas"])
    np.testing.assert_allclose(numpy_of(out), golden["apply_box_deltas__out"], atol=1e-5)


def test_golden_encode(golden):
    out = boxes.encode_deltas(golden["box_refinement__box"], golden["box_refinement__gt_box"])
    np.testing.assert_allclose(numpy_of(out), golden["box_refinement__out"], atol=1e-5)


def test_golden_iou(golden):
    out = boxes.iou(golden["overlaps__boxes1"], golden["overlaps__boxes2"])
    np.testing.assert_allclose(numpy_of(out), golden["overlaps__out"], atol=1e-5)


def test_golden_frames(golden):
    pixel, shape = golden["norm_boxes__pixel"], golden["norm_boxes__shape"]
    normalized = boxes.normalize(pixel, shape)
    np.testing.assert_allclose(numpy_of(normalized), golden["norm_boxes__out"], atol=1e-5)
    back = numpy_of(boxes.denormalize(normalized, shape))
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, golden["denorm_boxes__out"])


def test_area_by_hand():
    out = boxes.area([[0, 0, 2, 3], [1, 1, 1, 5], [4, 4, 2, 2]])
    np.testing.assert_array_equal(numpy_of(out), [6, 0, 0])


def test_iou_by_hand():
    one = np.array([[0, 0, 2, 2]], np.float32)
    others = np.array([[0, 0, 2, 2], [0, 1, 2, 3], [2, 0, 4, 2], [0, 0, 1, 1]], np.float32)
    np.testing.assert_allclose(numpy_of(boxes.iou(one, others)), [[1, 1 / 3, 0, 1 / 4]], rtol=1e-6)


def test_iou_of_padding_is_zero():
    padding = np.zeros((2, 4), np.float32)
    real = np.array([[0, 0, 1, 1]], np.float32)
    np.testing.assert_array_equal(numpy_of(boxes.iou(padding, padding)), np.zeros((2, 2)))
    np.testing.assert_array_equal(numpy_of(boxes.iou(padding, real)), np.zeros((2, 1)))


def test_iou_is_the_same_batched_and_one_by_one():
    rng = np.random.default_rng(1)
    first, second = random_boxes(rng, 2, 3, 7), random_boxes(rng, 2, 3, 5)
    batched = numpy_of(boxes.iou(first, second))
    assert batched.shape == (2, 3, 7, 5)
    for i in range(2):
        for j in range(3):
            np.testing.assert_array_equal(batched[i, j], numpy_of(boxes.iou(first[i, j], second[i, j])))


def test_iou_is_symmetric():
    rng = np.random.default_rng(2)
    first, second = random_boxes(rng, 9), random_boxes(rng, 4)
    np.testing.assert_array_equal(numpy_of(boxes.iou(first, second)), numpy_of(boxes.iou(second, first)).T)


def test_no_boxes_at_all():
    empty, some = np.zeros((0, 4), np.float32), np.zeros((3, 4), np.float32)
    assert numpy_of(boxes.iou(empty, some)).shape == (0, 3)
    assert numpy_of(boxes.decode_deltas(empty, empty)).shape == (0, 4)


def test_decode_undoes_encode():
    rng = np.random.default_rng(3)
    start, goal = random_boxes(rng, 2, 50), random_boxes(rng, 2, 50)
    back = boxes.decode_deltas(start, boxes.encode_deltas(start, goal))
    np.testing.assert_allclose(numpy_of(back), goal, atol=1e-6)


def test_decode_by_hand():
    out = boxes.decode_deltas([[0.0, 0.0, 10.0, 20.0]], [[0.1, -0.5, math.log(2), 0.0]])
    np.testing.assert_allclose(numpy_of(out), [[-4, -10, 16, 10]], atol=1e-5)


def test_bound_on_sizes_keeps_decoding_finite():
    box, deltas = [[0.0, 0.0, 16.0, 16.0]], [[0.0, 0.0, 200.0, -3.0]]
    out = numpy_of(boxes.decode_deltas(box, deltas, max_log_size=boxes.MAX_LOG_SIZE))
    np.testing.assert_allclose(out[:, 2] - out[:, 0], 1000, rtol=1e-5)
    np.testing.assert_allclose(out[:, 3] - out[:, 1], 16 * math.exp(-3), rtol=1e-5)


def test_clip_by_hand():
    window = (0.0, 0.1, 1.0, 0.9)
    given = [[-1, 0.2, 0.5, 2], [0.2, 0.95, 0.4, 1.2], [0.2, 0.3, 0.4, 0.5]]
    expected = [[0, 0.2, 0.5, 0.9], [0.2, 0.9, 0.4, 0.9], [0.2, 0.3, 0.4, 0.5]]
    np.testing.assert_allclose(numpy_of(boxes.clip(given, window)), expected, rtol=1e-6)


def test_each_image_has_its_own_window():
    given = np.tile(np.float32([-5, -5, 50, 50]), (2, 3, 1))
    windows = np.array([[0, 1, 10, 20], [2, 3, 30, 40]], np.float32)
    expected = np.repeat(windows[:, None], 3, axis=1)
    np.testing.assert_array_equal(numpy_of(boxes.clip(given, windows)), expected)


def test_frames_round_trip_for_each_image():
    pixel = np.array([[[3, 4, 50, 60], [0, 0, 100, 200]], [[7, 8, 9, 10], [0, 0, 64, 32]]], np.float32)
    shapes = np.array([[100, 200], [64, 32]])
    normalized = boxes.normalize(pixel, shapes)
    np.testing.assert_allclose(numpy_of(normalized)[:, 1], [[0, 0, 1, 1]] * 2, atol=1e-7)
    np.testing.assert_allclose(numpy_of(boxes.to_pixels(normalized, shapes)), pixel, atol=1e-4)
    np.testing.assert_array_equal(numpy_of(boxes.denormalize(normalized, shapes)), pixel.astype(np.int32))


def test_half_precision_boxes_are_computed_in_float32():
    half = ops.cast(np.array([[0, 0, 2, 2]]), "bfloat16")
    results = [
        boxes.area(half),
        boxes.iou(half, half),
        boxes.encode_deltas(half, half),
        boxes.decode_deltas(half, half),
        boxes.clip(half, (0, 0, 1, 1)),
        boxes.normalize(half, (5, 5)),
    ]
    for result in results:
        assert "float32" in str(result.dtype)


def test_in_a_functional_model_of_unknown_batch():
    given, deltas = keras.Input((7, 4)), keras.Input((7, 4))
    window = keras.Input((4,))
    moved = boxes.clip(boxes.decode_deltas(given, deltas), window)
    frames = boxes.to_pixels(boxes.normalize(moved, (64, 32)), (64, 32))
    model = keras.Model(
        [given, deltas, window], [boxes.iou(frames, given), boxes.denormalize(given, (64, 32))]
    )
    rng = np.random.default_rng(4)
    start, shift = random_boxes(rng, 3, 7), rng.normal(0, 0.1, (3, 7, 4)).astype(np.float32)
    windows = np.tile(np.float32([0, 0, 1, 1]), (3, 1))
    overlaps, pixels = model.predict_on_batch([start, shift, windows])
    expected = boxes.iou(boxes.clip(boxes.decode_deltas(start, shift), windows), start)
    np.testing.assert_allclose(overlaps, numpy_of(expected), atol=1e-4)
    np.testing.assert_array_equal(pixels, numpy_of(boxes.denormalize(start, (64, 32))))
