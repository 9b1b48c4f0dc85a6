"""One label map per image: a picture whose pixel values number the instances, and 0 is the background."""

from itertools import islice
from pathlib import Path

import numpy as np

from mrcnn.datasets.class_index import ONE_CLASS
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import SPLIT_NAMES, SPLITS, files_in, images_in, is_image, split_folder
from mrcnn.datasets.images import ImageError, SeveralInstances, read_labels, read_mask, read_size
from mrcnn.datasets.mask_files import owner, spellings

SOURCE = "label_maps"
IMAGE_FOLDERS = ("images", "imgs", "raw")
# The first two hold label maps; files in the others may be masks, so their pixel values decide.
MAP_FOLDERS = ("label_maps", "instances", "labels", "masks", "annotations", "gt")
_CERTAIN = 2
_LOOKED_AT = 5  # maps that are opened to recognise the format
VOID = 255


class LabelMaps(Dataset):
    """``images/<name>.jpg`` and ``label_maps/<name>.png`` or ``.tif`` of 8, 16 or 32 bits; all of one class.

    Both may stand in a folder for each split, or have such folders in them. In a map whose other values are
    all below 128, 255 marks pixels to ignore; they belong to no instance.
    """

    title = "label maps"
    counts_pixels = True
    looks_for = "[<split>/]images/<name>.jpg and [<split>/]label_maps/<name>.png (or labels/, masks/ ...)"

    def load_split(self, root, split, classes=None):
        """Index the images of one split; call prepare() afterwards.

        root, split: as for every format. classes: a list with the name of the one class; None calls it
        object. Raises DatasetError for more than one class, and if there is no image with a map.
        """
        classes = (ONE_CLASS,) if classes is None else classes
        if len(classes) != 1:
            raise DatasetError(f"{root}: label maps have one class, but {', '.join(classes)} are given.")
        pair = _folders(Path(root), split)
        if pair is None:
            raise DatasetError(
                f"{split_folder(Path(root), split)}: no folders images/ and label_maps/ in it."
            )
        self.add_class(SOURCE, 1, classes[0])
        pictures, maps, self.faults = _match(*pair)
        for name, path in pictures.items():
            self.add_image(SOURCE, name, str(path), map=maps.get(name))
        if not self.image_info:
            raise DatasetError(f"{pair[0]}: no images.")

    @classmethod
    def splits(cls, root, options=None):
        """Return the splits that have both folders."""
        root = Path(root)
        return [split for split in SPLITS if _folders(root, split)] if root.is_dir() else []

    @classmethod
    def recognises(cls, root):
        """Return whether there are images with maps of their names, one of which holds several values."""
        root = Path(root)
        if not root.is_dir():
            return False
        pairs = filter(None, (_folders(root, split) for split in cls.splits(root) or [None]))
        return any(_are_maps(*pair) for pair in pairs)

    def load_mask(self, image_id):
        """Return masks [H, W, N] bool and class ids [N] int32, in the order of the values."""
        path = self.image_info[image_id]["map"]
        if path is None:
            return super().load_mask(image_id)
        labels = read_labels(path)
        values = instance_values(labels)
        if not values:
            return np.zeros((*labels.shape, 0), bool), np.zeros(0, np.int32)
        masks = np.stack([labels == value for value in values])
        return np.moveaxis(masks, 0, -1), np.ones(len(values), np.int32)

    def count_instances(self, image_id):
        """Return {1: number of instances} of an image, without making their masks."""
        path = self.image_info[image_id]["map"]
        return {1: len(instance_values(read_labels(path)))} if path else {}

    def annotated_sizes(self, image_id):
        """Return the (height, width) of the map."""
        path = self.image_info[image_id]["map"]
        return [] if path is None else [read_size(path)]


def instance_values(labels):
    """Return the values of a label map [H, W] that stand for instances, in order.

    255 is no instance if it is the largest value and all others are below 128.
    """
    few = labels.min(initial=0) >= 0 and labels.max(initial=0) < 1 << 16
    found = np.flatnonzero(np.bincount(labels.ravel())) if few else np.unique(labels)  # faster than sorting
    values = [int(value) for value in found if value > 0]
    is_void = len(values) > 1 and values[-1] == VOID and values[-2] < 128
    return values[:-1] if is_void else values


def _folders(root, split):
    """Return (folder of images, folder of maps) of a split, or None unless both exist."""
    places = [root] if split is None else [root / name for name in SPLIT_NAMES.get(split, (split,))]
    pairs = [
        (place / images, place / maps) for place in places for images in IMAGE_FOLDERS for maps in MAP_FOLDERS
    ]
    if split is not None:
        pairs += [
            (root / images / place.name, root / maps / place.name)
            for place in places
            for images in IMAGE_FOLDERS
            for maps in MAP_FOLDERS
        ]
    return next((pair for pair in pairs if all(folder.is_dir() for folder in pair)), None)


def _match(images, maps):
    """Return images by name, maps by the names of their images, and faults."""
    pictures = {path.stem: path for path in images_in(images)}
    known, found, faults = spellings(pictures), {}, []
    for path in files_in(maps):
        name = owner(path, known)[0] if is_image(path) else None
        if name is None:
            faults.append(("stray", str(path), ""))
        elif name in found:
            faults.append(("same_name", str(path), f"{found[name].name} is the map of {pictures[name].name}"))
        else:
            found[name] = path
    faults += [("no_map", str(path), "") for name, path in pictures.items() if name not in found]
    return pictures, found, faults


def _are_maps(images, maps):
    _, found, _ = _match(images, maps)
    if len(found) < len([path for path in files_in(maps) if is_image(path)]):
        return False  # several files for an image are masks
    if maps.name in MAP_FOLDERS[:_CERTAIN]:
        return bool(found)
    return any(map(_holds_several, islice(found.values(), _LOOKED_AT)))


def _holds_several(path):
    try:
        read_mask(path)
    except SeveralInstances:
        return True  # even if it is no good label map: reading it says why
    except ImageError:
        pass
    return False
