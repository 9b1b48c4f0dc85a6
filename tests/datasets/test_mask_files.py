"""Names of mask files and the rule on their shape, which the downloader and the reader share."""

import pytest

from mrcnn.datasets.mask_files import NAME, is_same_shape
from pumpkin.openimages.layout import MASK_NAME


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("0123456789abcdef_m05zsy_1a2b3c4d.png", ("0123456789abcdef", "m05zsy", "1a2b3c4d")),
        ("img_m1_m0_cp5_00.png", ("img_m1", "m0_cp5", "00")),
        ("Photo of 5.6._M05ZSY_0A.PNG", ("Photo of 5.6.", "M05ZSY", "0A")),
    ],
)
def test_a_name_tells_image_class_and_box(name, parts):
    assert NAME.fullmatch(name).group("image", "mid", "box") == parts


@pytest.mark.parametrize(
    "name", ["mask.png", "a_05zsy_00.png", "a_m05zsy_xy.png", "a_m05zsy_00.jpg", "_m1_0.png"]
)
def test_other_names_tell_nothing(name):
    assert NAME.fullmatch(name) is None


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("0123456789abcdef_m0_m1_1a2b3c4d.png", True),  # the id of an image ends where it must
        ("0123456789ABCDEF_m05zsy_1a2b3c4d.png", False),
        ("../456789abcdef_m05zsy_1a2b3c4d.png", False),
        ("0123456789abcdef_m05zsy_1a/../.png", False),
        ("img1_m05zsy_1a2b3c4d.png", False),
    ],
)
def test_the_downloader_takes_the_ids_of_open_images_alone(name, known):
    assert bool(MASK_NAME.fullmatch(name)) == known
    assert not known or MASK_NAME.fullmatch(name)["mid"] == "m0_m1"


@pytest.mark.parametrize(
    ("mask", "image", "same"),
    [
        ((480, 640), (480, 640), True),
        ((240, 320), (480, 640), True),
        ((476, 640), (480, 640), True),  # by less than 1 %
        ((470, 640), (480, 640), False),
        ((30, 46), (480, 720), True),  # by a pixel, which is 2 %
        ((30, 47), (480, 720), False),
        ((80, 10), (1000, 100), False),
        ((96, 10), (960, 96), True),  # a width of 9.6 is rounded to 10
        ((10, 96), (96, 960), True),
        ((640, 480), (480, 640), False),
        ((1, 1), (480, 640), True),
    ],
)
def test_a_mask_has_its_image_s_shape_to_a_percent_or_a_pixel(mask, image, same):
    assert is_same_shape(mask, image) == same
