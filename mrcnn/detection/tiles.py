"""Cut large photographs into tiles, which the network sees at the scale of its training."""

from dataclasses import dataclass

from mrcnn.detection.molding import detection_mode
from mrcnn.detection.tiling import AUTO
from mrcnn.pipeline.grid import common_pixels, tile_boxes
from mrcnn.pipeline.transforms import scale_of

SHRUNK = 2  # times that "auto" lets a photograph shrink uncut: one level of the feature pyramid


@dataclass(frozen=True)
class Plan:
    """The parts of one photograph that the network sees one by one.

    size: (height, width). tiles: boxes (y1, x1, y2, x2) of one size; none if the photograph is not cut.
    whole: whether the network also sees the whole photograph, after the tiles. fits: (height, width) up to
    which any object lies whole in some tile.
    """

    size: tuple
    tiles: tuple = ()
    whole: bool = True
    fits: tuple = (0, 0)

    @property
    def parts(self):
        """The boxes of all parts, in the order in which the network sees them."""
        return (*self.tiles, (0, 0, *self.size)) if self.whole else self.tiles


def plan(tiling, height, width, config):
    """Return the Plan of a photograph for the network of a Config. tiling: a Tiling, or None to cut none.

    The side "auto" is what the network sees at the scale of its training, IMAGE_MAX_DIM divided by
    IMAGE_MIN_SCALE. It cuts photographs that would shrink more than SHRUNK times against that scale.
    """
    side = max(height, width) if tiling is None else _side(tiling, height, width, config)
    if max(height, width) <= side:
        return Plan((height, width))
    common = common_pixels(side, tiling.overlap)
    tiles = tile_boxes(height, width, side, tiling.overlap)
    # Modes that shrink no photograph would need as much memory for the whole one as without tiles.
    whole = round(max(height, width) * _scale(height, width, config)) <= config.IMAGE_MAX_DIM
    fits = tuple(common if length > side else length for length in (height, width))
    return Plan((height, width), tiles, whole, fits)


def _side(tiling, height, width, config):
    if tiling.tile != AUTO:
        return int(tiling.tile)
    side = int(config.IMAGE_MAX_DIM / (config.IMAGE_MIN_SCALE or 1))
    shrinks = _scale(side, side, config) / _scale(height, width, config)
    return side if shrinks > SHRUNK else max(height, width)


def _scale(height, width, config):
    return scale_of(
        height, width, config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE,
        detection_mode(config),
    )  # fmt: skip
