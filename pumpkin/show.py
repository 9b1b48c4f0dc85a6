"""Show detections in windows, if there is a display."""

import os
import sys

from mrcnn.visualize import display_instances


class DisplayError(OSError):
    """Raised when no window can be opened."""


def open_windows(items, class_names):
    """Open a window for each pair of image and result, one after another. Raises DisplayError."""
    _require_display()
    for image, result in items:
        display_instances(
            image, result["rois"], result["masks"], result["class_ids"], class_names, scores=result["scores"]
        )


def _require_display():
    written = "the pictures have been written anyway."
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise DisplayError(f"--show needs a display and there is none; {written}")
    import matplotlib.pyplot as plt
    from matplotlib.backends import BackendFilter, backend_registry

    if plt.get_backend().lower() in backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE):
        raise DisplayError(
            f"--show needs a library that opens windows, such as tkinter or PyQt6, and finds none; {written}"
        )
