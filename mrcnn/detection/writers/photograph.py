"""Photograph: what writers know of an image beside its pixels."""

from dataclasses import dataclass
from pathlib import Path

from mrcnn.detection.addresses import file_name, is_address


@dataclass(frozen=True)
class Photograph:
    """An image to detect in.

    name: of its file or its address. stem: of the names of its output files, which no other
    image has, in upper or lower case. path: of its file, or None if it is none.
    """

    name: str
    stem: str
    path: Path | None = None

    @property
    def title(self):
        """The name without folders."""
        if is_address(self.name):
            return file_name(self.name)
        return self.name if self.path is None else self.path.name
