"""Photograph: what writers know of an image beside its pixels."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Photograph:
    """An image to detect in.

    name: as the user gave it, a path for instance. stem: of the names of its output files, which no other
    image has, in upper or lower case. path: of its file, or None if it is none.
    """

    name: str
    stem: str
    path: Path | None = None

    @property
    def title(self):
        """The last part of the name."""
        return self.name.rpartition("/")[2] if self.path is None else self.path.name
