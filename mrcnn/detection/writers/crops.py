"""Write each instance cut out of its photograph."""

import numpy as np

from mrcnn.datasets.writers.names import safe_name
from mrcnn.detection.overlay import encode
from mrcnn.detection.writers.writer import Writer
from mrcnn.files import write_bytes


class CropsWriter(Writer):
    """``crops/<class>/<image>_<number>.png``: an instance's box, transparent outside its mask."""

    own_folder = "crops"

    def write(self, photograph, image, found):
        """Write a file for each detection; they are numbered as in detections.json, from 1."""
        for number, ((y1, x1, y2, x2), crop, class_id) in enumerate(
            zip(found.rois, found.crops, found.class_ids), start=1
        ):
            pixels = np.dstack([image[y1:y2, x1:x2, :3], crop.astype(np.uint8) * 255])
            folder = self.folder / safe_name(self.class_names[class_id])
            write_bytes(folder / f"{photograph.stem}_{number:03d}.png", encode(pixels), durable=False)
