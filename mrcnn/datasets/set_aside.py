"""Set a share of the images aside for validation, where the data have no validation split.

The choice depends on a seed. Classes are spread as evenly as possible, and near-equal photographs stay on one
side. A run keeps the choice in its folder as splits.json, by the keys of the images.
"""

import hashlib
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.datasets import similar
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.stratify import stratify
from mrcnn.datasets.subset import Subset
from mrcnn.files import FileError, read_json, write_json
from mrcnn.progress_bar import progress_bar
from mrcnn.screen import show

FILE = "splits.json"  # in the folder of a run


@dataclass(frozen=True)
class Choice:
    """Which images train and which validate.

    train, val: tuples of keys, see ``keys_of``. share, seed: those of ``choose``.
    """

    train: tuple
    val: tuple
    share: float
    seed: int

    def write(self, folder):
        """Write splits.json into the folder of a run."""
        found = {"share": self.share, "seed": self.seed, "train": self.train, "val": self.val}
        write_json(Path(folder) / FILE, found)

    @classmethod
    def read(cls, folder):
        """Return the Choice in the folder of a run, or None if there is none. Raises DatasetError."""
        path = Path(folder) / FILE
        if not path.is_file():
            return None
        try:
            found = read_json(path)
        except FileError as error:
            raise DatasetError(str(error)) from error
        train, val = found.get("train"), found.get("val")
        for keys in (train, val):
            if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                raise DatasetError(f"{path}: is damaged: train and val must be lists of the images' keys.")
        return cls(tuple(train), tuple(val), found.get("share"), found.get("seed"))


def keys_of(dataset):
    """Return a text for each image that identifies it: its id in its source and the name of its file.

    A key that repeats gets a number.
    """
    seen, keys = defaultdict(int), []
    for info in dataset.image_info:
        key, name = str(info["id"]), os.path.basename(str(info.get("path") or ""))
        if name and os.path.splitext(name)[0] not in key:
            key = f"{key} {name}"
        seen[key] += 1
        keys.append(key if seen[key] == 1 else f"{key} ({seen[key]})")
    return keys


def choose(dataset, share, seed, progress=True):
    """Choose images to set aside: return a Choice, or None if there are fewer than two separate photographs.

    dataset: a prepared Dataset. share: of the images, above 0 and below 1. progress: show a progress bar on a
    terminal.
    """
    units = _units(_thumbnails(dataset, progress), dataset)
    if len(units) < 2:
        return None
    shown = [_counted(dataset, image_id) for image_id in dataset.image_ids]
    classes = np.zeros((len(units), dataset.num_classes - 1), int)
    for unit, members in enumerate(units):
        for image_id in members:
            classes[unit, [class_id - 1 for class_id, count in shown[image_id].items() if count]] += 1
    sizes = np.array([len(members) for members in units])
    aside = stratify(classes, sizes, share, np.random.default_rng([seed, 14]))
    keys = keys_of(dataset)
    chosen = {image_id for unit in aside for image_id in units[unit]}
    train = tuple(key for image_id, key in enumerate(keys) if image_id not in chosen)
    return Choice(train, tuple(keys[image_id] for image_id in sorted(chosen)), share, seed)


def apply(dataset, choice, report=show):
    """Return the training and the validation part of a data set by a Choice; either may be None if empty.

    report: called with a line on images that the choice does not know, and on those that are gone.
    """
    position = {key: image_id for image_id, key in enumerate(keys_of(dataset))}
    known = {*choice.train, *choice.val}
    for what, keys in (("new", position.keys() - known), ("gone", known - position.keys())):
        if keys:
            then = "they are left out" if what == "new" else "the others are used"
            report(f"Since the splits were chosen, {len(keys)} images are {what} ({min(keys)}, ...); {then}")
    train, val = ([position[key] for key in keys if key in position] for keys in (choice.train, choice.val))
    paths = {str(dataset.image_info[image_id].get("path")) for image_id in val}
    aside = [fault for fault in dataset.faults if fault[1] in paths]
    others = [fault for fault in dataset.faults if fault[1] not in paths]
    parts = ((train, others), (val, aside))
    return tuple(Subset(dataset, part, faults) if part else None for part, faults in parts)


def _thumbnails(dataset, progress):
    """Return the thumbnail of each image, None for unreadable ones."""

    def read(image_id):
        path = dataset.image_info[image_id].get("path")
        found = similar.read_thumbnail(path) if path and Path(path).is_file() else None
        return _loaded(dataset, image_id) if found is None else found

    numbers, found = [int(image_id) for image_id in dataset.image_ids], []
    with ThreadPoolExecutor(4) as pool, progress_bar(len(numbers), "compare", "image", progress) as bar:
        for thumbnail in pool.map(read, numbers):
            found.append(thumbnail)
            bar.update(1)
    return found


def _counted(dataset, image_id):
    """Return {class id: number of instances} of an image, {} for a faulty one."""
    try:
        return dataset.count_instances(image_id)
    except Exception:  # as below
        return {}


def _loaded(dataset, image_id):
    """Return the thumbnail of an image as the data set loads it, or None."""
    try:
        return similar.thumbnail(dataset.load_image(image_id))
    except Exception:  # a faulty image, or a fault of a user's own class: training names it
        return None


def _units(thumbnails, dataset):
    """Return lists of image ids that must stay together; most have one."""
    groups = similar.similar_groups(thumbnails)
    # Flat pictures have no thumbnail to compare, but may be copies.
    paths = {
        image_id: dataset.image_info[image_id].get("path")
        for image_id, found in enumerate(thumbnails)
        if found is not None and np.std(found) < similar.FLAT
    }
    groups += _equal_files(paths)
    inside = {image_id for group in groups for image_id in group}
    alone = [[image_id] for image_id in range(len(thumbnails)) if image_id not in inside]
    return sorted(groups + alone)


def _equal_files(paths):
    """Return groups of two or more image ids whose files have equal bytes. paths: by image id."""
    by_content = defaultdict(list)
    for image_id, path in paths.items():
        if path and Path(path).is_file():
            by_content[hashlib.sha256(Path(path).read_bytes()).digest()].append(image_id)
    return [group for group in by_content.values() if len(group) > 1]
