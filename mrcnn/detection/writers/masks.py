"""Write mask images, one an instance, with the photographs."""

from mrcnn.datasets.writers import masks
from mrcnn.detection.writers.data_set import DataSetWriter


class MasksWriter(DataSetWriter):
    """``masks/<class>/masks/<image>_<MID>_<number>.png``; photographs lie in the folders of their classes."""

    own_folder = "masks"
    kind = masks.MasksWriter

    def rings(self, mask):
        """Return no polygons: mask images need none."""
        return []
