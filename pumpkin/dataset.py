"""The data sets of the product, under the names it is asked for."""

from mrcnn.datasets.class_folders import PumpkinDataset
from mrcnn.datasets.errors import DatasetError, DatasetWarning
from mrcnn.datasets.formats import open_dataset
from mrcnn.datasets.image_folders import NucleiDataset

__all__ = ["DatasetError", "DatasetWarning", "NucleiDataset", "PumpkinDataset", "open_dataset"]
