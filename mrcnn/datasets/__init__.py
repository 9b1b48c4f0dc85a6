"""From files to images and masks: data sets on disk, and a look at what is in them.

FORMATS lists the formats that the settings name, one line each: the word that LAYOUT takes, and the Dataset
that reads the format. A module is imported when its format is asked for. docs/extending.md shows how to add
one.
"""

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError, DatasetWarning
from mrcnn.datasets.images import ImageError, read_image, read_mask, read_size

__all__ = [
    "FORMATS", "Dataset", "DatasetError", "DatasetWarning", "ImageError",
    "read_image", "read_mask", "read_size",
]  # fmt: skip

FORMATS = {
    "openimages": "mrcnn.datasets.class_folders:ClassFolders",
    "nuclei": "mrcnn.datasets.image_folders:ImageFolders",
}
