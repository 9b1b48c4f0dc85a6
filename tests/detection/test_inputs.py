"""Detection takes arrays, Pillow images and paths, and refuses what would find nothing silently."""

import keras
import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets.images import ImageError
from mrcnn.detection.inputs import photographs

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def exif(number):
    found = Image.Exif()
    found[0x0112] = number
    return found


def only(image, channels=3):
    (array,) = photographs([image], channels)
    return array


def test_arrays_of_8_bits_are_kept():
    assert only(PIXELS) is PIXELS
    for kind in (np.int32, np.uint16, np.float32, np.float64):
        np.testing.assert_array_equal(only(PIXELS.astype(kind)), PIXELS.astype(kind))


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
def test_floats_up_to_one_are_scaled_back(kind):
    found = only((PIXELS / 255.0).astype(kind))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, PIXELS)


def test_what_rounding_adds_to_one_does_not_count():
    image = PIXELS / 255.0
    image[0, 0] = 1.0004  # as from a resize
    np.testing.assert_array_equal(only(image)[1:], PIXELS[1:])
    assert (only(image)[0, 0] == 255).all()


def test_lists_and_tensors_are_arrays():
    for given in (PIXELS.tolist(), keras.ops.convert_to_tensor(PIXELS)):
        np.testing.assert_array_equal(only(given), PIXELS)
    with pytest.raises(ValueError, match="Image 0 has values of type object, not uint8"):
        only(None)


def test_bools_are_black_and_white():
    np.testing.assert_array_equal(only(PIXELS > 100), (PIXELS > 100) * np.uint8(255))


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        (
            PIXELS.astype(np.uint16) * 257,
            r"Image 1 has values of uint16 from \d+ to 6\d{4}; values must",
        ),
        (PIXELS.astype(float) - 100, "float64 from -100 to 1.*; values must lie between 0 and 255"),
        (PIXELS * np.nan, "float64 from nan to nan; values must"),
        (PIXELS.astype(object), "values of type object, not uint8"),
    ],
)
def test_other_values_are_refused(image, fault):
    with pytest.raises(ValueError, match=fault):
        photographs([PIXELS, image])


@pytest.mark.parametrize("number", [1, 3, 6])
def test_pillow_images_and_paths_are_read_and_turned(tmp_path, number):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path, exif=exif(number))
    expected = {1: PIXELS, 3: PIXELS[::-1, ::-1], 6: np.rot90(PIXELS, -1)}[number]
    with Image.open(path) as image:
        for given in (path, str(path), image):
            np.testing.assert_array_equal(only(given), expected)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_pillow_images_of_any_mode_are_rgb(mode):
    image = Image.fromarray(PIXELS).convert(mode)
    np.testing.assert_array_equal(only(image), np.asarray(image.convert("RGB")))


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png: no such file"):
        photographs([tmp_path / "gone.png"])
    for given in ("photo.jpg", tmp_path, Image.new("L", (2, 2))):
        with pytest.raises(ValueError, match=r"takes a list of images: detect\(\[image\]\)"):
            photographs(given)


def test_arrays_of_other_channels_are_left_to_their_network():
    image = np.full((4, 4, 4), 3000, np.uint16)
    assert only(image, channels=4) is image
