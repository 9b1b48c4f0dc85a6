"""Views of a photograph: what they show, and the exact way back from what is found in them."""

from dataclasses import replace

import numpy as np
import pytest

from mrcnn.detection.augmenting import Augmenting
from mrcnn.detection.fusion import fuse
from mrcnn.detection.mask_rule import MaskRule
from mrcnn.detection.molding import fit, unmold
from mrcnn.detection.views import PLAIN, View, back, fit_view, views_of
from mrcnn.image_meta import parse
from tests.tiny import Tiny, picture

RULES = [None, MaskRule("aligned"), MaskRule("corner"), MaskRule("corner", None)]
MODES = [{}, {"IMAGE_RESIZE_MODE": "pad64", "IMAGE_MIN_DIM": 64}, {"IMAGE_RESIZE_MODE": "none"}]
ALL = views_of(Augmenting.of("flips,scales"))


def config(**settings):
    own = Tiny()
    own.update(settings)
    return own


def found(fitted, count=5):
    """Detections [D, 6] in the window, with padding, and masks [D, 14, 14] that have no symmetry."""
    rng, window = np.random.default_rng(3), np.array(fitted.window)
    low, side = rng.uniform(0.05, 0.5, (count, 2)), rng.uniform(0.1, 0.4, (count, 2))
    low, side = ((window[2:] - window[:2]) * part / 127 for part in (low, side))
    low += window[:2] / 127
    rows = np.zeros((count + 2, 6), np.float32)
    rows[:count] = np.column_stack(
        [low, low + side, rng.integers(1, 3, count), np.sort(rng.uniform(0.5, 1, count))[::-1]]
    )
    return rows, rng.uniform(0, 1, (count + 2, 14, 14)).astype(np.float32)


def test_the_words_name_the_views():
    larger = [View(1.25, (0, 0)), View(1.25, (0, 1)), View(1.25, (1, 0)), View(1.25, (1, 1))]
    assert views_of(None) == (PLAIN,)
    assert views_of(Augmenting.of("flips")) == (PLAIN, View(flip=True))
    assert views_of(Augmenting.of("scales")) == (PLAIN, View(0.8), *larger)
    assert len(ALL) == len(set(ALL)) == 12
    assert views_of(Augmenting.of(" scales , flips,flips")) == ALL
    assert ALL[6:] == tuple(View(view.zoom, view.corner, flip=True) for view in ALL[:6])
    turned = views_of(Augmenting.of("turns,flips"))
    assert turned[:4] == (PLAIN, View(flip=True), View(turns=1), View(flip=True, turns=1))
    assert len(set(turned)) == len(turned) == 8
    assert len(set(views_of(Augmenting.of("flips,scales,turns")))) == 48


def test_words_that_cannot_be():
    assert Augmenting.of(None) is None
    with pytest.raises(
        ValueError, match=r"^tta takes flips, scales, turns, separated by commas, got 'rotations'\.$"
    ):
        Augmenting.of("flips,rotations")


def test_the_network_finds_weak_detections_and_the_views_together_strong_ones():
    own = config(DETECTION_MIN_CONFIDENCE=0.7)
    assert Augmenting.of("flips").lower(own).least == 0.7
    assert own.DETECTION_MIN_CONFIDENCE == 0.05
    own = config(DETECTION_MIN_CONFIDENCE=0.01)
    assert Augmenting.of("flips").lower(own).least == 0.01
    assert own.DETECTION_MIN_CONFIDENCE == 0.01


@pytest.mark.parametrize("settings", MODES)
def test_a_flipped_view_is_the_mirror_image_pixel_by_pixel(settings):
    own, image = config(**settings), picture(64, 128)
    for view in ALL[:6]:
        one, mirrored = (fit_view(View(view.zoom, view.corner, flip), image, own) for flip in (False, True))
        np.testing.assert_array_equal(mirrored.image, one.image[:, ::-1])
        y1, x1, y2, x2 = one.window
        width = one.image.shape[1]
        assert tuple(mirrored.window) == (y1, width - x2, y2, width - x1)
        np.testing.assert_array_equal(parse(mirrored.meta[None])["window"][0], mirrored.window)
        assert mirrored.original_shape == one.original_shape
        assert parse(mirrored.meta[None])["scale"] == parse(one.meta[None])["scale"]


@pytest.mark.parametrize("settings", MODES)
@pytest.mark.parametrize("size", [(64, 128), (128, 64), (192, 64)])
def test_all_views_share_the_shape_of_the_plain_one(settings, size):
    own, image = config(**settings), picture(*size)
    plain = fit(image, own)
    for view in ALL:
        assert fit_view(view, image, own).image.shape == plain.image.shape
    np.testing.assert_array_equal(fit_view(PLAIN, image, own).image, plain.image)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (2, 3), (127, 131)])
def test_photographs_of_any_size_have_all_views(size):
    for view in ALL:
        assert fit_view(view, picture(*size), config()).image.shape == (128, 128, 3)


def test_what_scaled_views_show():
    own, image = config(), picture(50, 100)
    smaller = fit_view(View(0.8), image, own)
    assert smaller.window == (38, 13, 89, 115)  # 51 x 102 pixels in the middle, instead of 64 x 128
    assert smaller.original_shape == (50, 100, 3)
    assert parse(smaller.meta[None])["scale"] == pytest.approx([1.28 * 0.8])
    assert View(1.25, (0, 1)).place((50, 100)) == (0, 20, 40, 100)
    assert View(1.25, (1, 0)).place((50, 100)) == (10, 0, 50, 80)
    larger = fit_view(View(1.25, (1, 0)), image, own)
    assert larger.window == (32, 0, 96, 128)
    assert larger.original_shape == (40, 80, 3)
    assert parse(larger.meta[None])["scale"] == pytest.approx([1.28 * 1.25])


def found_both_ways(view, image, changed, rule):
    """The result of detecting plainly in the changed image, and that of the view, which sees the same."""
    own, plain = config(), fit(image, config())
    fitted, shown = fit(changed, own), fit_view(view, image, own)
    np.testing.assert_array_equal(shown.image, fitted.image)
    rows, masks = found(fitted)
    expected = unmold(rows, masks, fitted.original_shape, fitted.image.shape, fitted.window, rule)
    seen = back(view, shown, rows, masks, plain, rule)
    rows, masks = fuse([seen], plain.image.shape, 0, 10, rule)
    result = unmold(rows, masks, plain.original_shape, plain.image.shape, plain.window, rule)
    np.testing.assert_array_equal(result.class_ids, expected.class_ids)
    np.testing.assert_allclose(result.scores, expected.scores, rtol=1e-6)
    return expected, result


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [(128, 128), (64, 128), (128, 50)])
def test_what_is_found_in_the_mirror_image_comes_back_pixel_by_pixel(rule, size):
    image = picture(*size)
    expected, result = found_both_ways(View(flip=True), image, image[:, ::-1], rule)
    y1, x1, y2, x2 = expected.rois.T
    np.testing.assert_array_equal(result.rois, np.stack([y1, size[1] - x2, y2, size[1] - x1], axis=1))
    np.testing.assert_array_equal(result.masks(), expected.masks()[:, ::-1])


TURNED = [View(turns=1), View(flip=True, turns=1), View(turns=2), View(1.25, (1, 0), turns=3)]


@pytest.mark.parametrize("view", TURNED)
@pytest.mark.parametrize("size", [(128, 128), (64, 128), (128, 50)])
def test_a_turned_view_is_turned_pixel_by_pixel(view, size):
    own, image = config(), picture(*size)
    before, turned = (fit_view(one, image, own) for one in (replace(view, turns=0), view))
    np.testing.assert_array_equal(turned.image, np.rot90(before.image, view.turns))
    (y1, x1, y2, x2), (v1, u1, v2, u2) = before.window, turned.window
    shown = np.rot90(before.image[y1:y2, x1:x2], view.turns)
    np.testing.assert_array_equal(turned.image[v1:v2, u1:u2], shown)
    np.testing.assert_array_equal(parse(turned.meta[None])["window"][0], turned.window)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [(128, 128), (64, 128), (128, 50)])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_what_is_found_in_a_turned_image_comes_back_pixel_by_pixel(rule, size, turns):
    image = picture(*size)
    expected, result = found_both_ways(View(turns=turns), image, np.rot90(image, turns), rule)
    np.testing.assert_array_equal(result.masks(), np.rot90(expected.masks(), -turns))


def test_turns_need_a_square_input():
    words = r"^tta turns needs IMAGE_RESIZE_MODE square or crop, whose input is a square; got pad64\.$"
    with pytest.raises(ValueError, match=words):
        Augmenting.of("turns").lower(config(**MODES[1]))
    Augmenting.of("flips,scales").check(config(**MODES[1]))


@pytest.mark.parametrize("view", [*ALL, *TURNED])
def test_the_way_back_undoes_the_view(view):
    """A bright square is found by its pixels in each view, and lies where the plain view has it."""
    own, image = config(), np.zeros((96, 120, 3), np.uint8)
    image[30:60, 40:76] = 255
    plain, fitted = fit(image, own), fit_view(view, image, own)
    in_plain, seen = (
        back(one, own_fitted, *_square(own_fitted), plain, None).boxes[0]
        for one, own_fitted in ((PLAIN, plain), (view, fitted))
    )
    expected = np.array([30, 40, 60, 76]) * 128 / 120 + [13, 0, 13, 0]
    np.testing.assert_allclose(seen, in_plain, atol=1e-9 if view.zoom == 1 else 1.1)  # whole pixels of a view
    np.testing.assert_allclose(seen, expected, atol=1.1)


def _square(fitted):
    """What a perfect network finds of a bright square: its box, of class 1 with the score 1, and its mask."""
    bright = fitted.image[..., 0] > 127
    rows, columns = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
    return np.array([[rows[0], columns[0], rows[-1], columns[-1], 127, 127]]) / 127, np.ones((1, 14, 14))


def test_what_a_view_cuts_is_left_to_the_others():
    own, image = config(), picture(128, 128)
    view = View(1.25, (0, 0))  # which shows 102 of 128 pixels a side
    boxes = [[0, 0, 60, 60], [20, 20, 40, 127], [20, 20, 127, 40], [20, 20, 40, 120]]
    rows = np.column_stack([np.array(boxes) / 127, [1] * 4, [0.9, 0.8, 0.7, 0.6]])
    plain = fit(image, own)
    seen = back(view, fit_view(view, image, own), rows, np.ones((4, 14, 14)), plain, None)
    np.testing.assert_allclose(seen.scores, [0.9, 0.6])  # the photograph's own edge cuts nothing
    assert seen.shows(np.array([0.0, 0, 50, 50]))
    assert not seen.shows(np.array([0.0, 0, 50, 102]))
    assert not seen.shows(np.array([0.0, 0, 50, 120]))
