"""Write each photograph with its detections drawn on it."""

from mrcnn.detection import overlay
from mrcnn.detection.writers.pictures import PictureWriter


class OverlayWriter(PictureWriter):
    """``<image>.png``: tinted and outlined masks, boxes, classes and scores, as the Look says."""

    pictures = ""

    def picture(self, photograph, image, found):
        """Return the picture of a photograph."""
        return overlay.draw(image, found, self.class_names, self.look, steady=photograph.frame is not None)
