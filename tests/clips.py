"""Videos for tests: lossless, so that every pixel can be compared."""

import cv2
import numpy as np

from tests.tiny import picture


def frame(number, height=60, width=80):
    """Frame ``number`` of ``write_clip``: [height, width, 3] uint8 RGB."""
    return picture(height, width, seed=number)


def write_clip(path, count=5, size=(60, 80), rate=10.0, codec="FFV1"):
    """Write a video of ``count`` frames, .avi or .mkv; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.VideoWriter_fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, rate, size[::-1])
    for number in range(count):
        writer.write(np.ascontiguousarray(frame(number, *size)[:, :, ::-1]))
    writer.release()
    return path


def read_clip(path):
    """Return the rate of a video and its frames, RGB, as OpenCV's own reader gives them."""
    capture, found = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    while True:
        done, image = capture.read()
        if not done:
            rate = capture.get(cv2.CAP_PROP_FPS)
            capture.release()
            return rate, found
        found.append(image[:, :, ::-1])
