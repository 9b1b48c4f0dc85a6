"""The kinds of shapes that annotation files give an instance; shapes.py makes masks of them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)  # not frozen, which takes twice as long to make; there may be a million
class Rings:
    """The union of closed rings, each an array [K, (x, y)] of pixels; K is at least 3."""

    rings: tuple


@dataclass(slots=True)
class Shares:
    """The union of closed rings in shares of the image's width and height, from 0 to 1; else as Rings."""

    rings: tuple


@dataclass(frozen=True, slots=True)
class RunLengths:
    """COCO's run lengths. size: (height, width). counts: compressed, as bytes."""

    size: tuple
    counts: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A mask file. value: None for all pixels above zero, or the pixel value of the one instance."""

    path: Path
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """A mask that covers a part of the image. corner: (y, x) of its first pixel in the image."""

    runs: RunLengths
    corner: tuple


@dataclass(frozen=True, slots=True)
class Union:
    """The union of other shapes."""

    shapes: tuple
