"""The drawer of contact sheets: rows of equal width, captions within their cell."""

import numpy as np
import pytest

from mrcnn.datasets import sheets


def picture(height, width, caption="", fault=""):
    return sheets.picture(np.full((height, width, 3), 90, np.uint8), np.zeros((0, 0, 0)), caption, fault)


def places(figure):
    """(left, top, width, height) of each cell in pixels, from the sheet's upper left corner."""
    width, height = figure.get_size_inches() * sheets.DPI
    for ax in figure.axes:
        place = ax.get_position(original=True)  # of the cell, which the image may not fill
        yield place.x0 * width, (1 - place.y1) * height, place.width * width, place.height * height


def test_captions_stand_above_their_row_and_need_room():
    plain = sheets.draw([picture(60, 90), picture(60, 60)], columns=2, width=504)
    assert list(places(plain)) == [pytest.approx((0, 0, 300, 200)), pytest.approx((304, 0, 200, 200))]
    told = sheets.draw(
        [picture(60, 90, "train  a  1 mask", "empty mask"), picture(60, 60)], columns=2, width=504
    )
    (_, top, _, height), _ = places(told)
    assert (top, height) == pytest.approx((2 * 13, 200))  # the fault and the caption, a line each
    assert [text.get_text() for text in told.axes[0].texts] == ["train  a  1 mask", "empty mask"]


def test_a_long_caption_is_broken_at_the_cell_s_width():
    figure = sheets.draw([picture(60, 60, "train  0123456789abcdef  12 masks")] * 6, columns=6, width=620)
    lines = [text.get_text() for text in figure.axes[0].texts]
    assert lines == ["12 masks", "0123456789abcdef", "train"]  # from the picture up
    figure.canvas.draw()
    for ax in figure.axes:
        assert all(text.get_window_extent().x1 <= ax.bbox.x1 + 4 for text in ax.texts)


def test_an_extreme_shape_takes_no_room_from_the_others():
    figure = sheets.draw([picture(20, 400), picture(400, 20), picture(60, 60)], columns=3, width=458)
    widths = [width for _, _, width, _ in places(figure)]
    assert widths == pytest.approx([300, 50, 100])


@pytest.mark.parametrize("text", [r"$\date$", "a $5 $x^{.jpg", "南瓜 Kürbis कद्दू"])
def test_a_name_of_any_letters_is_a_text_and_no_formula(tmp_path, text):
    figure = sheets.draw([picture(40, 60, text, text)], legend=[(text, "red")])
    sheets.save(figure, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size > 0
    texts = [*figure.texts, *figure.axes[0].texts]
    assert [found.get_text() for found in texts] == [text] * 3
    assert not any(found.get_parse_math() for found in texts)


def test_no_picture_is_a_blank_sheet(tmp_path):
    figure = sheets.draw([])
    sheets.save(figure, tmp_path / "sheet.png")
    assert (figure.axes, (tmp_path / "sheet.png").stat().st_size > 0) == ([], True)


def test_tinted_masks_change_their_pixels_alone():
    image, masks = np.full((60, 60, 3), 90, np.uint8), np.zeros((60, 60, 1), bool)
    masks[20:40, 20:40] = True
    plain, tinted = (sheets.picture(image, masks, tinted=tint).image for tint in (False, True))
    assert (plain == 90).all() and (image == 90).all()
    np.testing.assert_array_equal((tinted != 90).any(axis=2), masks[:, :, 0])
