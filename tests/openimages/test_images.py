import io

import numpy as np
import pytest
from PIL import Image

from pumpkin.openimages import images
from pumpkin.openimages.images import BadImage, UselessMask, check_image, check_mask
from tests.openimages.world import jpeg

JPEG = jpeg(200, 120, seed=3)


def saved(image, kind, **given):
    file = io.BytesIO()
    image.save(file, kind, **given)
    return file.getvalue()


def test_the_size_of_a_whole_image():
    assert check_image(JPEG) == (200, 120)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_grey_cmyk_and_progressive_images(mode, progressive):
    image = Image.open(io.BytesIO(JPEG)).convert(mode)
    assert check_image(saved(image, "JPEG", progressive=progressive)) == (200, 120)


@pytest.mark.parametrize("cut", range(1, len(JPEG), 331))
def test_a_jpeg_cut_anywhere_is_damaged(cut):
    with pytest.raises(BadImage):
        check_image(JPEG[:-cut])


@pytest.mark.parametrize("data", [b"", b"<html>403</html>", saved(Image.new("L", (4, 4)), "PNG")])
def test_what_is_no_jpeg(data):
    with pytest.raises(BadImage, match="no JPEG"):
        check_image(data)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA", "I;16"])
def test_the_area_of_a_mask_in_any_mode(mode):
    pixels = np.zeros((30, 40), np.uint8)
    pixels[5:10, 3:20] = 255
    image = Image.fromarray(pixels)
    image = Image.fromarray(pixels.astype(np.uint16)) if mode == "I;16" else image.convert(mode)
    assert check_mask(saved(image, "PNG"), (20, 15)) == (40, 30, 5 * 17)


@pytest.mark.parametrize(("size", "fits"), [((768, 1024), True), ((768, 1030), True), ((768, 1040), False)])
def test_the_aspect_of_a_mask_may_differ_by_a_percent(size, fits):
    data = saved(Image.new("1", (1200, 1600), 1), "PNG")
    if fits:
        assert check_mask(data, size)[2] == 1200 * 1600
    else:
        with pytest.raises(UselessMask, match="1200 x 1600"):
            check_mask(data, size)


def test_an_empty_mask_is_of_no_use():
    with pytest.raises(UselessMask, match="empty"):
        check_mask(saved(Image.new("1", (8, 8)), "PNG"), (8, 8))


def test_a_damaged_mask():
    with pytest.raises(BadImage):
        check_mask(saved(Image.new("L", (80, 80), 9), "PNG")[:-30], (8, 8))


@pytest.mark.parametrize(
    ("mode", "size"), [("RGBA", (4097, 4096)), ("LA", (4097, 4096)), ("RGB", (8000, 8000))]
)
def test_a_mask_of_more_memory_than_any_needs_is_not_decoded(monkeypatch, mode, size):
    data = saved(Image.new(mode, size), "PNG", compress_level=1)
    monkeypatch.setattr(images, "_decode", None)
    with pytest.raises(BadImage, match=f"it claims {size[0]} x {size[1]} pixels of mode {mode}"):
        check_mask(data, size)
    with pytest.raises(UselessMask, match=f"its shape, {size[0]} x {size[1]}, is not its image's, 8 x 9"):
        check_mask(data, (8, 9))


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA", "I;16"])
def test_the_area_of_a_large_mask(monkeypatch, mode):
    """Counted by strips, the last of which is shorter, and one mask at a time."""
    monkeypatch.setattr(images, "_STRIP", 7 * 40)
    monkeypatch.setattr(images, "_LARGE", 1)
    pixels = np.zeros((30, 40), np.uint8)
    pixels[5:29, 3:20] = 255
    image = Image.fromarray(pixels.astype(np.uint16) if mode == "I;16" else pixels)
    data = saved(image if mode == "I;16" else image.convert(mode), "PNG")
    assert check_mask(data, (20, 15)) == (40, 30, 24 * 17)
    assert not images._one_large_mask.locked()


def test_an_image_of_absurd_size_is_not_decoded():
    with pytest.raises(BadImage, match="claims"):
        check_mask(saved(Image.new("1", (9000, 9000)), "PNG"), (8, 8))
