"""YOLO's segmentation labels: one text file an image, one row an instance: a class id, then a ring.

yolo_files.py reads data.yaml. The ring's coordinates are shares of the image's sides, so that no image has
to be opened to read them.
"""

import os
from array import array

from mrcnn.datasets.annotated import DEFAULTS, AnnotatedDataset, Annotation, Index, IndexedImage
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.fields import key_of
from mrcnn.datasets.rings import each_ring
from mrcnn.datasets.shapes import Shares
from mrcnn.datasets.yolo_files import FORM, describe, describes, find_yaml, has_only_names, images_of
from mrcnn.files import FileError, read_text

_CHUNK = 2_000  # images whose rings are checked together
_MOST = 2  # shares; what is larger must be pixels


class Yolo(AnnotatedDataset):
    """A data set of YOLO's: data.yaml names images and classes, and labels/ has a text file an image.

    An image without a label file has no instances. Rows that hold a box alone are left out.
    """

    source = "yolo"
    title = "YOLO"
    looks_for = FORM

    @classmethod
    def recognises(cls, root):
        """Return whether a path is a data.yaml, or a folder with one."""
        path = find_yaml(root)
        return describes(path) if path else has_only_names(root)

    @classmethod
    def splits(cls, root, options=DEFAULTS):
        """Return the splits that data.yaml names."""
        try:
            return [split for split in describe(root).places if split]
        except DatasetError:
            return []

    def read_index(self, root, split):
        """Return the Index of one split, or of all; see AnnotatedDataset."""
        description = describe(root)
        if self.options.images is not None:
            raise DatasetError(f"{description.path}: it says where the images are; leave out --images.")
        chosen = list(description.places) if split is None else [split]
        if not chosen:
            raise DatasetError(f"{description.path}: it names no images; add a line train: images/train.")
        reader = _Labels(description, root)
        for name in chosen:
            reader.add_split(name)
        return Index(list(dict.fromkeys(description.names.values())), reader.images, reader.faults)


class _Labels:
    """Reads images and their labels into images, a list of IndexedImages, and faults."""

    def __init__(self, description, root):
        self._description, self._root = description, root
        self._known = set()
        self.images, self.faults = [], []

    def add_split(self, split):
        """Read one split. Raises DatasetError with the label file and line."""
        paths = images_of(self._description, split)
        labels = [_label_of(path) for path in paths]
        if paths and not any(labels):
            raise DatasetError(
                f"{self._description.path}: {split or 'images'}: none of {len(paths)} images has labels, "
                f"such as {paths[0]}; put them where 'labels' takes the place of 'images' in the path."
            )
        kept = [pair for pair in zip(paths, labels) if self._is_new(pair[0])]
        for start in range(0, len(kept), _CHUNK):
            self._add_images(kept[start : start + _CHUNK])
        self._add_strays(kept)

    def _is_new(self, path):
        if not os.path.isfile(path):
            self.faults.append(("no_image", path, ""))
            return False
        if path in self._known:
            self.faults.append(("same_name", path, f"listed twice in {self._description.path}"))
            return False
        self._known.add(path)
        return True

    def _add_images(self, pairs):
        rows = []  # (image, line number, name, ring)
        for path, label in pairs:
            image = IndexedImage(key_of(path, self._root), path, source=label or "")
            self.images.append(image)
            if label:
                rows += [(image, *row) for row in self._rows(label)]
        made = each_ring([flat for *_, flat in rows])
        for image, number, name, _ in rows:
            record = f"line {number}"
            try:
                points = next(made)
            except ValueError as error:
                raise self._error(image.source, number, error) from error
            if points is None:
                self.faults.append(("ring", image.source, record))
            else:
                image.annotations.append(Annotation(name, Shares((points,)), False, record))

    def _rows(self, label):
        """Yield (line number, class name, array of coordinates) of a label file."""
        try:
            lines = read_text(label).splitlines()
        except FileError as error:
            raise DatasetError(str(error)) from error
        for number, line in enumerate(lines, start=1):
            words = line.split()
            if not words:
                continue
            try:
                name = self._class(words[0])
                flat = array("d", map(_number, words[1:]))
            except ValueError as error:
                raise self._error(label, number, error) from error
            if len(flat) == 4:
                self.faults.append(("no_shape", label, f"line {number} holds a box"))
                continue
            if len(flat) < 6 or len(flat) % 2:
                raise self._error(label, number, f"a class and {len(flat)} numbers are no ring")
            if max(flat) > _MOST or min(flat) < -_MOST:
                raise self._error(label, number, "coordinates are shares of the image's sides, from 0 to 1")
            yield number, name, flat

    def _class(self, word):
        value = _number(word)
        if value not in self._description.names:
            raise ValueError(f"there is no class {word:.40} among the names in {self._description.path}")
        return self._description.names[value]

    def _error(self, label, number, what):
        return DatasetError(f"{label}, line {number}: {what}. Correct it, or export the labels again.")

    def _add_strays(self, pairs):
        """Record the label files in folders of labels whose image is missing."""
        folders = dict.fromkeys(
            (os.path.dirname(path), os.path.dirname(label)) for path, label in pairs if label
        )
        for images, labels in folders:
            if images != labels:
                stems = {os.path.splitext(name)[0] for name in os.listdir(images)}
                self.faults += [
                    ("no_image", os.path.join(labels, name), "labels without an image")
                    for name in sorted(os.listdir(labels))
                    if name.endswith(".txt") and name != "classes.txt" and name[:-4] not in stems
                ]


def _number(word):
    try:
        return float(word)
    except ValueError as error:
        raise ValueError(f"{word!r:.40} is no number") from error


def _label_of(path):
    """Return the label file of an image, or None: in labels/ instead of images/, or beside it."""
    stem = os.path.splitext(path)[0] + ".txt"
    before, images, after = stem.rpartition(f"{os.sep}images{os.sep}")
    there = f"{before}{os.sep}labels{os.sep}{after}" if images else ""
    return next((label for label in (there, stem) if label and os.path.isfile(label)), None)
