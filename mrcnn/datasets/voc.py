"""Pascal VOC's masks: for each image a picture of its instances and one of their classes, in a palette."""

import contextlib
from collections import Counter
from pathlib import Path

import numpy as np

from mrcnn.datasets.class_index import ONE_CLASS
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import SPLITS, folders_in, images_in, split_of
from mrcnn.datasets.images import ImageError, read_size
from mrcnn.datasets.voc_colors import VOID, read_codes, read_names

SOURCE = "voc"
_IMAGES = "JPEGImages"
_OBJECTS = ("SegmentationObject", "SegmentationObjectPNG")
_CLASSES = ("SegmentationClass", "SegmentationClassPNG")


class Voc(Dataset):
    """``JPEGImages/``, ``SegmentationObject/``, ``SegmentationClass/``, ``ImageSets/Segmentation/*.txt``.

    The root may hold VOCdevkit/VOC2012. Without pictures of classes, there is one class. Classes have the
    names of labelmap.txt or class_names.txt, or else those of VOC. 255, void, belongs to no instance.
    """

    title = "Pascal VOC"
    looks_for = (
        "JPEGImages/ and SegmentationObject/, with SegmentationClass/ and ImageSets/Segmentation/*.txt"
    )

    def load_split(self, root, split, classes=None):
        """Index the images of one split; call prepare() afterwards.

        root, split: as for every format. classes: names; None takes those that a picture of classes shows,
        for which each is read. Raises DatasetError.
        """
        home = _home(Path(root))
        if home is None:
            raise DatasetError(f"{root}: no folder with {_IMAGES}/ and {_OBJECTS[0]}/.")
        self.faults = []
        self._names, self._by_color = read_names(home)
        rows = self._rows(home, split)
        if not any(kinds for *_, kinds in rows):
            self._names = {1: classes[0] if classes and len(classes) == 1 else ONE_CLASS}
        self.known_classes = self._shown(rows)
        names = self.known_classes if classes is None else list(classes)
        unknown = [name for name in names if name not in self._names.values()]
        if unknown and self.strict:
            raise DatasetError(
                f"{home}: no class {unknown[0]!r}, only {', '.join(dict.fromkeys(self._names.values()))}."
            )
        for number, name in enumerate(names, start=1):
            self.add_class(SOURCE, number, name)
        self._numbers = {index: names.index(name) + 1 for index, name in self._names.items() if name in names}
        for name, path, objects, kinds in rows:
            self.add_image(SOURCE, name, str(path), objects=objects, classes=kinds)
        if not self.image_info:
            raise DatasetError(f"{home}: no images with a picture of instances in the split {split!r}.")

    def _rows(self, home, split):
        """Return (name, image, picture of instances, picture of classes or None) of each image of a split."""
        images = {path.stem: path for path in images_in(home / _IMAGES)}
        objects = {path.stem: path for path in images_in(_folder(home, _OBJECTS))}
        kinds = {path.stem: path for path in images_in(_folder(home, _CLASSES) or home / _CLASSES[0])}
        names = list(objects) if split is None else _listed(home, split)
        rows = []
        for name in dict.fromkeys(names):
            if name not in images:
                self.faults.append(("no_image", str(home / _IMAGES / name), ""))
            elif name not in objects:
                self.faults.append(("no_map", str(images[name]), "it is left out"))
            elif kinds and name not in kinds:
                self.faults.append(("no_map", str(images[name]), "none of its classes, so it is left out"))
            else:
                rows.append((name, images[name], objects[name], kinds.get(name)))
        return rows

    def _shown(self, rows):
        """Return the names of the classes that the pictures of classes show, in the order of their file."""
        shown = set()
        for *_, kinds in rows:
            with contextlib.suppress(ImageError):  # whoever loads its masks meets it again
                shown |= {1} if kinds is None else set(np.unique(read_codes(kinds, self._by_color)).tolist())
        return list(dict.fromkeys(name for index, name in self._names.items() if index in shown))

    @classmethod
    def splits(cls, root, options=None):
        """Return the splits that have a list of images."""
        home = _home(Path(root))
        return [split for split in SPLITS if home and _list_of(home, split)]

    @classmethod
    def recognises(cls, root):
        """Return whether there are folders of images and of pictures of instances with VOC's names."""
        return _home(Path(root)) is not None

    def load_mask(self, image_id):
        """Return masks [H, W, N] bool and class ids [N] int32, in the order of the palette.

        Raises ImageError for an instance of an unknown class, and if both pictures differ in size.
        """
        info = self.image_info[image_id]
        objects = read_codes(info["objects"])
        kinds = (
            np.ones_like(objects) if info["classes"] is None else read_codes(info["classes"], self._by_color)
        )
        if objects.shape != kinds.shape:
            raise ImageError(f"{info['classes']}: has another size than {info['objects']}.")
        masks, class_ids = [], []
        for value in np.unique(objects):
            if value in (0, VOID):
                continue
            mask = objects == value
            number = self._class_of(kinds[mask], info)
            if number is not None:
                masks.append(mask)
                class_ids.append(number)
        if not masks:
            return np.zeros((*objects.shape, 0), bool), np.zeros(0, np.int32)
        return np.moveaxis(np.stack(masks), 0, -1), np.array(class_ids, np.int32)

    def _class_of(self, kinds, info):
        """Return the class id that most pixels of an instance have; None for a class that is not used."""
        counts = Counter(kinds[(kinds != 0) & (kinds != VOID)].tolist())
        if not counts:
            raise ImageError(f"{info['classes']}: shows no class where {info['objects']} has an instance.")
        index = counts.most_common(1)[0][0]
        if index not in self._names:
            raise ImageError(
                f"{info['classes']}: has the class {index}, which has no name; put the names of all classes, "
                "from the background on, into class_names.txt beside JPEGImages/."
            )
        return self._numbers.get(index)

    def annotated_sizes(self, image_id):
        """Return the (height, width) of the picture of instances."""
        return [read_size(self.image_info[image_id]["objects"])]


def _home(root):
    """Return the folder with VOC's folders: the root, or a folder up to two levels below it; None without."""
    if not root.is_dir():
        return None
    below = folders_in(root)
    for level in ([root], below, [folder for parent in below[:20] for folder in folders_in(parent)]):
        for folder in level:
            if (folder / _IMAGES).is_dir() and _folder(folder, _OBJECTS):
                return folder
    return None


def _folder(home, names):
    return next((home / name for name in names if (home / name).is_dir()), None)


def _list_of(home, split):
    """Return the file that lists the images of a split, or None."""
    lists = home / "ImageSets" / "Segmentation"
    return next((path for path in sorted(lists.glob("*.txt")) if split_of(path.stem) == split), None)


def _listed(home, split):
    path = _list_of(home, split_of(split) or split)
    if path is None:
        raise DatasetError(f"{home}: no list of the split {split!r} in ImageSets/Segmentation/.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: is not UTF-8 text; save the file as UTF-8.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
