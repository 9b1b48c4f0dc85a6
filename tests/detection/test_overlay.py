"""Pictures of detections: what is painted where, and what is left as it was."""

import io

import numpy as np
import pytest
from PIL import Image

from mrcnn.detection import captions, overlay
from mrcnn.detection.detections import Detections
from mrcnn.drawing import font_for, random_colors

GREY = 100
COLOR = np.array(random_colors(1)[0]) * 255
TINTED = GREY * 0.65 + COLOR * 0.35


def drawn(box=(60, 40, 160, 240), shape=(300, 600), name="pumpkin", crop=None, count=1):
    image = np.full((*shape, 3), GREY, np.uint8)
    y1, x1, y2, x2 = box
    crops = [np.ones((y2 - y1, x2 - x1), bool) if crop is None else crop] * count
    found = Detections(shape, np.array([box] * count), np.ones(count, int), np.full(count, 0.9), crops)
    return image, overlay.draw(image, found, ["BG", name])


def test_a_mask_is_tinted_in_its_colour_and_nothing_else_changes_far_from_it():
    image, picture = drawn()
    np.testing.assert_allclose(picture[70:150, 60:230], np.broadcast_to(TINTED, (80, 170, 3)), atol=1)
    changed = np.argwhere((picture != image).any(axis=2))
    assert changed.min(axis=0).tolist() >= [60 - 20, 40 - 2]  # a caption above, and half an outline
    assert changed.max(axis=0).tolist() <= [160 + 2, 240 + 2]
    assert (image == GREY).all()


def test_an_outline_runs_along_the_edge():
    _, picture = drawn()
    for y, x in ((159, 150), (110, 40), (110, 239)):
        assert np.abs(picture[y - 1 : y + 2, x - 1 : x + 2].astype(int) - COLOR).sum(axis=2).min() < 60


def test_a_hole_is_not_tinted_and_has_an_outline():
    crop = np.ones((100, 200), bool)
    crop[30:70, 60:140] = False
    _, picture = drawn(crop=crop)
    np.testing.assert_array_equal(picture[100:120, 120:160], GREY)
    assert (picture[88:92, 150] != TINTED.round()).any()


def test_nothing_found_changes_nothing():
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    nothing = Detections((40, 50), np.zeros((0, 4), int), np.zeros(0, int), np.zeros(0), [])
    np.testing.assert_array_equal(overlay.draw(image, nothing, ["BG"]), image)


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0, 0, 300, 600), (299, 599, 300, 600), (0, 590, 300, 600)])
def test_boxes_at_the_edges(box):
    image, picture = drawn(box)
    assert picture.shape == image.shape
    y, x = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
    assert (picture[y, x] != GREY).any()


def test_an_empty_mask_shows_its_box_alone():
    _, picture = drawn(crop=np.zeros((100, 200), bool))
    np.testing.assert_array_equal(picture[80:140, 80:200], GREY)
    np.testing.assert_allclose(picture[60, 40], COLOR, atol=1)


def test_a_picture_too_small_for_a_caption_has_none():
    image, picture = drawn((5, 5, 25, 45), (30, 50))
    assert picture.shape == image.shape
    np.testing.assert_array_equal(picture[:4], GREY)


def test_captions_do_not_cover_each_other():
    one, many = (drawn(count=count)[1] for count in (1, 9))
    _, plain = drawn(count=1, name="")
    # Nine captions at one box: above, inside and below it, and the others are left out.
    changed = (many != one).any(axis=2)
    assert changed[160:180].any() and not changed[185:].any()
    assert (one != plain).any()


def test_letters_come_from_a_font_that_has_them():
    assert "DejaVuSans" in font_for("Kürbis 0.9", 12).path
    assert font_for("a", 12).getbbox("a")[3] < font_for("a", 48).getbbox("a")[3]


def test_encoding_keeps_every_pixel():
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(overlay.encode(image))) as decoded:
        assert decoded.format == "PNG"
        np.testing.assert_array_equal(np.asarray(decoded), image)


def test_in_a_crowd_captions_do_not_hide_the_objects():
    """Small objects get their scores alone, or nothing where even these are wider than what they name."""
    image = np.full((120, 400, 3), GREY, np.uint8)
    boxes = np.array([[y, x, y + 12, x + 30] for y in range(10, 110, 25) for x in range(5, 390, 40)])
    sides = [np.ones((12, 30), bool)] * len(boxes)
    found = Detections((120, 400), boxes, np.ones(len(boxes), int), np.full(len(boxes), 0.9), sides)
    texts = captions.texts_for(found, ["BG", "pumpkin"], image, 0.7)
    assert set(texts) == {"0.90"}
    assert set(captions.texts_for(found, ["BG", "pumpkin"], image, 3.0)) == {""}
    few = Detections((120, 400), boxes[:1], np.ones(1, int), np.full(1, 0.9), sides[:1])
    assert captions.texts_for(few, ["BG", "pumpkin"], image, 0.7) == ["pumpkin 0.90"]
