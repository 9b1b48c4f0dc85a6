"""Write each photograph with its detections drawn on it."""

from mrcnn.detection import overlay
from mrcnn.detection.writers.writer import Writer
from mrcnn.files import write_bytes


class OverlayWriter(Writer):
    """``<image>.png``: tinted and outlined masks, boxes, classes and scores, as the Look says."""

    pictures = ""

    def write(self, photograph, image, found):
        """Write the picture of a photograph."""
        drawn = overlay.draw(image, found, self.class_names, self.look)
        write_bytes(self.folder / f"{photograph.stem}.png", overlay.encode(drawn), durable=False)
