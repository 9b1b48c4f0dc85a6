"""The options of cutting photographs into tiles; light enough for a command line to check."""

from dataclasses import dataclass
from numbers import Integral, Real

from mrcnn.pipeline.grid import OVERLAP

AUTO, NONE = "auto", "none"

_SMALLEST, _MOST_OVERLAP = 32, 0.5  # with more, most pixels would lie in more than four tiles


@dataclass(frozen=True)
class Tiling:
    """How photographs are cut into tiles, see tiles.plan.

    tile: side of the tiles in pixels, or "auto", which suits the network and cuts no photograph that shrinks
    little. overlap: share of a side that neighbouring tiles have in common.
    Raises ValueError for other values.
    """

    tile: int | str
    overlap: float = OVERLAP

    def __post_init__(self):
        is_number = isinstance(self.tile, Integral) and not isinstance(self.tile, bool)
        if self.tile != AUTO and not (is_number and self.tile >= _SMALLEST):
            raise ValueError(
                f"tile must be {AUTO}, {NONE} or the side of the tiles in pixels, {_SMALLEST} or more, "
                f"got {self.tile}."
            )
        if not (isinstance(self.overlap, Real) and 0 < self.overlap <= _MOST_OVERLAP):
            raise ValueError(
                f"overlap must be a share of the tile above 0 and up to {_MOST_OVERLAP}, got {self.overlap}."
            )

    @classmethod
    def of_training(cls, config):
        """Return the Tiling that a network was trained for (TILE), or None for whole photographs."""
        return None if config.TILE is None else cls(config.TILE)

    @classmethod
    def of(cls, tile, overlap):
        """Return the Tiling of two options, or None for whole photographs, which are also the tile "none".

        overlap: None is OVERLAP.
        Raises ValueError for a value that is not allowed, and for an overlap without a tile.
        """
        tile = None if tile == NONE else tile
        if tile is None and overlap is not None:
            raise ValueError(f"overlap is a share of tiles: set tile too, for instance to {AUTO}.")
        return None if tile is None else cls(tile, OVERLAP if overlap is None else overlap)
