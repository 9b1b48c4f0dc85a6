"""Write each photograph in grey, with its instances in colour."""

import cv2
import numpy as np

from mrcnn.detection.scaling import scaled
from mrcnn.detection.writers.pictures import PictureWriter


class SplashWriter(PictureWriter):
    """``splash/<image>.png``: matterport's colour splash."""

    pictures = "splash"

    def picture(self, photograph, image, found):
        """Return the picture of a photograph."""
        return splash(*scaled(image, found, self.look.size))


def splash(image, found):
    """Return a copy of an image [H, W, 3] uint8 that is grey outside the masks of its Detections."""
    grey = cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), cv2.COLOR_RGB2GRAY)
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    for (y1, x1, y2, x2), crop in zip(found.rois, found.crops):
        np.copyto(picture[y1:y2, x1:x2], image[y1:y2, x1:x2, :3], where=crop[:, :, None])
    return picture
