"""The formats of data sets, by the names that LAYOUT takes."""

from mrcnn.datasets.class_folders import PumpkinDataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.image_folders import NucleiDataset


def open_dataset(config, root, split):
    """The split of a data set in the layout that config.LAYOUT names, prepared. Raises DatasetError."""
    if config.LAYOUT == "openimages":
        dataset = PumpkinDataset()
        dataset.load_pumpkins(root, split, config.CLASSES)
    elif config.LAYOUT == "nuclei":
        dataset = NucleiDataset()
        dataset.load_nuclei(root, split, config.CLASSES[0])
    else:
        raise DatasetError(f"Unknown LAYOUT {config.LAYOUT!r}; it is one of openimages, nuclei.")
    dataset.prepare()
    return dataset
