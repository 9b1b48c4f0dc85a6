"""Show detections in windows, if there is a display: the pictures that ``overlay`` writes."""

import os
import sys
from dataclasses import replace

from mrcnn.detection import overlay
from mrcnn.detection.detections import Detections
from mrcnn.drawing import lettering, without_warnings_of_letters

PER_PAGE = 12  # pictures
_COLUMNS = 4
_PIXELS = 1600  # of a window's longer side
_NEXT, _BACK = ("right", "pagedown", " ", "n"), ("left", "pageup", "b")
CLOSE = ("q", "escape")


class DisplayError(OSError):
    """Raised when no window can be opened."""


def require_display():
    """Raise DisplayError if no window can be opened."""
    written = "the pictures are also written without it."
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


class Pages:
    """A window that shows pictures page by page. Right turns to the next page, left back, q or Esc closes it.

    count: pictures. picture: returns (title, image [H, W, 3] uint8, Detections) of a number below it; those
    of one page are in memory. class_names: indexed by class id. look: the Look of pictures.
    """

    def __init__(self, count, picture, class_names, look):
        import matplotlib.pyplot as plt

        self._count, self._picture = count, picture
        self._class_names, self._look = class_names, look
        self.page = 0
        self.figure = plt.figure("Detections", figsize=(16, 9), layout="constrained")
        self.figure.canvas.mpl_connect("key_press_event", self._press)
        self._draw()

    @property
    def pages(self):
        """The number of pages."""
        return -(-self._count // PER_PAGE)

    def _press(self, event):
        if event.key in CLOSE:
            import matplotlib.pyplot as plt

            plt.close(self.figure)
        step = (event.key in _NEXT) - (event.key in _BACK)
        if step and 0 <= self.page + step < self.pages:
            self.page += step
            self._draw()

    def _fitting(self, image, columns):
        """Return the Look of a picture on this page, which is no larger than the page can show."""
        room = _PIXELS // columns
        size = self._look.size or max(image.shape[:2])
        return replace(self._look, size=room) if size > room else self._look

    def _draw(self):
        self.figure.clear()
        first = self.page * PER_PAGE
        numbers = range(first, min(first + PER_PAGE, self._count))
        columns = min(_COLUMNS, len(numbers))
        rows = -(-len(numbers) // max(columns, 1))
        for place, number in enumerate(numbers, start=1):
            ax = self.figure.add_subplot(rows, columns, place)
            title, image, found = self._picture(number)
            ax.imshow(overlay.draw(image, found, self._class_names, self._fitting(image, columns)))
            ax.set_title(title, fontsize=8, **lettering())
            ax.axis("off")
        self.figure.suptitle(
            f"Page {self.page + 1} of {self.pages} (keys: left, right, q)" if self.pages > 1 else ""
        )
        with without_warnings_of_letters():
            self.figure.canvas.draw_idle()


def open_pages(records, reload, class_names, look):
    """Show the pictures of the records of photographs, and wait until the window is closed.

    reload: returns the image of a record and its result, a dict like that of MaskRCNN.detect.
    """
    import matplotlib.pyplot as plt

    numbers = [number for number, record in enumerate(records) if "video" not in record]

    def picture(number):
        record = records[numbers[number]]
        image, result = reload(record)
        return os.path.basename(record["image"]), image, Detections.of(result)

    if numbers:
        Pages(len(numbers), picture, class_names, look)
        plt.show()
