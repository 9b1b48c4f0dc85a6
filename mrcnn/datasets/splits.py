"""Open the splits of a data set together."""

from mrcnn.datasets.errors import DatasetError, LoadError
from mrcnn.datasets.formats import open_dataset

NAMES = {"train": "training", "val": "validation", "test": "test"}


def open_splits(layout, root, classes, splits=("train", "val"), report=print):
    """Open several splits; return a dict from split to prepared Dataset.

    layout, root, classes: as for formats.open_dataset. splits: names of the splits. report: called with a
    line for each missing split. The first split must exist. Raises DatasetError.
    """
    datasets = {splits[0]: open_dataset(layout, root, splits[0], classes)}
    for split in splits[1:]:
        try:
            datasets[split] = open_dataset(layout, root, split, classes)
        except LoadError:
            raise
        except DatasetError as error:
            report(f"No {NAMES.get(split, split)}: {error}")
    return datasets
