"""A camera: the newest frame, its time, and its end."""

import threading

import numpy as np
import pytest

from mrcnn.detection import cameras
from mrcnn.detection.cameras import Camera
from mrcnn.detection.clips import ClipError, CutShort


class FakeCamera:
    """A camera that gives a frame, filled with its number, when the test lets it."""

    def __init__(self, rate=20.0):
        self._rate = rate
        self.allowed = threading.Semaphore(0)
        self.read_count, self.released, self.gone = 0, False, False

    def isOpened(self):
        return True

    def get(self, _):
        return self._rate

    def read(self):
        if not self.allowed.acquire(timeout=10) or self.gone:
            return False, None
        self.read_count += 1
        return True, np.full((4, 6, 3), self.read_count - 1, np.uint8)

    def release(self):
        self.released = True


def give(fake, camera, count):
    """Let a camera give frames, and wait until they were read."""
    for _ in range(count):
        before = camera._read_frames
        fake.allowed.release()
        with camera._changed:
            assert camera._changed.wait_for(lambda seen=before: camera._read_frames > seen, timeout=10)


def test_the_newest_frame_and_no_other():
    fake = FakeCamera()
    with Camera(0, capture=fake) as camera:
        frames = camera.frames()
        give(fake, camera, 1)
        number, seconds, image = next(frames)
        assert (number, seconds, image[0, 0, 0]) == (0, 0.0, 0)
        give(fake, camera, 4)  # while the network is busy
        number, later, image = next(frames)
        assert (number, image[0, 0, 0]) == (4, 4)
        assert later > 0
        fake.gone = True
        fake.allowed.release()
        with pytest.raises(CutShort, match=r"^camera 0: gives no more frames; is it still connected[?]$"):
            next(frames)
    assert fake.released


def test_each_third_frame():
    fake = FakeCamera()
    with Camera(0, every=3, capture=fake) as camera:
        assert camera.rate == pytest.approx(20 / 3)
        frames, numbers = camera.frames(), []
        for count in (1, 3, 4, 2):
            give(fake, camera, count)
            numbers.append(next(frames)[0])
        assert numbers == [0, 3, 6, 9]
        fake.gone = True
        fake.allowed.release()


def test_colours_are_rgb(monkeypatch):
    fake = FakeCamera()
    fake.read = lambda: (True, np.full((4, 6, 3), (1, 2, 3), np.uint8))
    with Camera(0, capture=fake) as camera:
        assert next(camera.frames())[2][0, 0].tolist() == [3, 2, 1]


def test_no_such_camera(monkeypatch, capfd):
    class Closed(FakeCamera):
        def isOpened(self):
            return False

    monkeypatch.setattr(cameras.cv2, "VideoCapture", lambda number: Closed())
    with pytest.raises(ClipError) as caught:
        Camera(7)
    assert str(caught.value) == (
        "camera 7: there is no such camera, or another program uses it; the first one is 0."
    )
