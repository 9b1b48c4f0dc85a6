"""Where the tiles of a large photograph lie: one rule for training and for detection."""

OVERLAP = 0.2  # share of a tile's side that neighbouring tiles have in common


def tile_boxes(height, width, side, overlap=OVERLAP):
    """Return the boxes (y1, x1, y2, x2) of the tiles of a photograph, row by row.

    side: of the tiles, in pixels. overlap: share of the side, below 1. All tiles have one size; the last one
    of each row and column ends with the photograph. One that is smaller than ``side`` both ways is one tile.
    """
    step = side - common_pixels(side, overlap)
    tall, wide = min(side, height), min(side, width)
    return tuple(
        (y, x, y + tall, x + wide) for y in _starts(height, side, step) for x in _starts(width, side, step)
    )


def common_pixels(side, overlap=OVERLAP):
    """Return the pixels that neighbouring tiles have in common, at least."""
    return max(1, round(side * overlap))


def _starts(length, side, step):
    """Return where the tiles along an axis begin."""
    last = max(length - side, 0)
    return [*range(0, last, step), last]
