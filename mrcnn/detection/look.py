"""How pictures of detections look; light enough for a command line to check."""

from dataclasses import dataclass
from numbers import Integral

from mrcnn.choices import COLOR_BY

SMALLEST, LARGEST = 16, 30_000  # pixels: nothing can be seen in less, and more is no picture to look at


@dataclass(frozen=True)
class Look:
    """What the pictures of detections look like.

    color_by: "class", "instance", or "auto", which is by class if the model has several. size: longer side in
    pixels; None keeps the photograph's size. Raises ValueError for other values.
    """

    color_by: str = "auto"
    size: int | None = None

    def __post_init__(self):
        if self.color_by not in COLOR_BY:
            raise ValueError(f"color_by must be one of {', '.join(COLOR_BY)}, got {self.color_by!r}.")
        is_number = isinstance(self.size, Integral) and not isinstance(self.size, bool)
        if self.size is not None and not (is_number and SMALLEST <= self.size <= LARGEST):
            raise ValueError(
                f"size must be the longer side in pixels, {SMALLEST} to {LARGEST}, got {self.size}."
            )
