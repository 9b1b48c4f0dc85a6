"""The data of a training: open them, and check them before hours are spent on them."""

from mrcnn.datasets import check
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.images import ImageError
from mrcnn.pipeline.loading import load_masks
from mrcnn.screen import show
from pumpkin.data import open_data


def open_for_training(config, share=None, choice=None, report=show):
    """Open the training and the validation split as open_data does. Raises DatasetError without instances."""
    found = open_data(config, share=share, choice=choice, report=report)
    train, val = found.splits["train"], found.splits.get("val")
    _check_has_instances(train, config.DATASET)
    report(f"Data: {train.num_images} images to train on, {val.num_images if val else 0} to validate on")
    if config.CACHE_GB:
        report(f"Memory: up to {config.CACHE_GB:g} GB keep decoded images between epochs (CACHE_GB)")
    return found


def check_data(train_dataset, val_dataset, job, report=show):
    """Report findings on the data. Raises DatasetError if one is fatal."""
    splits = {"train": train_dataset, "val": val_dataset}
    known = {name: dataset for name, dataset in splits.items() if dataset is not None}
    job.checked = found = check.check(known, job.config, job.skip_bad)
    for line in found.lines():
        report(line)
    if found.fatal:
        raise DatasetError("the data have fatal faults (FATAL above); fix them, or start with --no-check.")


def _check_has_instances(dataset, root):
    """Raise DatasetError if no image has an instance; it stops at the first one, so it reads few files."""
    unreadable = None
    for image_id in dataset.image_ids:
        try:
            if (load_masks(dataset, image_id)[1] > 0).any():
                return
        except ImageError as error:  # the loader stops at it, or skips it with --skip-bad
            unreadable = unreadable or error
    if unreadable is not None:
        raise unreadable
    raise DatasetError(f"{root}: none of the {dataset.num_images} training images has an instance.")
