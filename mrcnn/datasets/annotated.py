"""AnnotatedDataset: the base class of formats that keep annotations in files.

A format turns its files into an Index: classes, images, and for each image its annotations as shapes that are
not rasterised yet. The rest is the same for every format and happens here: classes are selected and numbered,
masks are made when an image is loaded, and everything that is left out is recorded.
"""

import difflib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.shapes import Picture, rasterize, size_of


@dataclass(frozen=True, slots=True)
class Annotation:
    """One instance. name: of its class. shape: of mrcnn.datasets.shapes. crowd: a region of many instances.

    record: where it stands in its file, for messages, for example "annotation 17".
    """

    name: str
    shape: object
    crowd: bool = False
    record: str = ""


@dataclass(slots=True)
class IndexedImage:
    """One image.

    key: its id in the source. path: of its file. size: (height, width) that the annotations are made for, or
    None if their file does not say. source: the annotation file, for messages and data hashes.
    """

    key: str
    path: str
    annotations: list = field(default_factory=list)
    size: tuple | None = None
    source: str = ""


@dataclass
class Index:
    """The content of one split.

    classes: names in the data's own order. images: IndexedImages in a stable order.
    faults: (kind, path, detail) of what is left out; the kinds are keys of findings.FAULTS.
    unnamed: whether the data have one class without a name of its own, so that CLASSES may rename it.
    """

    classes: list
    images: list
    faults: list = field(default_factory=list)
    unnamed: bool = False


@dataclass(frozen=True)
class Options:
    """What a user may say about annotation files.

    images: folder of the images, if it is not where the format expects it. class_attribute: the attribute
    that holds the class, where a format has several (VIA).
    """

    images: str | None = None
    class_attribute: str | None = None


class AnnotatedDataset(Dataset):
    """A data set of annotation files. A format sets ``source`` and has ``read_index`` and ``recognises``.

    A format whose data come in splits also has ``splits``.

    faults: (kind, path, detail) of everything that was left out while indexing.
    """

    source = "annotated"
    options = Options()

    def __init__(self, class_map=None):
        super().__init__(class_map)
        self.faults = []

    @classmethod
    def splits(cls, root, options=Options()):
        """Return the names of the splits that exist, of train, val, test; [] if all images are together.

        root, options: as for ``read_index``. Look at names of files and folders only. "val" stands for
        folders like valid and validation too, see folders.split_of. ``load_split`` takes each name that this
        returns, and None for all images. Without splits it takes None alone.
        """
        return []

    def read_index(self, root, split):
        """Return the Index of one split.

        root: a Path. split: "train", "val", "test", or None for all images.
        Reads self.options. Decode no image here. Raises DatasetError with the path and the faulty record.
        """
        raise NotImplementedError

    def load_split(self, root, split, classes=None):
        """Index one split; call prepare() afterwards.

        classes: names of the classes 1, 2, ...; None takes all classes of the data in their own order.
        Raises DatasetError for a class that the data do not have; the message names the nearest one.
        """
        index = self.read_index(root, split)
        names = list(index.classes) if classes is None else list(classes)
        renamed = index.unnamed and len(names) == 1
        self.known_classes = names if renamed else list(index.classes)
        if self.strict and not renamed:
            _require_known(names, index.classes, root)
        for number, name in enumerate(names, start=1):
            self.add_class(self.source, number, name)
        numbers = {name: number for number, name in enumerate(index.classes if renamed else names, start=1)}
        self.faults = list(index.faults)
        for image in index.images:
            kept = [annotation for annotation in image.annotations if annotation.name in numbers]
            self.add_image(
                self.source, image.key, image.path,
                annotations=kept, size=image.size, annotation_file=image.source,
            )  # fmt: skip
        self._numbers = numbers

    def load_mask(self, image_id):
        """Return masks [H, W, N] bool and class ids [N] int32, negative for crowds, without empty masks."""
        info = self.image_info[image_id]
        size = self.image_size(image_id)
        masks, class_ids = [], []
        for annotation in info["annotations"]:
            mask = rasterize(annotation.shape, size)
            if mask.any():
                number = self._numbers[annotation.name]
                masks.append(mask)
                class_ids.append(-number if annotation.crowd else number)
        if not masks:
            return np.zeros((*size, 0), bool), np.zeros(0, np.int32)
        return np.moveaxis(np.stack(masks), 0, -1), np.array(class_ids, np.int32)

    def count_instances(self, image_id):
        """Return {class id: number of annotations} of an image, without crowds."""
        found = self.image_info[image_id]["annotations"]
        return dict(Counter(self._numbers[annotation.name] for annotation in found if not annotation.crowd))

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


def _require_known(names, known, root):
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            hint = f" The nearest is {close[0]!r}." if close else ""
            raise DatasetError(
                f"{root}: no class {name!r} in these annotations, only {', '.join(known) or 'none'}.{hint}"
            )
