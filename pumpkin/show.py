"""Windows with detections, where there is a display."""

import os
import sys

from mrcnn.visualize import display_instances


class DisplayError(RuntimeError):
    """There is no display to open a window on."""


def open_windows(items, class_names):
    """Open a window for each pair of image and result, one after another. Raises DisplayError."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise DisplayError("--show needs a display and there is none; the pictures are written all the same.")
    for image, result in items:
        display_instances(
            image, result["rois"], result["masks"], result["class_ids"], class_names, scores=result["scores"]
        )
