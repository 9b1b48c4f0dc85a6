"""AnnotatedDataset: the base class of formats that keep annotations in files.

A format turns its files into an Index: classes, images, and for each image its annotations as shapes that are
not rasterised yet. The rest is the same for every format and happens here: classes are selected and numbered,
masks are made when an image is loaded, and everything that is left out is recorded.
"""

import os
from collections import Counter
from pathlib import Path

import numpy as np

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import split_of
from mrcnn.datasets.images import ImageError
from mrcnn.datasets.index import DEFAULTS, Annotation, Index, IndexedImage, Options, without_collection
from mrcnn.datasets.mask_facts import facts_of
from mrcnn.datasets.scan import scan_file
from mrcnn.datasets.shapes import Picture, is_beyond, measure, rasterize, size_of

__all__ = ["DEFAULTS", "AnnotatedDataset", "Annotation", "Index", "IndexedImage", "Options"]


class AnnotatedDataset(Dataset):
    """A data set of annotation files. A format sets ``source`` and has ``read_index`` and ``recognises``.

    A format whose data come in splits also has ``splits``.

    faults: (kind, path, detail) of everything that was left out while indexing.
    """

    source = "annotated"
    options = DEFAULTS
    has_attributes = False  # whether the option class_attribute names what holds the class

    def __init__(self, class_map=None):
        super().__init__(class_map)
        self.faults = []

    @classmethod
    def splits(cls, root, options=DEFAULTS):
        """Return the names of the splits that exist, of train, val, test; [] if all images are together.

        root, options: as for ``read_index``. Look at names of files and folders only. "val" stands for
        folders like valid and validation too, see folders.split_of. ``load_split`` gives ``read_index`` each
        name that this returns, and None for all images. Without splits, "train" too means all images.
        """
        return []

    def read_index(self, root, split):
        """Return the Index of one split.

        root: a Path. split: one of ``splits``, or None for all images.
        Reads self.options. Decode no image here. Raises DatasetError with the path and the faulty record.
        """
        raise NotImplementedError

    def load_split(self, root, split, classes=None):
        """Index one split; call prepare() afterwards.

        classes: names of the classes 1, 2, ...; None takes all classes of the data in their own order.
        Raises DatasetError for a split, or a class, that the data do not have, and for damaged files.
        """
        with without_collection():
            self._fill(root, self.read_index(root, self._existing(root, split)), classes)

    def _fill(self, root, index, classes):
        """Add the classes and images of an Index."""
        names = list(index.classes) if classes is None else list(classes)
        renamed = index.unnamed and len(names) == 1
        self.known_classes = names if renamed else list(index.classes)
        if self.strict and not renamed:
            index.require(names, root)
        for number, name in enumerate(names, start=1):
            self.add_class(self.source, number, name)
        numbers = {name: number for number, name in enumerate(index.classes if renamed else names, start=1)}
        self.faults = list(index.faults)
        takes_all = set(index.classes) <= set(numbers)
        for image in index.images:
            kept = image.annotations
            if not takes_all:
                kept = [annotation for annotation in kept if annotation.name in numbers]
            self.add_image(
                self.source, image.key, image.path,
                annotations=kept, size=image.size, annotation_file=image.source,
            )  # fmt: skip
        self._numbers = numbers

    def _existing(self, root, split):
        """Return the split to read, None for all images. Raises DatasetError if there is no such split."""
        known = self.splits(root, self.options)
        split = split and (split_of(split) or split)
        if split is None or split in known:
            return split
        if split == "train" and not known:
            return None
        raise DatasetError(f"{root}: no split {split!r}; it has {', '.join(known) or 'no splits'}.")

    def load_mask(self, image_id):
        """Return masks [H, W, N] bool and class ids [N] int32, negative for crowds, without empty masks.

        Raises ImageError, also if the annotations are made for an image of another size.
        """
        found = list(self.each_mask(image_id))
        if not found:
            return np.zeros((*self.image_size(image_id), 0), bool), np.zeros(0, np.int32)
        masks, class_ids = zip(*found)
        return np.moveaxis(np.stack(masks), 0, -1), np.array(class_ids, np.int32)

    def each_mask(self, image_id):
        """Yield the masks and class ids of load_mask one after another."""
        info, size = self._sized(image_id)
        return self._rasterized(info, size, info["annotations"])

    def load_mask_within(self, image_id, box):
        """Load the parts of instances in a box; the shapes outside it are measured and not rasterised."""
        info, size = self._sized(image_id)
        near = [a for a in info["annotations"] if _meets(_with_place(measure, info, a, size)[0], box)]
        return self._collected(self._rasterized(info, size, near), box)

    def _sized(self, image_id):
        """Return the info of an image and its size. Raises ImageError if its annotations need another."""
        info, size = self.image_info[image_id], self.image_size(image_id)
        if not _fits(info, size):
            raise ImageError(f"{info['path']}: {_two_sizes(info, size)}.")
        return info, size

    def _rasterized(self, info, size, annotations):
        for annotation in annotations:
            mask = _with_place(rasterize, info, annotation, size)
            if mask.any():
                number = self._numbers[annotation.name]
                yield mask, -number if annotation.crowd else number

    def count_instances(self, image_id):
        """Return {class id: number of annotations} of an image, without crowds."""
        found = self.image_info[image_id]["annotations"]
        return dict(Counter(self._numbers[annotation.name] for annotation in found if not annotation.crowd))

    def scan(self, image_id):
        """Return the facts about an image for the data check: a scan.Scanned. No pixel is decoded."""
        info, found = self.image_info[image_id], scan_file(self, image_id)
        if not found.size:
            return found
        if not _fits(info, found.size):
            found.add_fault("size", found.path, _two_sizes(info, found.size))
            return found
        for annotation in info["annotations"]:
            self._scan_annotation(found, info, annotation)
        return found

    def _scan_annotation(self, found, info, annotation):
        try:
            box, area = _with_place(measure, info, annotation, found.size)
        except (ImageError, OSError) as error:
            found.add_fault("mask", found.path, error)
            return
        if box is None:
            kind = "beyond" if is_beyond(annotation.shape, found.size) else "empty"
            found.add_fault(kind, found.path, annotation.record)
        elif annotation.crowd:
            found.crowds += 1
        else:
            y1, x1, y2, x2 = box
            found.instances.append((self._numbers[annotation.name], y2 - y1, x2 - x1))
            if box == (0, 0, *found.size) and 2 * area > found.size[0] * found.size[1]:
                facts = facts_of(_with_place(rasterize, info, annotation, found.size))
                found.faults += [(facts.oddity, found.path, annotation.record)] if facts.oddity else []

    def data_files(self, image_id):
        """List the image's file, its annotation file and its mask files."""
        info = self.image_info[image_id]
        pictures = [a.shape.path for a in info["annotations"] if isinstance(a.shape, Picture)]
        named = [info["path"], info["annotation_file"]]
        return [Path(path) for path in dict.fromkeys([*filter(None, named), *map(str, pictures)])]

    def annotated_sizes(self, image_id):
        """Return the size that the annotation file gives, or those of mask files, as far as known."""
        info = self.image_info[image_id]
        if info["size"]:
            return [tuple(info["size"])]
        sizes = [size_of(annotation.shape) for annotation in info["annotations"]]
        return [size for size in sizes if size]


def _meets(box, other):
    """Return whether two boxes (y1, x1, y2, x2) have pixels in common; None is a box without pixels."""
    return box is not None and all(box[i] < other[i + 2] and other[i] < box[i + 2] for i in (0, 1))


def _fits(info, size):
    """Return whether an image has the size that its annotations are made for, as far as that is known."""
    return info["size"] is None or tuple(info["size"]) == tuple(size)


def _two_sizes(info, size):
    (height, width), (annotated_height, annotated_width) = size, info["size"]
    return (
        f"it has {width} x {height} pixels, but {info['annotation_file']} annotates an image of "
        f"{annotated_width} x {annotated_height}"
    )


def _with_place(function, info, annotation, size):
    """Call rasterize or measure; an error names the annotation if that stands in a file of many."""
    try:
        return function(annotation.shape, size)
    except ImageError as error:
        if not annotation.record:
            raise
        image = os.path.basename(info["path"])
        raise ImageError(
            f"{info['annotation_file']}: {annotation.record} (image {image!r}): {error}"
        ) from error
