"""Photograph: what writers know of an image beside its pixels."""

from dataclasses import dataclass
from pathlib import Path

from mrcnn.detection.addresses import file_name, is_address
from mrcnn.detection.clips import Frame


@dataclass(frozen=True)
class Photograph:
    """An image to detect in.

    name: of its file or its address. stem: of the names of its output files, which no other
    image has, in upper or lower case. path: of its file, or None if it is none. frame: the Frame that it is
    of a video or a camera, or None.
    """

    name: str
    stem: str
    path: Path | None = None
    frame: Frame | None = None

    @classmethod
    def of(cls, frame):
        """Return the Photograph of a Frame."""
        return cls(frame.name, frame.stem, frame=frame)

    @property
    def title(self):
        """The name without folders."""
        if is_address(self.name):
            return file_name(self.name)
        return self.name if self.path is None and self.frame is None else Path(self.name).name

    def keys(self):
        """Return what JSON says of it beside its name and its size: of a frame, where it is."""
        return {} if self.frame is None else self.frame.keys()
