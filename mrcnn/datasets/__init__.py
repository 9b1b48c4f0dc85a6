"""Data sets on disk: from files to images and masks, and a check of their contents.

FORMATS lists the formats, one line each: the word for the setting LAYOUT, and the Dataset that reads the
format. A module is imported when its format is first used. docs/extending.md shows how to add one.
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
    "voc": "mrcnn.datasets.voc:Voc",
    "label_maps": "mrcnn.datasets.label_maps:LabelMaps",
    "masks": "mrcnn.datasets.mask_folders:MaskFolders",
    "via": "mrcnn.datasets.via:ViaDataset",
    "labelme": "mrcnn.datasets.labelme:LabelmeDataset",
    "coco": "mrcnn.datasets.coco:Coco",
    "yolo": "mrcnn.datasets.yolo:Yolo",
}
