"""Write a video frame by frame."""

import contextlib

import cv2
import numpy as np

from mrcnn.detection.clips import ClipError
from mrcnn.detection.videos import quietly
from mrcnn.files import replacing_path

SUFFIX = ".mp4"
# MPEG-4 part 2: of the codecs in MP4 files, the one that OpenCV's wheels write on every system. They lack an
# encoder of H.264, because of its licence, and VP9 takes fifty times as long.
_CODEC = "mp4v"
_LARGEST = 8190  # pixels of a side in this codec
_SLOWEST = 0.01  # frames a second; FFmpeg keeps thousandths
_LONGEST_GAP = 60.0  # seconds: larger ones are errors of a clock


class VideoFile:
    """An MP4 file that appears under its name when it is closed.

    path: of the file, a Path. rate: frames a second. A context manager, which closes it.

    The rate of the file is constant. A frame is repeated until the time of the next one, so that a video of
    frames at varying times plays at the speed of its original.
    """

    def __init__(self, path, rate):
        self.path, self.rate = path, max(rate, _SLOWEST)
        self._stack, self._writer, self._size = contextlib.ExitStack(), None, None
        self._written, self._last, self._lost = 0, None, 0.0

    def write(self, picture, seconds):
        """Add a frame. picture: [H, W, 3] uint8 RGB. seconds: its time in the clip. Raises ClipError."""
        if self._writer is None:
            self._open(picture)
        due = self._due(seconds)
        while self._last is not None and self._written < due:
            self._put(self._last)
        self._last = self._fitted(picture)
        self._put(self._last)

    def close(self):
        """End the file and give it its name. Raises ClipError if it is not whole. Does nothing twice."""
        self.__exit__(None, None, None)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """End the file; if an error left the block, nothing of it stays."""
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        if error[0] is not None:
            self._stack.__exit__(*error)
            return
        with self._stack:
            self._require_whole()

    def _open(self, picture):
        height, width = picture.shape[:2]
        self._size = width + width % 2, height + height % 2  # the codec halves the colours
        if max(self._size) > _LARGEST:
            raise ClipError(
                f"{self.path}: a video of {width} x {height} pixels cannot be written, only sides of up to "
                f"{_LARGEST}; make it smaller (--display-size)."
            )
        self._temporary = self._stack.enter_context(replacing_path(self.path, durable=False, suffix=SUFFIX))
        with quietly():
            writer = cv2.VideoWriter(
                str(self._temporary), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*_CODEC), self.rate, self._size
            )
        if not writer.isOpened():
            error = ClipError(f"{self.path}: OpenCV cannot write this video of {width} x {height} pixels.")
            self._stack.__exit__(ClipError, error, None)
            raise error
        self._writer = writer

    def _due(self, seconds):
        """Return how many frames the file must have before one of this time."""
        due = round((seconds - self._lost) * self.rate)
        if due - self._written > _LONGEST_GAP * self.rate:
            self._lost, due = seconds - self._written / self.rate, self._written
        return due

    def _fitted(self, picture):
        """Return a picture as BGR in the size of the first one; a side of odd pixels gets one more."""
        width, height = self._size
        picture = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2BGR)
        more = height - picture.shape[0], width - picture.shape[1]
        if more[0] in (0, 1) and more[1] in (0, 1):
            return cv2.copyMakeBorder(picture, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE)
        return cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)

    def _put(self, picture):
        self._writer.write(picture)
        self._written += 1

    def _require_whole(self):
        """Raise ClipError unless the file holds all frames: OpenCV does not say when a disk is full."""
        with quietly():
            capture = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if count != self._written:
            raise ClipError(
                f"{self.path}: only {count} of {self._written} frames could be written; is the disk full?"
            )
