"""Resizing photographs for the network, against golden numbers; molding; image meta."""

import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.pipeline.transforms import (
    compose_image_meta,
    frame_image,
    framed_shape,
    mold_image,
    parse_image_meta,
    resize,
    resize_image,
    scale_image,
    unmold_image,
)


@pytest.fixture(scope="module")
def golden(parity):
    return np.load(parity("units.npz"))


@pytest.mark.parametrize("seed", range(40))
def test_scaling_gives_the_values_of_the_library(seed):
    rng = np.random.default_rng(seed)
    height, width, *shape = rng.integers(1, 120, 4)
    channels = 1 + seed % 4
    darkest = (0, 0, 90, 200)[seed % 4]  # 200: a plain image, where errors of rounding would show
    image = rng.integers(darkest, 201, (height, width, channels)).astype((np.uint8, np.int32)[seed % 2])
    scaled = scale_image(image, tuple(shape))
    expected = resize(image, tuple(shape)).astype(image.dtype)
    assert scaled.dtype == image.dtype
    np.testing.assert_array_equal(scaled, expected)


def test_scaling_floats_is_left_to_the_library():
    image = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    np.testing.assert_array_equal(scale_image(image, (9, 50)), resize(image, (9, 50)).astype(np.float32))


@pytest.mark.parametrize("mode", ["square", "pad64", "none"])
def test_golden_resizing(golden, mode):
    image, window, scale, padding, crop = resize_image(golden["resize__input"], 64, 128, 0, mode)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, golden[f"resize__{mode}__image"])
    np.testing.assert_array_equal(window, golden[f"resize__{mode}__window"])
    np.testing.assert_array_equal(padding, golden[f"resize__{mode}__padding"])
    assert scale == pytest.approx(golden[f"resize__{mode}__scale"], abs=1e-12)
    assert crop is None


def photo(height, width):
    return np.random.default_rng(0).integers(1, 255, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(40, 100), (100, 40), (300, 200), (64, 64), (1, 500)])
def test_square_windows_hold_the_whole_photograph(height, width):
    image, (y1, x1, y2, x2), scale, padding, _ = resize_image(photo(height, width), 64, 128, mode="square")
    assert image.shape == (128, 128, 3)
    assert (y2 - y1, x2 - x1) == (max(1, round(height * scale)), max(1, round(width * scale)))
    assert (y1, x1) == (padding[0][0], padding[1][0])
    assert (128 - y2, 128 - x2) == (padding[0][1], padding[1][1])
    outside = image.copy()
    outside[y1:y2, x1:x2] = 0
    assert not outside.any()


def test_min_scale_enlarges():
    assert resize_image(photo(50, 60), 40, 512, 2, "square")[2] == 2
    assert resize_image(photo(50, 60), 40, 90, 2, "square")[2] == 1.5  # but stays within max_dim
    assert resize_image(photo(50, 60), None, None, 0, "none")[2] == 1


def test_pad64_pads_to_multiples_of_64():
    image, window, scale, _, _ = resize_image(photo(65, 128), 64, None, mode="pad64")
    assert (image.shape, scale) == ((128, 128, 3), 1)
    np.testing.assert_array_equal(image[window[0] : window[2], window[1] : window[3]], photo(65, 128))
    with pytest.raises(ValueError, match="multiple of 64, got 60"):
        resize_image(photo(65, 128), 60, None, mode="pad64")


def test_crops_are_squares_of_the_image_chosen_by_the_generator():
    image = photo(100, 120)
    corners = set()
    for seed in range(20):
        crop, window, scale, _, (y, x, height, width) = resize_image(
            image, 64, None, mode="crop", rng=np.random.default_rng(seed)
        )
        assert (scale, height, width, window) == (1, 64, 64, (0, 0, 64, 64))
        np.testing.assert_array_equal(crop, image[y : y + 64, x : x + 64])
        corners.add((y, x))
    assert len(corners) > 15
    assert resize_image(image, 64, None, mode="crop")[4] == (18, 28, 64, 64)  # the centre


def test_unknown_mode_names_the_known():
    with pytest.raises(ValueError, match="'letterbox'; it is one of square, pad64, crop, none"):
        resize_image(photo(8, 8), 64, 64, mode="letterbox")


def test_molding_and_back():
    image = photo(20, 30)
    molded = mold_image(image, Config())
    assert molded.dtype == np.float32
    np.testing.assert_allclose(molded[3, 4], image[3, 4] - [123.7, 116.8, 103.9], atol=1e-4)
    np.testing.assert_array_equal(unmold_image(molded, Config()), image)
    np.testing.assert_array_equal(mold_image(image[None], Config())[0], molded)


def test_image_meta_survives():
    meta = compose_image_meta(7, (50, 60, 3), (128, 128, 3), (10, 0, 118, 128), 2.125, [1, 0, 1])
    assert meta.shape == (15,)
    found = parse_image_meta(meta[None])
    assert found["image_id"].tolist() == [7]
    assert found["original_image_shape"].tolist() == [[50, 60, 3]]
    assert found["image_shape"].tolist() == [[128, 128, 3]]
    assert found["window"].tolist() == [[10, 0, 118, 128]]
    assert found["scale"].tolist() == [2.125]
    assert found["active_class_ids"].tolist() == [[1, 0, 1]]


@pytest.mark.parametrize(
    ("mode", "shape"), [("square", (128, 128)), ("pad64", (64, 128)), ("crop", (32, 32)), ("none", (50, 70))]
)
def test_the_shape_of_a_framed_image(mode, shape):
    min_dim = 32 if mode == "crop" else 64
    assert framed_shape(50, 70, min_dim, 128, mode) == shape
    assert frame_image(np.ones((50, 70, 3)), min_dim, 128, mode)[0].shape[:2] == shape
