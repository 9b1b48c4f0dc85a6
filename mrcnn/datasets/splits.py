"""Open the splits of a data set together, and say what was read."""

import contextlib
from pathlib import Path

from mrcnn.datasets import FORMATS, formats
from mrcnn.datasets.annotated import Options
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError, LoadError
from mrcnn.datasets.formats import open_dataset
from mrcnn.datasets.recognition import title_of
from mrcnn.datasets.scan import depth
from mrcnn.pipeline.errors import DataError
from mrcnn.screen import show

NAMES = {"train": "training", "val": "validation", "test": "test"}
_NAMED = 12  # classes that a line names
_COUNTED = 500  # images whose pixels are read to count instances


def open_splits(layout, root, classes=None, splits=("train", "val"), report=show, options=None):
    """Open several splits; return a dict from split to prepared Dataset.

    layout, root, options: as for formats.open_dataset. classes: those of all splits; None takes the classes
    of the first split. splits: names of the splits. report: called with a line on missing splits, and on
    classes that only a later split has. The first split must exist; data without splits are the first.
    Raises DatasetError.
    """
    present = formats.find_format(layout).splits(Path(root), options or Options())
    first = splits[0]
    if present and first not in present:
        raise DatasetError(f"{root}: no {NAMES.get(first, first)} split, only {', '.join(present)}.")
    datasets = {first: open_dataset(layout, root, None if present == [] else first, classes, options)}
    named = names_of(datasets[first])
    if present == []:
        report(f"{root} has no splits")
        return datasets
    missing = [NAMES.get(split, split) for split in splits[1:] if present and split not in present]
    if missing:
        report(f"{root} has no {' and no '.join(missing)} split, only {', '.join(present)}")
    for split in splits[1:]:
        what = NAMES.get(split, split)
        if what in missing:
            continue
        try:
            datasets[split] = open_dataset(layout, root, split, named, options, strict=False)
        except LoadError:
            raise
        except DatasetError as error:
            if present is not None:
                raise
            report(f"No {what}: {error}")
            continue
        only = [name for name in datasets[split].known_classes or () if name not in named]
        if only and classes is None:
            report(f"Classes of {what} that {NAMES.get(first, first)} lacks, left out: {', '.join(only)}")
    return datasets


def names_of(dataset):
    """Return the names of a data set's classes without the background, as its source spells them."""
    return [info["name"] for info in dataset.class_info[1:]]


def read_as(layout, datasets):
    """Return the line on what was read: format, images, instances and classes.

    datasets: Datasets with the same classes. Instances are counted if that needs no pixels, or those of
    a few hundred images.
    """
    images = sum(dataset.num_images for dataset in datasets)
    words = [_counted(images, "image")]
    if all(map(counts_quickly, datasets)) or (layout in FORMATS and images <= _COUNTED):
        with contextlib.suppress(DataError):  # the check and the training name a damaged file
            counts = (dataset.count_instances(i) for dataset in datasets for i in dataset.image_ids)
            words.append(_counted(sum(sum(count.values()) for count in counts), "instance"))
    names = names_of(datasets[0])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    words.append(f"class{'es'[: 2 * (len(names) != 1)]} {', '.join(names[:_NAMED])}{more}")
    return f"Read as {title_of(layout)}: {', '.join(words)}"


def _counted(count, what):
    return f"{count:,} {what}{'s'[: count != 1]}"


def counts_quickly(dataset):
    """Return whether a class counts instances without loading masks, and counts those of its load_mask."""
    whole = getattr(dataset, "whole", dataset)
    place = depth(whole, "count_instances")
    is_its_own = type(whole).__mro__[place] is not Dataset and place <= depth(whole, "load_mask")
    return is_its_own and not whole.counts_pixels
