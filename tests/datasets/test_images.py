"""Photographs of every kind are read as RGB, and other files are refused with the reason."""

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets.images import ImageError, read_image, read_mask, read_size

GREY = np.array([[0, 100, 255], [7, 8, 9]], np.uint8)
COLOUR = np.array([[[255, 0, 0], [0, 200, 0]], [[0, 0, 90], [10, 20, 30]], [[1, 2, 3], [4, 5, 6]]], np.uint8)


def write(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def test_colour_is_rgb(tmp_path):
    image = read_image(write(tmp_path / "a.png", COLOUR))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, COLOUR)
    image[0] = 0  # the array is the caller's own


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif"])
def test_grey_has_three_equal_channels(tmp_path, suffix):
    image = read_image(write(tmp_path / f"a.{suffix}", GREY))
    np.testing.assert_array_equal(image, np.repeat(GREY[:, :, None], 3, axis=2))


def test_one_bit_is_black_and_white(tmp_path):
    image = read_image(write(tmp_path / "a.png", GREY > 50))
    np.testing.assert_array_equal(image[:, :, 1], [[0, 255, 255], [0, 0, 0]])


@pytest.mark.parametrize("options", [{}, {"transparency": 0}, {"transparency": bytes([0, 90, 255])}])
def test_palette_colours_are_looked_up(tmp_path, options):
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8))
    image.putpalette([250, 1, 2, 3, 240, 4, 5, 6, 230])
    image.save(tmp_path / "a.png", **options)
    expected = [[[250, 1, 2], [3, 240, 4]], [[5, 6, 230], [3, 240, 4]]]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_alpha_is_dropped(tmp_path):
    alpha = np.array([[0, 50], [255, 1], [2, 3]], np.uint8)
    rgba = np.dstack([COLOUR, alpha])
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.png", rgba)), COLOUR)
    grey = np.dstack([COLOUR[..., 0], alpha])
    np.testing.assert_array_equal(read_image(write(tmp_path / "b.png", grey))[..., 2], COLOUR[..., 0])


def test_cmyk_jpeg_keeps_its_colours(tmp_path):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = (220, 30, 40), (20, 60, 200)
    path = write(tmp_path / "a.jpg", pixels, mode="CMYK", quality=95)
    with Image.open(path) as image:
        assert image.mode == "CMYK"
    np.testing.assert_allclose(read_image(path).astype(int), pixels, atol=12)


def test_16_bit_grey_is_scaled_by_its_range(tmp_path):
    full = np.array([[0, 257 * 100], [257 * 7, 65535]], np.uint16)
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.png", full))[..., 0], [[0, 100], [7, 255]])
    twelve = np.array([[0, 4095]], np.uint16)  # what microscopes' cameras give
    np.testing.assert_array_equal(read_image(write(tmp_path / "b.png", twelve))[..., 0], [[0, 255]])
    eight = np.array([[3, 200]], np.uint16)
    np.testing.assert_array_equal(read_image(write(tmp_path / "c.png", eight))[..., 0], [[3, 200]])


def test_float_images(tmp_path):
    unit = np.array([[0, 0.2], [1, np.nan]], np.float32)
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.tif", unit))[..., 0], [[0, 51], [255, 0]])
    wide = np.array([[-5, 1e6]], np.float32)
    np.testing.assert_array_equal(read_image(write(tmp_path / "b.tif", wide))[..., 0], [[0, 255]])


def test_exif_turns_only_if_asked(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to view
    path = write(tmp_path / "a.png", COLOUR, exif=exif)
    np.testing.assert_array_equal(read_image(path), COLOUR)
    np.testing.assert_array_equal(read_image(path, apply_exif=True), np.rot90(COLOUR, -1))
    assert read_size(path) == COLOUR.shape[:2]


class TestLimit:
    """A huge file is refused with its size, unless the environment says otherwise."""

    def huge(self, folder):
        path = folder / "scan.png"
        Image.new("1", (15_000, 12_600)).save(path)  # 189 megapixels in 24 kB
        return path

    def test_it_is_said_with_what_lifts_it(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MRCNN_MAX_MEGAPIXELS", raising=False)
        path = self.huge(tmp_path)
        text = rf"{path}: has 189 megapixels, more than the limit of 179; to read it, set .*MEGAPIXELS=190\."
        with pytest.raises(ImageError, match=text):
            read_size(path)

    def test_it_can_be_lifted_and_lowered(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # restored afterwards
        path = self.huge(tmp_path)
        monkeypatch.setenv("MRCNN_MAX_MEGAPIXELS", "190")
        assert read_size(path) == (12_600, 15_000)
        assert read_mask(path).shape == (12_600, 15_000)
        monkeypatch.setenv("MRCNN_MAX_MEGAPIXELS", "0.5")
        Image.new("1", (1000, 600)).save(path)
        with pytest.raises(ImageError, match=r"has 0.6 megapixels, more than the limit of 0.5;"):
            read_size(path)

    @pytest.mark.parametrize("text", ["much", "-1", "0", "inf", "nan"])
    def test_it_must_be_a_number(self, tmp_path, monkeypatch, text):
        monkeypatch.setenv("MRCNN_MAX_MEGAPIXELS", text)
        with pytest.raises(ImageError, match=rf"MRCNN_MAX_MEGAPIXELS must be a number above 0.*got '{text}'"):
            read_size(write(tmp_path / "a.png", COLOUR))


def damaged(folder, fault):
    path = folder / "odd.png"
    if fault == "truncated":
        rng = np.random.default_rng(0)
        write(path, rng.integers(0, 255, (40, 40, 3), dtype=np.uint8))
        path.write_bytes(path.read_bytes()[:1000])
    elif fault == "text":
        path.write_text("no image")
    elif fault == "empty":
        path.touch()
    elif fault == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("truncated", "is damaged"),
        ("text", "is not an image"),
        ("empty", "is not an image"),
        ("folder", "is a folder"),
        ("missing", "no such file"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(tmp_path, fault, reason):
    path = damaged(tmp_path, fault)
    for read in (read_image, read_mask):
        with pytest.raises(ImageError, match=rf"odd\.png: {reason}.*\.$"):
            read(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "AVIF"])
def test_damage_of_any_kind_is_an_image_error(tmp_path, kind):
    rng = np.random.default_rng(0)
    write(tmp_path / "a", rng.integers(0, 255, (20, 24, 3), dtype=np.uint8), format=kind)
    whole = (tmp_path / "a").read_bytes()
    for _ in range(40):
        data = bytearray(whole[: int(rng.integers(len(whole)))])
        for place in rng.integers(0, len(data), 3) if data else ():
            data[place] = rng.integers(256)
        (tmp_path / "b").write_bytes(data)
        try:
            assert read_image(tmp_path / "b", apply_exif=True).dtype == np.uint8
        except ImageError as error:
            assert str(error).startswith(f"{tmp_path / 'b'}: ")


def test_masks_are_true_above_zero(tmp_path):
    expected = np.array([[False, True], [True, False]])
    grey = expected.astype(np.uint8)
    alpha = np.full((2, 2), 255, np.uint8)
    for number, pixels in enumerate(
        [
            expected,
            grey,
            grey * 255,
            grey.astype(np.uint16) * 300,
            np.dstack([grey, grey * 0, grey * 0, alpha]),
        ]
    ):
        np.testing.assert_array_equal(read_mask(write(tmp_path / f"{number}.png", pixels)), expected)


def test_palette_masks_are_true_where_not_black(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8))
    image.putpalette([0, 0, 0, 90, 0, 0, 0, 0, 1])
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png"), [[False, True], [True, False]])
