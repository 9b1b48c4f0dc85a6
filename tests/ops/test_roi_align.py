"""Crops of feature maps and masks: golden numbers, hand-checked values, a slow reference, gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn.ops import roi_align


def numpy_of(x):
    return ops.convert_to_numpy(x)


@pytest.fixture(scope="module")
def golden(parity):
    with np.load(parity("units.npz")) as file:
        return {
            name: file[name] for name in file.files if name.startswith(("roi_align__", "detection_targets__"))
        }


def random_pyramid(rng, batch, sides, channels, dtype=np.float32):
    return [rng.normal(size=(batch, height, width, channels)).astype(dtype) for height, width in sides]


def random_boxes(rng, *shape):
    """Boxes of all sizes, some of which leave the image."""
    center = rng.uniform(0, 1, (*shape, 2))
    size = rng.uniform(0.001, 1, (*shape, 2)) ** 2
    return np.concatenate([center - size / 2, center + size / 2], axis=-1).astype(np.float32)


class Crops(keras.layers.Layer):
    """The function in a layer, as the network uses it: sizes may be unknown."""

    def __init__(self, image_shape, pool_size, method):
        super().__init__(dtype="float32", autocast=False)
        self.image_shape, self.pool_size, self.method = image_shape, pool_size, method

    def call(self, boxes, features):
        return roi_align.pyramid_roi_align(features, boxes, self.image_shape, self.pool_size, self.method)


def crop(features, boxes, image_shape, pool_size, method="corner"):
    """pyramid_roi_align, compiled: one compilation is quicker than one for each operation."""
    arrays = [ops.convert_to_tensor(x) for x in [*features, boxes]]
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in arrays]
    inputs = [keras.Input(batch_shape=tuple(x.shape), dtype=dtype) for x, dtype in zip(arrays, dtypes)]
    layer = Crops(image_shape, pool_size, method)
    return keras.Model(inputs, layer(inputs[-1], inputs[:-1])).predict_on_batch(arrays)


# --- Levels -------------------------------------------------------------------------------------


def square(side):
    return [0.0, 0.0, side, side]


def test_levels_by_hand():
    """In an image of 1024 px: 224 px is level 4, half is a level less; the switch is at 2 ** 0.5."""
    sides = np.array([10, 56, 112, 158, 159, 224, 316, 317, 448, 1024]) / 1024
    levels = roi_align.assign_levels(np.float32([square(s) for s in sides]), 1024.0 * 1024.0)
    np.testing.assert_array_equal(numpy_of(levels), [2, 2, 3, 3, 4, 4, 4, 5, 5, 5])


def test_level_depends_on_the_area_alone():
    boxes = np.float32([[0, 0, 0.125, 0.5], [0.1, 0.2, 0.6, 0.325], [0.5, 0.5, 0.75, 0.75]])
    levels = numpy_of(roi_align.assign_levels(boxes, 256.0 * 256.0))
    assert len(set(levels)) == 1


def test_boxes_without_area_are_at_the_lowest_level():
    boxes = np.float32([[0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [0, 0, 1, 0], [0.5, 0, 0.1, 1]])
    np.testing.assert_array_equal(numpy_of(roi_align.assign_levels(boxes, 1e6)), [2, 2, 2, 2])


# --- method "corner" ----------------------------------------------------------------------------


@pytest.mark.parametrize("pool_size", [7, 14])
def test_golden_pyramid(golden, pool_size):
    features = [golden[f"roi_align__p{level}"] for level in (2, 3, 4, 5)]
    crops = roi_align.pyramid_roi_align(features, golden["roi_align__boxes"], (256, 256), pool_size)
    np.testing.assert_allclose(numpy_of(crops), golden[f"roi_align__out{pool_size}"], atol=1e-5)


def ramp():
    """A map whose value is 5 * row + column."""
    return np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)


def test_corner_crops_of_a_ramp_by_hand():
    boxes = np.float32([[[0, 0, 1, 1], [0.25, 0.25, 0.5, 0.75], [0.125, 0, 0.125, 1]]])
    crops = crop([ramp()], boxes, (5, 5), 3)[0, ..., 0]
    np.testing.assert_allclose(crops[0], [[0, 2, 4], [10, 12, 14], [20, 22, 24]], atol=1e-5)
    np.testing.assert_allclose(crops[1], [[6, 7, 8], [8.5, 9.5, 10.5], [11, 12, 13]], atol=1e-5)
    np.testing.assert_allclose(crops[2], [[2.5, 4.5, 6.5]] * 3, atol=1e-5)


def test_single_sample_is_in_the_middle_of_the_box():
    boxes = np.float32([[[0, 0, 1, 0.5], [0.25, 0.25, 0.5, 0.75]]])
    crops = crop([ramp()], boxes, (5, 5), 1)
    np.testing.assert_allclose(crops.ravel(), [11, 9.5], atol=1e-5)


def test_samples_outside_are_zero_but_not_by_rounding():
    feature = np.ones((1, 5, 5, 1), np.float32)
    boxes = np.float32([[[-0.5, 0, 0.5, 1], [0, 0.75, 1, 1.25], [-3e-7, -3e-7, 1 + 3e-7, 1 + 3e-7]]])
    crops = crop([feature], boxes, (5, 5), 3)[0, ..., 0]
    np.testing.assert_array_equal(crops[0], [[0, 0, 0], [1, 1, 1], [1, 1, 1]])
    np.testing.assert_array_equal(crops[1], [[1, 1, 0]] * 3)
    np.testing.assert_array_equal(crops[2], np.ones((3, 3)))


def test_each_box_reads_its_own_image_and_level():
    rng = np.random.default_rng(5)
    numbers = [np.full((3, side, side, 2), level, np.float32) for level, side in enumerate((32, 16, 8, 4), 2)]
    features = [x + 10 * np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1) for x in numbers]
    boxes = np.clip(random_boxes(rng, 3, 40), 0, 1)
    crops = crop(features, boxes, (512, 512), 2)
    levels = numpy_of(roi_align.assign_levels(boxes, 512.0 * 512.0))
    expected = levels + 10 * np.arange(3).reshape(3, 1)
    assert set(levels.ravel()) == {2, 3, 4, 5}
    np.testing.assert_allclose(
        crops, np.broadcast_to(expected[..., None, None, None], crops.shape), rtol=1e-6
    )


# --- method "aligned" ---------------------------------------------------------------------------


def bilinear(feature, y, x):
    """One sample [C] of a map [height, width, C]; 0 more than one cell out of it."""
    height, width = feature.shape[:2]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(feature.shape[-1])
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = feature[top, left] * (left + 1 - x) + feature[top, right] * (x - left)
    lower = feature[bottom, left] * (left + 1 - x) + feature[bottom, right] * (x - left)
    return upper * (top + 1 - y) + lower * (y - top)


def slow_aligned(feature, box, image_shape, pool):
    """ROIAlign of one box, bin by bin: feature [height, width, C], box normalised -> [pool, pool, C]."""
    pixel = box * (np.tile(image_shape, 2) - 1.0) + [0, 0, 1, 1]
    stride = np.array(image_shape) / feature.shape[:2]
    top, left = pixel[:2] / stride - 0.5
    bin_height, bin_width = (pixel[2:] - pixel[:2]) / stride / pool
    crop = np.zeros((pool, pool, feature.shape[-1]))
    for row in range(pool):
        for column in range(pool):
            samples = [
                bilinear(feature, top + (row + a) * bin_height, left + (column + b) * bin_width)
                for a in (0.25, 0.75)
                for b in (0.25, 0.75)
            ]
            crop[row, column] = np.mean(samples, axis=0)
    return crop


def test_aligned_equals_the_slow_reference():
    rng = np.random.default_rng(6)
    shape = (128, 192)
    features = random_pyramid(rng, 2, [(32, 48), (16, 24), (8, 12), (4, 6)], 3)
    boxes = random_boxes(rng, 2, 30)
    boxes[:, 0], boxes[:, 1] = 0, [0, 0, 1, 1]
    crops = crop(features, boxes, shape, 4, "aligned")
    levels = numpy_of(roi_align.assign_levels(boxes, float(np.prod(shape))))
    for image in range(2):
        for i, box in enumerate(boxes[image].astype(np.float64)):
            expected = slow_aligned(features[levels[image, i] - 2][image], box, shape, 4)
            np.testing.assert_allclose(crops[image, i], expected, atol=1e-3)


def test_aligned_crop_of_a_ramp_by_hand():
    """Pixels [1, 3) by [1, 4) of a 5 x 5 map at stride 1, in bins of 1 by 1.5 pixels.

    The middles of the bins are at rows 0.5 + 0.5 = 1, 2 and columns 1.25, 2.75 in feature coordinates.
    """
    box = np.float32([1, 1, 2, 3]) / 4
    found = crop([ramp()], box.reshape(1, 1, 4), (5, 5), 2, "aligned")
    np.testing.assert_allclose(found[0, 0, ..., 0], [[6.25, 7.75], [11.25, 12.75]], atol=1e-5)


def test_aligned_whole_image_gives_the_map_itself():
    """A bin a cell, sampled around its middle: away from the border the mean is the cell itself."""
    found = crop([ramp()], np.float32([[square(1)]]), (20, 20), 5, "aligned")
    np.testing.assert_allclose(found[0, 0, 1:-1, 1:-1, 0], ramp()[0, 1:-1, 1:-1, 0], atol=1e-4)


def test_aligned_of_a_linear_map_is_its_value_at_the_middle_of_each_bin():
    shape, stride = np.array([96, 128]), 4
    rows, columns = (stride * (np.arange(side // stride) + 0.5) for side in shape)
    feature = (2 * rows[:, None] - 3 * columns + 7).reshape(1, 24, 32, 1).astype(np.float32)
    pixel = np.array([[10, 20, 52, 90], [30.5, 41.25, 37, 44]])
    boxes = ((pixel - [0, 0, 1, 1]) / (np.tile(shape, 2) - 1)).astype(np.float32)
    crops = crop([feature], boxes[None], shape, 7, "aligned")
    middle = (np.arange(7) + 0.5) / 7
    for found, (y1, x1, y2, x2) in zip(crops[0], pixel):
        expected = 2 * (y1 + middle[:, None] * (y2 - y1)) - 3 * (x1 + middle * (x2 - x1)) + 7
        np.testing.assert_allclose(found[..., 0], expected, atol=1e-2)


# --- Both methods -------------------------------------------------------------------------------

METHODS = pytest.mark.parametrize("method", ["corner", "aligned"])


@METHODS
def test_constant_maps_give_constant_crops(method):
    rng = np.random.default_rng(7)
    features = [np.full((1, side, side, 2), 3.5, np.float32) for side in (16, 8, 4, 2)]
    boxes = np.clip(random_boxes(rng, 1, 50), 0, 1)
    crops = crop(features, boxes, (512, 512), 5, method)
    np.testing.assert_allclose(crops, 3.5, rtol=1e-5)


@METHODS
def test_unusable_boxes_disturb_nobody(method):
    rng = np.random.default_rng(8)
    features = random_pyramid(rng, 1, [(16, 16), (8, 8), (4, 4), (2, 2)], 2)
    good = np.float32([[0.1, 0.2, 0.7, 0.8]])
    bad = np.float32([[np.nan] * 4, [np.inf] * 4, [-1e30, 0, 1e30, 1], [5, 5, 6, 6], [0, 0, 0, 0]])
    alone = crop(features, good[None], (448, 448), 3, method)
    crops = crop(features, np.concatenate([good, bad])[None], (448, 448), 3, method)
    np.testing.assert_array_equal(crops[:, :1], alone)
    assert np.isfinite(crops).all()
    np.testing.assert_array_equal(crops[:, 1], 0)
    np.testing.assert_array_equal(crops[:, 4], 0)


@METHODS
def test_no_boxes_give_no_crops(method):
    feature = np.zeros((2, 4, 4, 3), np.float32)
    crops = roi_align.pyramid_roi_align([feature], np.zeros((2, 0, 4), np.float32), (16, 16), 2, method)
    assert numpy_of(crops).shape == (2, 0, 2, 2, 3)


@METHODS
def test_half_precision_features_keep_precise_coordinates(method):
    rng = np.random.default_rng(9)
    features = random_pyramid(rng, 1, [(64, 64), (32, 32)], 4)
    boxes = np.clip(random_boxes(rng, 1, 20), 0, 1)
    exact = crop(features, boxes, (256, 256), 7, method)
    half = crop([ops.cast(x, "bfloat16") for x in features], boxes, (256, 256), 7, method)
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    # Two roundings to 8 bits: of the features and of the result.
    np.testing.assert_allclose(half.astype(np.float32), exact, atol=4 * 2**-7, rtol=2**-7)


@METHODS
def test_in_a_functional_model_of_unknown_batch(method):
    rng = np.random.default_rng(10)
    sides = [(16, 16), (8, 8)]
    pyramid, boxes = random_pyramid(rng, 3, sides, 2), random_boxes(rng, 3, 6)
    inputs = [keras.Input((*side, 2)) for side in sides]
    box_input = keras.Input((6, 4))
    cropped = roi_align.pyramid_roi_align(inputs, box_input, (512, 512), 3, method)
    assert cropped.shape == (None, 6, 3, 3, 2)
    found = keras.Model([*inputs, box_input], cropped).predict_on_batch([*pyramid, boxes])
    np.testing.assert_allclose(found, crop(pyramid, boxes, (512, 512), 3, method), atol=1e-5)


@METHODS
def test_in_a_layer_of_unknown_sizes(method):
    rng = np.random.default_rng(13)
    inputs, box_input = [keras.Input((None, None, 2)) for _ in range(2)], keras.Input((6, 4))
    model = keras.Model([*inputs, box_input], Crops((512, 512), 3, method)(box_input, inputs))
    for sides in ([(16, 16), (8, 8)], [(20, 12), (10, 6)]):
        pyramid, boxes = random_pyramid(rng, 2, sides, 2), random_boxes(rng, 2, 6)
        found = model.predict_on_batch([*pyramid, boxes])
        np.testing.assert_allclose(found, crop(pyramid, boxes, (512, 512), 3, method), atol=1e-5)


class CroppedWeights(keras.layers.Layer):
    """A pyramid of weights that is cropped: one step of SGD shows the gradient."""

    def __init__(self, shapes, method):
        super().__init__()
        self.method = method
        self.maps = [self.add_weight(shape=shape, initializer="zeros") for shape in shapes]

    def call(self, boxes):
        features = [ops.convert_to_tensor(weight) for weight in self.maps]
        return roi_align.pyramid_roi_align(features, boxes, (448, 448), 3, self.method)


def gradients(shapes, boxes, scale, method, times):
    """d sum(crops * scale) / d maps, so many times, read from steps of SGD from 0 with learning rate 1."""
    layer = CroppedWeights(shapes, method)
    box_input = keras.Input(batch_shape=boxes.shape)
    model = keras.Model(box_input, layer(box_input))
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=lambda y, crops: ops.sum(y * crops))
    for _ in range(times):
        for weight in layer.maps:
            weight.assign(ops.zeros(weight.shape))
        model.train_on_batch(boxes, scale)
        yield [-numpy_of(ops.convert_to_tensor(weight)) for weight in layer.maps]


@METHODS
def test_gradient_is_the_answer_to_each_cell_alone(method):
    """The crop is linear in the maps: no finite differences are needed."""
    rng = np.random.default_rng(11)
    boxes = random_boxes(rng, 1, 8)
    scale = rng.normal(size=(1, 8, 3, 3, 1)).astype(np.float32)
    (found,) = gradients([(1, 4, 4, 1), (1, 2, 2, 1)], boxes, scale, method, times=1)
    units = np.split(np.eye(20, dtype=np.float32), [16], axis=1)
    units = [x.reshape(20, side, side, 1) for x, side in zip(units, (4, 2))]
    answers = crop(units, np.repeat(boxes, 20, axis=0), (448, 448), 3, method)
    expected = np.sum(answers * scale, axis=(1, 2, 3, 4))
    np.testing.assert_allclose(np.concatenate([x.ravel() for x in found]), expected, atol=1e-5)


def test_gradient_is_the_same_on_every_run():
    """Thousands of samples add into each cell: another order of addition would change the last bits."""
    rng = np.random.default_rng(14)
    boxes = random_boxes(rng, 2, 500)
    scale = rng.normal(size=(2, 500, 3, 3, 16)).astype(np.float32)
    first, *others = gradients([(2, 8, 8, 16), (2, 4, 4, 16)], boxes, scale, "corner", times=4)
    assert all(np.abs(x).max() > 1 for x in first)
    for other in others:
        for a, b in zip(first, other):
            np.testing.assert_array_equal(a, b)


def test_unknown_method_is_named():
    with pytest.raises(ValueError, match="corner, aligned, received 'nearest'"):
        roi_align.pyramid_roi_align([ramp()], np.zeros((1, 1, 4), np.float32), (5, 5), 2, "nearest")


# --- Masks --------------------------------------------------------------------------------------


def mask_crops(masks, index, boxes, shape):
    """crop_masks in a functional model of unknown batch."""
    arrays = [masks, index, boxes]
    inputs = [keras.Input(x.shape[1:], dtype=str(x.dtype)) for x in arrays]
    return keras.Model(inputs, roi_align.crop_masks(*inputs, shape)).predict_on_batch(arrays)


def test_mask_crops_by_hand():
    masks = np.zeros((2, 2, 5, 5), bool)
    masks[0, 1, 1:4, 2:] = True
    masks[1, 0] = True
    index = np.array([[1, 0], [0, 1]], np.int32)
    boxes = np.float32([[square(1), square(1)], [square(0.5), square(1)]])
    crops = mask_crops(masks, index, boxes, (3, 3))
    assert crops.dtype == np.float32
    np.testing.assert_array_equal(crops[0, 0], [[0, 0, 0], [0, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(crops[0, 1], np.zeros((3, 3)))
    np.testing.assert_array_equal(crops[1, 0], np.ones((3, 3)))
    np.testing.assert_array_equal(crops[1, 1], np.zeros((3, 3)))


def test_mask_crops_are_not_rounded_and_need_not_be_square():
    masks = np.zeros((1, 1, 3, 5), np.float32)
    masks[0, 0, :, 2] = 1
    crops = mask_crops(masks, np.zeros((1, 1), np.int32), np.float32([[square(1)]]), (2, 9))
    np.testing.assert_allclose(crops[0, 0], [[0, 0, 0, 0.5, 1, 0.5, 0, 0, 0]] * 2, atol=1e-6)


def test_mask_crops_are_those_of_the_feature_sampler():
    rng = np.random.default_rng(12)
    masks = rng.uniform(size=(2, 3, 9, 11)).astype(np.float32)
    boxes, index = random_boxes(rng, 2, 10), rng.integers(0, 3, (2, 10)).astype(np.int32)
    crops = mask_crops(masks, index, boxes, (4, 4))
    every = crop([np.moveaxis(masks, 1, -1)], boxes, (9, 11), 4)
    for image, i in np.ndindex(2, 10):
        np.testing.assert_allclose(crops[image, i], every[image, i, ..., index[image, i]], atol=1e-5)
