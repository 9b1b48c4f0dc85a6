"""Convert a data set of any format into one that a writer of mrcnn.datasets.writers makes."""

import importlib
import io
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.images import ImageError
from mrcnn.datasets.shapes import Rings, Shares, rasterize
from mrcnn.datasets.writers import WRITERS
from mrcnn.datasets.writers.names import Names
from mrcnn.datasets.writers.writer import Instance
from mrcnn.files import replacing_folder, write_bytes

# The suffixes of files whose images have none of their own, by Pillow's name of the format.
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}


@dataclass
class Converted:
    """What was written. instances: by class name, without crowds. notes: lines on what is not as it was."""

    title: str
    images: int
    instances: Counter
    crowds: int
    notes: list


def convert(datasets, target, folder, progress=True):
    """Write data sets as the splits of a new one.

    datasets: {split: prepared Dataset}, or {None: Dataset} without splits. target: a key of WRITERS. folder:
    must not exist or be empty; it appears when all is written. progress: show a bar on a terminal.
    Returns Converted. Raises DatasetError, ImageError and OSError; then nothing is written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(f"{folder}: exists and is not empty; name a new folder.")
    classes = list(dict.fromkeys(name for dataset in datasets.values() for name in _names_of(dataset)))
    total = sum(dataset.num_images for dataset in datasets.values())
    with replacing_folder(folder) as temporary:
        writer = _find(target)(temporary, classes, list(datasets))
        result = Converted(writer.title, total, Counter(), 0, [])
        rewritten = Counter()
        with tqdm(total=total, desc="convert", unit="image", disable=None if progress else True) as bar:
            for split, dataset in datasets.items():
                names = Names()
                numbers = [None, *map(classes.index, _names_of(dataset))]
                for image_id in dataset.image_ids:
                    instances = instances_of(dataset, image_id, numbers)
                    _write_image(writer, split, dataset, image_id, instances, names, rewritten)
                    _count(result, instances, writer)
                    bar.update(1)
        writer.finish()
        result.notes = [*_lines_on(rewritten), *writer.notes()]
    return result


def _find(target):
    module, _, name = WRITERS[target].partition(":")
    return getattr(importlib.import_module(module), name)


def _names_of(dataset):
    """Return the names of the classes as the data set spells them; class_names ends each at a comma."""
    return [info["name"] for info in dataset.class_info[1:]]


def instances_of(dataset, image_id, numbers):
    """Return the Instances of an image. numbers: of the writer's classes by the class ids of the data set."""
    masks, class_ids = dataset.load_mask(image_id)
    annotations = dataset.image_info[image_id].get("annotations", ())
    # Annotations without a pixel have no mask, so only equal numbers tell which belong together.
    drawn = annotations if len(annotations) == len(class_ids) else [None] * len(class_ids)
    return [
        Instance(numbers[abs(class_id)], mask, bool(class_id < 0), _rings_of(annotation, mask))
        for mask, class_id, annotation in zip(np.moveaxis(masks, -1, 0), class_ids.tolist(), drawn)
        if mask.any()
    ]


def _rings_of(annotation, mask):
    """Return the rings that a person drew, if COCO's rule makes exactly the mask of them, else None."""
    shape = getattr(annotation, "shape", None)
    if isinstance(shape, Shares):
        height, width = mask.shape
        shape = Rings(tuple(points * (width, height) for points in shape.rings))
    if isinstance(shape, Rings) and np.array_equal(rasterize(shape, mask.shape), mask):
        return shape.rings
    return None


def _write_image(writer, split, dataset, image_id, instances, names, rewritten):
    """Write an image and its annotations. rewritten: counts images whose file cannot be copied, by reason."""
    path = dataset.image_info[image_id]["path"] or str(dataset.image_info[image_id]["id"])
    data, suffix, reason = _file_of(dataset, image_id, writer.suffixes)
    if reason:
        rewritten[reason] += 1
    name = names.unique(path, suffix)
    for place in writer.place(split, name, instances):
        write_bytes(place, data, durable=False)
    size = instances[0].mask.shape if instances else dataset.image_size(image_id)
    writer.write(split, name, tuple(map(int, size)), instances)


def _file_of(dataset, image_id, suffixes):
    """Return (bytes, suffix, None) of an image's file, or of a PNG of its pixels with the reason for it."""
    reason = _reason_to_rewrite(dataset, image_id)
    if reason is None:
        data, suffix = _bytes_and_suffix(dataset.image_file(image_id))
        if suffix in suffixes:
            return data, suffix, None
        reason = f"this layout has no {suffix or 'such'} files"
    out = io.BytesIO()
    Image.fromarray(dataset.load_image(image_id)).save(out, "PNG")
    return out.getvalue(), ".png", reason


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


def _count(result, instances, writer):
    result.crowds += writer.keeps_crowds * sum(instance.crowd for instance in instances)
    result.instances.update(writer.classes[instance.class_id] for instance in instances if not instance.crowd)


def _lines_on(rewritten):
    """Return lines on the images whose files could not be copied."""
    return [f"Images that became PNG files, because {why}: {count}." for why, count in rewritten.items()]
