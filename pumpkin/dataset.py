"""The application's data sets under their public names."""

from mrcnn.datasets import formats
from mrcnn.datasets.class_folders import ClassFolders
from mrcnn.datasets.errors import DatasetError, DatasetWarning
from mrcnn.datasets.image_folders import ImageFolders
from mrcnn.datasets.recognition import AUTO, recognise

__all__ = ["DatasetError", "DatasetWarning", "NucleiDataset", "PumpkinDataset", "open_dataset"]


class PumpkinDataset(ClassFolders):
    """Pumpkins, or any other classes of Open Images, in the downloader's layout."""

    def load_pumpkins(self, root, split, classes=("Pumpkin",)):
        """Index the images of one split; call prepare() afterwards. Takes and raises what load_split does."""
        self.load_split(root, split, classes)


class NucleiDataset(ImageFolders):
    """Nuclei in microscope images, with one folder per image."""

    def load_nuclei(self, root, split, name="nucleus"):
        """Index the images of one split; call prepare() afterwards. name: of the one class."""
        self.load_split(root, split, (name,))


def open_dataset(config, root, split):
    """The split of a data set in the layout that config.LAYOUT names, prepared. Raises DatasetError."""
    layout = recognise(root)[0] if config.LAYOUT == AUTO else config.LAYOUT
    return formats.open_dataset(layout, root, split, config.CLASSES)
