"""Show the frames of a video or a camera while they are detected."""

from mrcnn.detection import overlay
from mrcnn.detection.writers.writer import Writer
from pumpkin.show import CLOSE


class Window(Writer):
    """A window that shows the frames of a video or a camera while they are detected. q or Esc closes it.

    closed: whether the user closed it.
    """

    def __init__(self, class_names, look):
        super().__init__(None, class_names, look)
        self.closed, self._figure, self._image = False, None, None

    def write(self, photograph, image, found):
        """Return the picture of a frame, or None of a photograph."""
        if photograph.frame is None:
            return None
        return overlay.draw(image, found, self.class_names, self.look, steady=True)

    def add(self, photograph, record):
        """Show the picture of a frame."""
        if record is None or self.closed:
            return
        if self._figure is None:
            self._open()
        if self._image is None or self._image.get_array().shape != record.shape:
            self._figure.clear()
            ax = self._figure.add_axes((0, 0, 1, 1))
            ax.axis("off")
            self._image = ax.imshow(record)
        self._image.set_data(record)
        self._figure.canvas.draw_idle()
        self._figure.canvas.flush_events()

    def _open(self):
        import matplotlib.pyplot as plt

        self._figure = plt.figure("Detections", figsize=(16, 9))
        self._figure.canvas.mpl_connect("close_event", self._end)
        self._figure.canvas.mpl_connect("key_press_event", self._press)
        self._figure.show()

    def _press(self, event):
        import matplotlib.pyplot as plt

        if event.key in CLOSE:
            plt.close(self._figure)
            self._end()

    def _end(self, event=None):
        self.closed = True
