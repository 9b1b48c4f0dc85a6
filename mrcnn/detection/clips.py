"""Videos and cameras as detection names them, before a frame is read."""

from dataclasses import dataclass
from pathlib import Path

# In lower case. FFmpeg, with which OpenCV reads videos, looks at the content of a file, not at its name.
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".flv", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts",
    ".3gp", ".ogv",
)  # fmt: skip


def is_video(path):
    """Return whether a Path has the suffix of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


class ClipError(ValueError):
    """A video or a camera gives no frames, or a video cannot be written."""


class CutShort(ClipError):
    """A video or a camera gives no more frames before its end."""


@dataclass(frozen=True)
class Clip:
    """A video, or a camera.

    name: of the file, or "camera 0". stem: of the names of its output files, which no other has. path: of the
    file, or None. camera: its number, or None.
    """

    name: str
    stem: str
    path: Path | None = None
    camera: int | None = None


@dataclass(frozen=True)
class Frame:
    """The place of a frame in its Clip.

    number: of the frame, from 0. time: seconds since the first one. rate: of those in which one detects, in
    frames a second.
    """

    clip: Clip
    number: int
    time: float
    rate: float

    @property
    def name(self):
        """The name in results."""
        return f"{self.clip.name}#{self.number:06d}"

    @property
    def stem(self):
        """The stem of the names of output files."""
        return f"{self.clip.stem}_{self.number:06d}"

    def keys(self):
        """Return what JSON says of it beside its name."""
        return {"video": self.clip.name, "frame": self.number, "time": round(self.time, 3)}
