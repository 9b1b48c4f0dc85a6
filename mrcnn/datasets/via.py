"""Annotations of the VGG Image Annotator, VIA 1, 2 and 3: JSON and CSV exports and saved projects."""

import os
from pathlib import Path

import numpy as np

from mrcnn.datasets.annotated import AnnotatedDataset, Annotation, Index, IndexedImage
from mrcnn.datasets.class_index import ONE_CLASS
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.fields import key_of
from mrcnn.datasets.folders import SPLITS, files_in, folders_in, split_of
from mrcnn.datasets.image_files import ImageFinder
from mrcnn.datasets.shapes import Rings
from mrcnn.datasets.via_classes import class_names, find_attribute
from mrcnn.datasets.via_files import looks_like_via, read_file

_SUFFIXES = (".json", ".csv")


class ViaDataset(AnnotatedDataset):
    """A data set of files of the VGG Image Annotator.

    ``<root>/<split>/`` with a JSON or CSV file and the images beside it, a folder with both, or one file. The
    class of a region is the value of one attribute, found or named by the option class_attribute; regions
    without attributes are of one class, ``object``, which CLASSES may rename.
    """

    source = "via"
    has_attributes = True
    title = "VIA"
    looks_for = "a JSON or CSV file of the VGG Image Annotator, in the folder or in train/ and val/"

    @classmethod
    def recognises(cls, root):
        """Return whether a path is a file of VIA's, or a folder, of splits or of images, that holds one."""
        root = Path(root)
        if root.is_file():
            return root.suffix.lower() in _SUFFIXES and looks_like_via(root)
        return any(map(looks_like_via, _candidates(root))) or bool(_split_files(root))

    @classmethod
    def splits(cls, root, options=AnnotatedDataset.options):
        """Return the names of the folders of splits that hold a file of VIA's."""
        return list(_split_files(Path(root)))

    def read_index(self, root, split):
        """Return the Index of one split. The class attribute and the classes are those of all splits."""
        places = _split_files(root) or {None: _annotation_files(root)}
        files = {path: read_file(path) for paths in places.values() for path in paths}
        attribute = find_attribute(files.values(), self.options.class_attribute, root)
        index = Index(class_names(files.values(), attribute), [], unnamed=attribute is None)
        chosen = [path for place, paths in places.items() if split in (None, place) for path in paths]
        for path, (file, entry) in self._images([files[path] for path in chosen], index).items():
            image = IndexedImage(key_of(path, root), path, source=str(file.path))
            image.annotations = list(_annotations(entry.regions, attribute, file.path, index.faults))
            index.images.append(image)
        return index

    def _images(self, files, index):
        """Return {path of the image: (its file of VIA's, its entry)}. Raises DatasetError if none exists."""
        found, missing = {}, []
        for file in files:
            finder = ImageFinder(_image_folders(file.path, self.options.images))
            for entry in file.entries:
                path = finder.find(entry.name) if entry.is_image else None
                if path is None:
                    detail = f"image {entry.name!r}, with its {len(entry.regions)} regions"
                    missing.append((str(file.path), detail))
                elif path not in found:
                    found[path] = file, entry
                elif not _is_same(found[path][1], entry):
                    found[path] = _better(path, found[path], (file, entry), index.faults)
        if missing and not found:
            raise DatasetError(
                f"{files[0].path}: none of its {len(missing)} images is there, such as the "
                f"{missing[0][1]}; looked in {finder.places()}. Give their folder with --images."
            )
        index.faults += [("no_image", *where) for where in missing]
        return found


def _candidates(folder):
    """Return the JSON and CSV files in a folder."""
    return [path for path in files_in(folder) if path.suffix.lower() in _SUFFIXES]


def _split_files(root):
    """Return {split: files of VIA's in its folders}, of the splits that have any."""
    found = {}
    for folder in folders_in(root):
        split = split_of(folder.name)
        files = [path for path in _candidates(folder) if looks_like_via(path)] if split else []
        if files:
            found.setdefault(split, []).extend(files)
    return {split: found[split] for split in SPLITS if split in found}


def _annotation_files(root):
    """Return the files of a data set without splits. Raises DatasetError if there is none."""
    if root.is_file():
        return [root]
    candidates = _candidates(root) + _candidates(root / "annotations")
    files = [path for path in candidates if looks_like_via(path)]
    if not files and len(candidates) == 1:
        return candidates  # its error says what is wrong with it
    if not files:
        raise DatasetError(f"{root}: no JSON or CSV file of VIA's, neither there nor in train/ or val/.")
    return files


def _image_folders(file, images):
    """Return the folders in which to look for the images of a file, the likeliest first."""
    if images is not None:
        return [Path(images), Path(images) / file.parent.name]
    return [file.parent, file.parent / "images", file.parent.parent, file.parent.parent / "images"]


def _annotations(regions, attribute, path, faults):
    """Yield the Annotations of regions; record the faults of others."""
    for region in regions:
        values = (ONE_CLASS,) if attribute is None else region.values.get(attribute, ())
        if region.shape is None:
            faults.append((region.fault, str(path), region.record))
        elif len(values) == 1:
            yield Annotation(values[0], region.shape, record=region.record)
        elif values:
            faults.append(("classes", str(path), f"{region.record}: {', '.join(values)}"))
        else:
            faults.append(("no_class", str(path), region.record))


def _better(path, first, second, faults):
    """Return that of two (file, entry) of an image which fits its file better, and record the other.

    The better one has regions where the other has none, or the image's length in bytes.
    """
    length = os.path.getsize(path)
    ranks = [(bool(entry.regions), entry.length == length) for _, entry in (first, second)]
    kept, other = (second, first) if ranks[1] > ranks[0] else (first, second)
    if other[1].regions:
        detail = f"{len(other[1].regions)} regions in {other[0].path}; those in {kept[0].path} are used"
        faults.append(("same_name", path, detail))
    return kept


def _is_same(one, other):
    """Return whether two entries of an image have the same regions."""
    return len(one.regions) == len(other.regions) and all(
        a.fault == b.fault and a.values == b.values and _is_same_shape(a.shape, b.shape)
        for a, b in zip(one.regions, other.regions)
    )


def _is_same_shape(one, other):
    if not (isinstance(one, Rings) and isinstance(other, Rings)):
        return one is other
    return all(np.array_equal(a, b) for a, b in zip(one.rings, other.rings))
