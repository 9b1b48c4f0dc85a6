"""Where photographs are cut into tiles, and when."""

import pytest

from mrcnn.config import Config
from mrcnn.detection.tiles import Plan, plan
from mrcnn.detection.tiling import Tiling


def config(**settings):
    own = Config()
    own.update({"IMAGE_MIN_DIM": 512, "IMAGE_MAX_DIM": 1024, "IMAGE_MIN_SCALE": 0, **settings})
    return own


def test_tiles_share_the_overlap_and_the_last_one_is_moved_inward():
    found = plan(Tiling(100, 0.2), 100, 250, config())
    assert found.tiles == ((0, 0, 100, 100), (0, 80, 100, 180), (0, 150, 100, 250))
    assert found.parts == (*found.tiles, (0, 0, 100, 250))
    assert found.fits == (100, 20)  # any height is whole in some tile


def test_tiles_go_row_by_row():
    found = plan(Tiling(100, 0.5), 150, 150, config())
    assert found.tiles == ((0, 0, 100, 100), (0, 50, 100, 150), (50, 0, 150, 100), (50, 50, 150, 150))


def test_one_more_pixel_is_one_more_tile():
    assert plan(Tiling(100), 60, 100, config()) == Plan((60, 100))
    assert plan(Tiling(100), 60, 101, config()).tiles == ((0, 0, 60, 100), (0, 1, 60, 101))
    assert len(plan(Tiling(100), 60, 180, config()).tiles) == 2
    assert len(plan(Tiling(100), 60, 181, config()).tiles) == 3


def test_no_tiling_no_tiles():
    assert plan(None, 9000, 7000, config()).parts == ((0, 0, 9000, 7000),)


def test_every_object_up_to_the_overlap_lies_whole_in_a_tile():
    found = plan(Tiling(50, 0.3), 173, 50, config())
    ranges = [range(y1, y2 - found.fits[0] + 1) for y1, _, y2, _ in found.tiles]
    assert found.fits == (15, 50)
    assert all(any(y in own for own in ranges) for y in range(173 - 15 + 1))


@pytest.mark.parametrize(
    ("settings", "side"),
    [
        ({}, 1024),
        ({"IMAGE_MIN_DIM": 1024}, 1024),
        ({"IMAGE_MIN_DIM": 256, "IMAGE_MAX_DIM": 576, "IMAGE_MIN_SCALE": 1.5}, 384),
        ({"IMAGE_MIN_DIM": 256, "IMAGE_MAX_DIM": 576, "IMAGE_RESIZE_MODE": "crop"}, 576),
    ],
)
def test_auto_takes_the_scale_of_training_and_cuts_what_shrinks_more_than_twice(settings, side):
    own = config(**settings)
    assert plan(Tiling("auto"), 2 * side, side, own) == Plan((2 * side, side))
    found = plan(Tiling("auto"), 2 * side + 1, side, own)
    assert found.tiles[0] == (0, 0, side, side)
    assert found.whole


def test_modes_that_shrink_nothing_see_no_whole_photograph_beside_its_tiles():
    own = config(IMAGE_RESIZE_MODE="pad64")
    assert plan(Tiling("auto"), 4000, 6000, own) == Plan((4000, 6000))
    assert not plan(Tiling(512), 4000, 6000, own).whole
    assert plan(Tiling(512), 1024, 512, own).whole


@pytest.mark.parametrize("side", [0, -512, 31, 512.0, True, "512", "Auto", None])
def test_sides_that_cannot_be(side):
    with pytest.raises(ValueError) as error:
        Tiling(side)
    assert str(error.value) == (
        f"tile must be auto, none or the side of the tiles in pixels, 32 or more, got {side}."
    )


@pytest.mark.parametrize("overlap", [0, -0.1, 0.51, float("nan"), "0.2"])
def test_overlaps_that_cannot_be(overlap):
    with pytest.raises(ValueError) as error:
        Tiling(512, overlap)
    assert str(error.value) == (f"overlap must be a share of the tile above 0 and up to 0.5, got {overlap}.")


def test_two_options():
    assert Tiling.of(None, None) is None
    assert Tiling.of("auto", None) == Tiling("auto", 0.2)
    assert Tiling.of(512, 0.1) == Tiling(512, 0.1)
    with pytest.raises(
        ValueError, match=r"^overlap is a share of tiles: set tile too, for instance to auto\.$"
    ):
        Tiling.of(None, 0.3)
