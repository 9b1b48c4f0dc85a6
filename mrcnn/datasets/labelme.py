"""Annotations of labelme: a JSON file an image, beside it or with the image inside."""

import base64
import binascii
import io
from pathlib import Path

from mrcnn.datasets.annotated import AnnotatedDataset, Annotation, Index, IndexedImage
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.fields import class_name, field, key_of, of_kind, read_annotations
from mrcnn.datasets.folders import IMAGE_SUFFIXES, SPLITS
from mrcnn.datasets.image_files import ImageFinder, list_images
from mrcnn.datasets.images import ImageError
from mrcnn.datasets.labelme_files import (
    json_files,
    looks_like_labelme,
    some_of,
    split_folders,
)
from mrcnn.datasets.labelme_shapes import joined, shape_of

_NAMES = "labels.txt"  # the names of the classes in their order, the file for labelme's option --labels


class LabelmeDataset(AnnotatedDataset):
    """A data set of labelme's JSON files.

    Files in folders named as splits are those splits, else all are together. Shapes of one label and one
    group_id are one instance. The flag ``crowd`` of a shape marks a region of many instances.
    """

    source = "labelme"
    title = "labelme"
    looks_for = "JSON files with shapes and imagePath, one an image"

    @classmethod
    def recognises(cls, root):
        """Return whether a path is a file of labelme's or a folder with one, perhaps in a folder below."""
        root = Path(root)
        if root.is_file():
            return looks_like_labelme(root)
        return any(map(looks_like_labelme, some_of(root)))

    @classmethod
    def splits(cls, root, options=AnnotatedDataset.options):
        """Return the names of the folders of splits that hold JSON files."""
        found = {split for split, folder in split_folders(Path(root)) if next(json_files(folder), None)}
        return [split for split in SPLITS if split in found]

    def read_index(self, root, split):
        """Return the Index of one split. The classes are those of all splits."""
        places = split_folders(root) if self.splits(root) else [(None, root)]
        index, names, used, images = Index([], []), set(), {}, _Images(self.options.images)
        for place, folder in places:
            wanted = split in (None, place)
            faults = index.faults if wanted else []
            annotated = set()
            for path in json_files(folder):
                image = _read_file(path, root, images, faults)
                if image is None:
                    continue
                names.update(annotation.name for annotation in image.annotations)
                annotated.add(image.path)
                if wanted and _is_new(image, used, faults):
                    index.images.append(image)
            if wanted:
                faults += [("unlabelled", path, "") for path in list_images(folder) if path not in annotated]
        if not index.images and not index.faults:
            raise DatasetError(f"{root}: no JSON file of labelme's.")
        index.classes = _in_order(names, root)
        return index

    def image_file(self, image_id):
        """Return the path of an image, or the image that its JSON file contains."""
        info = self.image_info[image_id]
        return _ImageInside(info["path"]) if info["path"] == info["annotation_file"] else info["path"]


class _ImageInside(io.BytesIO):
    """The image inside a JSON file of labelme's, named by that file in messages."""

    def __init__(self, path):
        self.path = path
        try:
            super().__init__(base64.b64decode(field(read_annotations(path), "imageData", str, path)))
        except (DatasetError, binascii.Error, ValueError) as error:
            raise ImageError(f"{path}: its 'imageData' is no image ({error}).") from error

    def __str__(self):
        return f"{self.path}, 'imageData'"


def _read_file(path, root, images, faults):
    """Return the IndexedImage of a file, or None with a fault."""
    content = read_annotations(path)
    if "shapes" not in content and "imagePath" not in content:
        faults.append(("foreign", str(path), ""))
        return None
    shapes = field(content, "shapes", list, path)
    file = images.find(path, field(content, "imagePath", str, path, ""))
    if file is None and not field(content, "imageData", str, path, ""):
        name = content.get("imagePath") or f"{path.stem}.*"
        faults.append(("no_image", str(path), f"{name}, with {len(shapes)} shapes"))
        return None
    height, width = (field(content, name, int, path, 0) for name in ("imageHeight", "imageWidth"))
    return IndexedImage(
        key_of(path.with_suffix(""), root),
        file or str(path),
        list(_annotations(shapes, path, faults)),
        (height, width) if min(height, width) > 0 else None,
        str(path),
    )


class _Images:
    """Finds the images of annotation files. folder: where they are, if the user names it."""

    def __init__(self, folder):
        self._folder, self._finders = folder and Path(folder), {}

    def find(self, path, name):
        """Return the image file of an annotation file: the one of a name, or else one of the file's stem."""
        beside = path.parent
        if beside not in self._finders:
            folders = [beside] if self._folder is None else [self._folder, self._folder / beside.name]
            self._finders[beside] = ImageFinder(folders)
        names = [name, *(path.stem + suffix for suffix in (*IMAGE_SUFFIXES, *map(str.upper, IMAGE_SUFFIXES)))]
        return next(filter(None, map(self._finders[beside].find, filter(None, names))), None)


def _annotations(shapes, path, faults):
    """Return the Annotations of shapes, a group of one label being one; record the faults of others."""
    groups = {}
    for number, record in enumerate(shapes):
        where = f"{path}: shape {number}"
        record = of_kind(record, (dict,), where)
        label = class_name(str(field(record, "label", (str, int, float), where, "")), where)
        shape, fault = shape_of(record, where)
        if fault:
            faults.append((fault, str(path), f"shape {number} ({label!r})"))
        elif not label:
            faults.append(("no_class", str(path), f"shape {number}"))
        else:
            group = field(record, "group_id", (int, str, float), where, None)
            crowd = bool(field(record, "flags", dict, where, {}).get("crowd"))
            key = (label, number, True) if group is None else (label, group, False)
            groups.setdefault((*key, crowd), []).append((number, shape))
    return [
        Annotation(label, joined([shape for _, shape in parts]), crowd, f"shape {parts[0][0]}")
        for (label, _, _, crowd), parts in groups.items()
    ]


def _is_new(image, used, faults):
    """Return whether no file before describes the same image; record it if one does."""
    if image.path in used:
        detail = f"described by {image.source} too; {used[image.path]} is used"
        faults.append(("same_name", image.path, detail))
        return False
    used[image.path] = image.source
    return True


def _in_order(names, root):
    """Return names in the order of labels.txt, if there is one, and the rest by the alphabet."""
    file = (root if root.is_dir() else root.parent) / _NAMES
    listed = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    listed = [name.strip() for name in listed if name.strip() in names]
    return list(dict.fromkeys([*listed, *sorted(names)]))
