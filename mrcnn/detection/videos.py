"""Read the frames of video files, one after another."""

import contextlib
from pathlib import Path

import cv2

from mrcnn.detection.clips import ClipError, CutShort

_USUAL_RATE, _HIGHEST_RATE = 30.0, 240.0  # some files claim 1000 frames a second, or none
_FEWER = 0.95  # share of the frames that a file must have of those it claims: some formats estimate them


def frames(path, every=1):
    """Yield the frames of a video file, [H, W, 3] uint8 RGB, turned upright as its metadata say.

    every: only each Nth frame is yielded, from the first one. Raises ClipError for a file that cannot be
    read, and CutShort after the last frame of one that ends early.
    """
    with Video(path) as video:
        for _, _, image in video.frames(every):
            yield image


def read_frame(path, number):
    """Return one frame of a video file, counted from 0. Raises ClipError.

    All frames before it are decoded: where a file has varying rates, OpenCV cannot go to a frame by its
    number.
    """
    with Video(path) as video:
        for found, _, image in video.frames(max(1, number)):
            if found == number:
                return image
    raise ClipError(f"{path}: has no frame {number}.")


class Video:
    """A video file that is open for reading; a context manager. Raises ClipError if it cannot be opened.

    rate: frames a second. count: frames, as the file says; 0 if it does not.
    """

    def __init__(self, path):
        self.path = Path(path)
        with quietly():
            # An absolute path: FFmpeg would take "a:b.mp4" for an address.
            self._capture = cv2.VideoCapture(str(self.path.absolute()), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise ClipError(f"{path}: {self._fault()}.")
        self.rate = rate_of(self._capture)
        self.count = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._capture.release()

    def frames(self, every=1):
        """Yield (number, seconds, image) of each Nth frame, see ``frames``; the first one has number 0."""
        number, seconds = 0, 0.0
        while self._capture.grab():
            # Rates vary within a file, so the time is what the file says, if that is later than before.
            said = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            seconds = said if said > seconds or not number else seconds + 1 / self.rate
            if number % every == 0:
                done, image = self._capture.retrieve()
                if not done:
                    break
                yield number, seconds, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            number += 1
        self._require_all(number, seconds)

    def _require_all(self, number, seconds):
        """Raise an error after the last frame if there is too little before it, by number and by time."""
        if number == 0:
            raise ClipError(f"{self.path}: has no frame that can be read.")
        expected = int(_FEWER * self.count)
        if number < expected and seconds * self.rate + 1 < expected:
            raise CutShort(
                f"{self.path}: ends after {number} of {self.count} frames: it is cut short or damaged."
            )

    def _fault(self):
        try:
            with open(self.path, "rb") as file:
                empty = not file.read(1)
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        if empty:
            return "is empty"
        return (
            "cannot be read as a video: it is damaged or cut short, or OpenCV lacks its codec; another "
            "program, such as ffmpeg, may convert it"
        )


def rate_of(capture):
    """Return the frames a second of an open VideoCapture, or a usual number if it has none that can be."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate <= _HIGHEST_RATE else _USUAL_RATE


@contextlib.contextmanager
def quietly():
    """Hold back what OpenCV prints when a file or a device cannot be opened: the error says it."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
