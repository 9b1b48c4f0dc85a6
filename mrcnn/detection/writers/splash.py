"""Write each photograph in grey, with its instances in colour."""

import cv2
import numpy as np

from mrcnn.detection.overlay import encode
from mrcnn.detection.scaling import scaled
from mrcnn.detection.writers.writer import Writer
from mrcnn.files import write_bytes


class SplashWriter(Writer):
    """``splash/<image>.png``: matterport's colour splash."""

    pictures = "splash"

    def write(self, photograph, image, found):
        """Write the picture of a photograph."""
        path = self.folder / self.pictures / f"{photograph.stem}.png"
        write_bytes(path, encode(splash(*scaled(image, found, self.look.size))), durable=False)


def splash(image, found):
    """Return a copy of an image [H, W, 3] uint8 that is grey outside the masks of its Detections."""
    grey = cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), cv2.COLOR_RGB2GRAY)
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    for (y1, x1, y2, x2), crop in zip(found.rois, found.crops):
        np.copyto(picture[y1:y2, x1:x2], image[y1:y2, x1:x2, :3], where=crop[:, :, None])
    return picture
