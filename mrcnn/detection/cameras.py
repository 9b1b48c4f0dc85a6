"""Read a camera: always its newest frame, however long one takes to detect in it."""

import threading
import time

import cv2

from mrcnn.detection.clips import ClipError, CutShort
from mrcnn.detection.videos import quietly, rate_of

_WAIT = 0.2  # seconds, after which Ctrl-C is noticed on every system


class Camera:
    """A camera that is open; a context manager. A thread of its own reads it and keeps one frame.

    number: of the camera, from 0. every: only each Nth frame of it counts. capture: an open cv2.VideoCapture;
    None opens the camera's. rate: of the frames that count, in frames a second. Raises ClipError if there is
    no such camera.
    """

    def __init__(self, number, every=1, capture=None):
        self._name, self._every = f"camera {number}", every
        self._capture = _opened(number) if capture is None else capture
        self.rate = rate_of(self._capture) / every
        self._newest, self._ended, self._read_frames = None, False, 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name=self._name, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended = True
        self._thread.join(timeout=2)
        if not self._thread.is_alive():  # else it waits for a camera that hangs
            self._capture.release()

    def frames(self):
        """Yield (number, seconds, image), the newest frame each time; those in between are left out.

        image: [H, W, 3] uint8 RGB. Raises CutShort if the camera gives no more frames.
        """
        first = None
        while True:
            number, moment, image = self._next()
            first = moment if first is None else first
            yield number, moment - first, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    def _next(self):
        with self._changed:
            while self._newest is None:
                if self._ended:
                    raise CutShort(f"{self._name}: gives no more frames; is it still connected?")
                self._changed.wait(_WAIT)
            newest, self._newest = self._newest, None
            return newest

    def _read(self):
        while not self._ended:
            done, image = self._capture.read()
            with self._changed:
                if not done:
                    self._ended = True
                elif self._read_frames % self._every == 0:
                    self._newest = self._read_frames, time.monotonic(), image
                self._read_frames += 1
                self._changed.notify_all()


def _opened(number):
    with quietly():
        capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise ClipError(
            f"camera {number}: there is no such camera, or another program uses it; the first one is 0."
        )
    return capture
