"""Convert a data set of any format into one that a writer of mrcnn.datasets.writers makes."""

import importlib
import io
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.images import ImageError
from mrcnn.datasets.index import Annotation
from mrcnn.datasets.shapes import Rings, Shares, rasterize
from mrcnn.datasets.writers import WRITERS
from mrcnn.datasets.writers.names import Names
from mrcnn.datasets.writers.writer import Instance
from mrcnn.files import replacing_folder, write_bytes
from mrcnn.pipeline.loading import load_image, load_masks
from mrcnn.progress_bar import progress_bar

# The suffixes of files whose images have none of their own, by Pillow's name of the format.
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}


@dataclass
class Converted:
    """What was written. instances: by class name, without crowds. notes: lines on what is not as it was."""

    title: str
    images: int = 0
    instances: Counter = field(default_factory=Counter)
    crowds: int = 0
    notes: list = field(default_factory=list)


def convert(datasets, target, folder, progress=True):
    """Write data sets as the splits of a new one.

    datasets: {split: prepared Dataset}, or {None: Dataset} without splits. target: a key of WRITERS. folder:
    must not exist or be empty; it appears when all is written. progress: show how far it is.
    Returns Converted. Raises DatasetError, ImageError and OSError; then nothing is written.
    """
    folder = Path(folder)
    require_new(folder)
    classes = list(dict.fromkeys(name for dataset in datasets.values() for name in _names_of(dataset)))
    total = sum(dataset.num_images for dataset in datasets.values())
    with (
        replacing_folder(folder) as temporary,
        progress_bar(total, "convert", "image", progress) as bar,
    ):
        conversion = _Conversion(_find(target)(temporary, classes, list(datasets)))
        for split, dataset in datasets.items():
            names = Names()
            numbers = [None, *map(classes.index, _names_of(dataset))]
            for image_id in dataset.image_ids:
                conversion.add(split, dataset, image_id, numbers, names)
                bar.update(1)
        return conversion.finish()


def require_new(folder):
    """Raise DatasetError if there is already something at a path, other than an empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        what = "and is not empty" if folder.is_dir() else "and is a file"
        raise DatasetError(f"{folder}: exists {what}; name a new folder.")


def _find(target):
    module, _, name = WRITERS[target].partition(":")
    return getattr(importlib.import_module(module), name)


def _names_of(dataset):
    """Return the names of the classes as the data set spells them; class_names ends each at a comma."""
    return [info["name"] for info in dataset.class_info[1:]]


class _Conversion:
    """Writes image after image, and counts what is written and what is not as it was."""

    def __init__(self, writer):
        self._writer, self._result = writer, Converted(writer.title)
        self._rewritten, self._empty = Counter(), 0

    def add(self, split, dataset, image_id, numbers, names):
        """Write an image. numbers: see instances_of. names: the Names of the split."""
        instances, empty = instances_of(dataset, image_id, numbers)
        path = dataset.image_info[image_id]["path"] or str(dataset.image_info[image_id]["id"])
        data, suffix, size, reason = _file_of(dataset, image_id, self._writer.suffixes)
        if instances and instances[0].mask.shape != size:
            raise ImageError(f"{path}: its masks have another size; run the data check.")
        name = names.unique(path, suffix)
        for place in self._writer.place(split, name, instances):
            write_bytes(place, data, durable=False)
        self._writer.write(split, name, size, instances)
        self._count(instances, empty, reason)

    def _count(self, instances, empty, reason):
        classes, result = self._writer.classes, self._result
        crowds = sum(instance.crowd for instance in instances)
        result.images += 1
        result.crowds += crowds if self._writer.keeps_crowds else 0
        result.instances.update(classes[found.class_id] for found in instances if not found.crowd)
        self._empty += empty
        self._rewritten.update([reason] if reason else [])

    def finish(self):
        """Write what describes the data set as a whole, and return Converted."""
        self._writer.finish()
        notes = [f"Images that became PNG files, because {why}: {n}." for why, n in self._rewritten.items()]
        if self._empty:
            notes.append(f"Annotations without a pixel in their image, which are left out: {self._empty}.")
        self._result.notes = [*notes, *self._writer.notes()]
        return self._result


def instances_of(dataset, image_id, numbers):
    """Return the Instances of an image, and the number of those that have no pixel.

    numbers: of the writer's classes, by the class ids of the data set.
    """
    masks, class_ids = load_masks(dataset, image_id)
    annotations = dataset.image_info[image_id].get("annotations", ())
    drawn = [annotation.shape for annotation in annotations if isinstance(annotation, Annotation)]
    total = max(len(drawn), len(class_ids))
    if len(drawn) != len(class_ids):  # those without a pixel have no mask
        drawn = [shape for shape in drawn if rasterize(shape, masks.shape[:2]).any()]
    if len(drawn) != len(class_ids):
        drawn = [None] * len(class_ids)
    instances = [
        Instance(numbers[abs(class_id)], mask, class_id < 0, _rings_of(shape, mask))
        for mask, class_id, shape in zip(np.moveaxis(masks, -1, 0), class_ids.tolist(), drawn)
        if mask.any()
    ]
    return instances, total - len(instances)


def _rings_of(shape, mask):
    """Return the rings that a person drew, if COCO's rule makes exactly the mask of them, else None."""
    if isinstance(shape, Shares):
        height, width = mask.shape
        shape = Rings(tuple(points * (width, height) for points in shape.rings))
    if isinstance(shape, Rings) and np.array_equal(rasterize(shape, mask.shape), mask):
        return shape.rings
    return None


def _file_of(dataset, image_id, suffixes):
    """Return (bytes, suffix, (height, width), reason) of an image's file, or of a PNG of its pixels.

    reason: why its file is not copied, or None.
    """
    reason = _reason_to_rewrite(dataset, image_id)
    if reason is None:
        data, suffix = _bytes_and_suffix(dataset.image_file(image_id))
        if suffix in suffixes:
            return data, suffix, tuple(dataset.image_size(image_id)), None
        reason = f"this layout has no {suffix or 'such'} files"
    pixels = load_image(dataset, image_id, channels=3).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue(), ".png", pixels.shape[:2], reason


def _reason_to_rewrite(dataset, image_id):
    """Return why the file of an image cannot be copied as it is, or None."""
    if type(dataset).load_image is not Dataset.load_image:
        return "code of the data set makes their pixels"
    if dataset.exif_orientation(image_id).number != 1:
        return "EXIF turns them, which not every program follows"
    return None


def _bytes_and_suffix(file):
    """Return the bytes of an image and the suffix that fits them. file: its path or an open file."""
    if isinstance(file, (str, os.PathLike)):
        try:
            return Path(file).read_bytes(), Path(file).suffix.lower()
        except OSError as error:
            raise ImageError(f"{file}: cannot be read: {error.strerror}.") from error
    data = file.read()
    with Image.open(io.BytesIO(data)) as image:
        return data, _SUFFIXES.get(image.format, "")
