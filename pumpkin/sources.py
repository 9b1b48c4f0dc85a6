"""Get the images that a command names: files, addresses of the web, standard input, and frames of videos."""

import functools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.datasets.images import ImageError, read_image, read_image_bytes
from mrcnn.detection.addresses import LARGEST, is_address, read_address
from mrcnn.detection.cameras import Camera
from mrcnn.detection.clips import Clip, ClipError, Frame
from mrcnn.detection.videos import Video, read_frame
from mrcnn.detection.writers.photograph import Photograph
from mrcnn.http import TransferError
from pumpkin.image_files import STANDARD_INPUT

# What spoils one image, or one video, alone.
ERRORS = (ImageError, TransferError, ClipError)


@dataclass(frozen=True)
class Source:
    """An image to read.

    data: the bytes of one that is no file. pixels: of a frame, [H, W, 3] uint8. error: why there are none.
    """

    photograph: Photograph
    data: bytes | None = None
    pixels: np.ndarray | None = None
    error: Exception | None = None

    def read(self) -> np.ndarray:
        """Return the image, [H, W, 3] uint8, turned upright. Raises one of ERRORS."""
        if self.error is not None:
            raise self.error
        if self.pixels is not None:
            return self.pixels
        if self.photograph.path is not None:
            return read_image(self.photograph.path, apply_exif=True)
        return read_image_bytes(self.data, self.photograph.name, apply_exif=True)


def sources(inputs, every=1):
    """Yield a Source of each Photograph, and of each Nth frame of each Clip.

    What is no file is fetched here, one after another, in the thread of the caller: Ctrl-C then ends a
    transfer at once, which a thread of the stream would first complete. Frames come one after another anyway.
    """
    for given in inputs:
        try:
            if isinstance(given, Clip):
                yield from _of_clip(given, every)
            else:
                yield Source(given, None if given.path is not None else _bytes_of(given.name))
        except ERRORS as error:
            photograph = Photograph(given.name, given.stem, given.path)
            yield Source(photograph, error=error)


def _of_clip(clip, every):
    """Yield a Source of each Nth frame. Raises ClipError, also after frames."""
    if clip.camera is not None:
        with Camera(clip.camera, every) as camera:
            yield from _of_frames(clip, camera.frames(), camera.rate)
    else:
        with Video(clip.path) as video:
            yield from _of_frames(clip, video.frames(every), video.rate / every)


def _of_frames(clip, frames, rate):
    for number, seconds, pixels in frames:
        yield Source(Photograph.of(Frame(clip, number, seconds, rate)), pixels=pixels)


def read_again(record):
    """Return the image of a record, as ``Source.read`` does. Raises one of ERRORS."""
    if "video" in record:
        return read_frame(record["video"], record["frame"])
    name = record["image"]
    if is_address(name) or name == STANDARD_INPUT:
        return read_image_bytes(_bytes_of(name), name, apply_exif=True)
    return read_image(Path(name), apply_exif=True)


def _bytes_of(name):
    return read_address(name) if is_address(name) else _standard_input()


@functools.cache
def _standard_input():
    """Return the bytes of standard input, which can be read once. Raises ImageError."""
    data = sys.stdin.buffer.read(LARGEST + 1)
    if not data:
        raise ImageError(f"{STANDARD_INPUT}: is empty; send the bytes of an image into this command.")
    if len(data) > LARGEST:
        raise ImageError(f"{STANDARD_INPUT}: is longer than {LARGEST} bytes, which no image should be.")
    return data
