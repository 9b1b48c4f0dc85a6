"""OrientedImages: the half of Dataset that reads photographs as their masks need them, see orientation.py."""

import threading

import numpy as np

from mrcnn.datasets import orientation
from mrcnn.datasets.images import read_image, read_size

_deciding = threading.local()  # whether this thread is asking a data set for masks to learn their size


class OrientedImages:
    """Reads the images of a data set, each turned upright or as stored, whichever its masks are drawn on."""

    def load_image(self, image_id):
        """Load an image as [H, W, 3] uint8 RGB. Raises images.ImageError with the file's name.

        A photograph that EXIF turns is turned if its masks or annotations are, see ``exif_orientation``.
        """
        return read_image(self.image_file(image_id), self._is_turned(image_id))

    def image_size(self, image_id):
        """Return (height, width) of an image as ``load_image`` returns it, from the file's header."""
        return read_size(self.image_file(image_id), self._is_turned(image_id))

    def image_file(self, image_id):
        """Return the path of an image, or an open file for images that have no file of their own."""
        return self.image_info[image_id]["path"]

    def annotates_upright(self, image_id):
        """Return whether masks are drawn on the upright photograph; asked if sizes fit both orientations."""
        return True

    def annotated_sizes(self, image_id):
        """Return the (height, width) of an image's masks, or of the image that its annotations fit.

        It is asked only for photographs that EXIF turns by 90 degrees; an empty list if nothing is known.
        The base class takes "height" and "width" of image_info, or else loads the masks.
        """
        info = self.image_info[image_id]
        size = info.get("height"), info.get("width")
        if all(isinstance(side, (int, np.integer)) and side > 0 for side in size):
            return [size]
        return self._size_of_loaded_masks(image_id)

    def exif_orientation(self, image_id):
        """Return the orientation.Decision on an image from its header. Raises ImageError."""
        found = [orientation.Decision(1, False)]
        read_size(
            self.image_file(image_id),
            lambda stored, number: found.append(self._decide(image_id, stored, number)),
        )
        return found[-1]

    def _is_turned(self, image_id):
        """Return the argument apply_exif of read_image for an image."""
        return lambda stored, number: self._decide(image_id, stored, number).upright

    def _decide(self, image_id, stored, number):
        # Turning by 180 degrees and mirroring change no size.
        sizes = self.annotated_sizes(image_id) if number >= 5 else []
        return orientation.decide(stored, number, sizes, self.annotates_upright(image_id))

    def _size_of_loaded_masks(self, image_id):
        """Return the size of what load_mask returns, which may itself load the image or ask for its size."""
        if getattr(_deciding, "active", False):
            return []
        _deciding.active = True
        try:
            masks, class_ids = self.load_mask(image_id)
            return [masks.shape[:2]] if len(class_ids) else []
        except Exception:  # whoever loads the masks to use them meets it again
            return []
        finally:
            _deciding.active = False
