"""Get the images that a command names: files, addresses of the web, and standard input."""

import functools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.datasets.images import ImageError, read_image, read_image_bytes
from mrcnn.detection.addresses import LARGEST, is_address, read_address
from mrcnn.detection.writers.photograph import Photograph
from mrcnn.http import TransferError
from pumpkin.image_files import STANDARD_INPUT

# What spoils one image alone.
ERRORS = (ImageError, TransferError)


@dataclass(frozen=True)
class Source:
    """An image to read. data: the bytes of one that is no file. error: why there are none, or None."""

    photograph: Photograph
    data: bytes | None = None
    error: Exception | None = None

    def read(self) -> np.ndarray:
        """Return the image, [H, W, 3] uint8, turned upright. Raises one of ERRORS."""
        if self.error is not None:
            raise self.error
        if self.photograph.path is not None:
            return read_image(self.photograph.path, apply_exif=True)
        return read_image_bytes(self.data, self.photograph.name, apply_exif=True)


def sources(photographs):
    """Yield a Source of each Photograph.

    What is no file is fetched here, one after another, in the thread of the caller: Ctrl-C then ends a
    transfer at once, which a thread of the stream would first complete.
    """
    for photograph in photographs:
        if photograph.path is not None:
            yield Source(photograph)
            continue
        try:
            yield Source(photograph, _bytes_of(photograph.name))
        except ERRORS as error:
            yield Source(photograph, error=error)


def read_again(name):
    """Return the image of a name in a record, as ``Source.read`` does. Raises one of ERRORS."""
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
