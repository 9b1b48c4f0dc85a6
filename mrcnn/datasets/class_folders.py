"""One folder per class and one mask file per instance: the layout of a download of Open Images."""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from mrcnn.datasets import mask_files
from mrcnn.datasets.class_index import (
    MASK_FOLDERS,
    ONE_CLASS,
    collect,
    place_named,
    places_of,
    split_below,
)  # fmt: skip
from mrcnn.datasets.crowds import read_crowds, scan_crowds
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError, DatasetWarning
from mrcnn.datasets.folders import SPLITS, images_in, split_folder, splits_in
from mrcnn.datasets.images import read_mask, sizes_of_masks
from mrcnn.datasets.mask_files import DOWNLOADED, name_of
from mrcnn.datasets.scan import add_mask_files, scan_file
from mrcnn.pipeline.masks import resize_nearest
from mrcnn.screen import printable

SOURCE = "openimages"


class ClassFolders(Dataset):
    """A data set in the layout of a download of Open Images or of rendered scenes.

    ``<root>/<split>/<class>/<ImageID>.jpg``, masks in ``masks/`` beside the images as
    ``<ImageID>_<MID>_<BoxID>.png`` of any size, and boxes of crowds in ``crowds/<ImageID>.csv``.
    """

    title = "Open Images' folders"
    looks_for = (
        "[<split>/]<class>/masks/<ImageID>_<MID>_<BoxID>.png (or segmentations/), with the images in <class>/"
    )

    def load_split(self, root, split, classes=None):
        """Index the images of one split; call prepare() afterwards.

        root: the data set's folder. split: "train", "val" or "test"; None if the class folders are in the
        root itself. classes: names of classes, which get the ids 1, 2, ...; None takes all class folders
        with images in alphabetical order.
        Raises DatasetError for a missing or empty folder; the message names the folders that exist.
        """
        root = Path(root)
        places = places_of(root, split)
        classes = _known(places) if classes is None else classes
        if None in places and len(classes) != 1:
            raise DatasetError(
                f"{root}: data without a folder for each class have one class, but {len(classes)} are "
                f"given: {', '.join(classes)}."
            )
        folder = split_folder(root, split) if None not in places else root
        chosen = {name: place_named(places, name, folder, self.strict) for name in classes}
        self.known_classes = _known(places, chosen)
        for class_id, name in enumerate(classes, start=1):
            self.add_class(SOURCE, class_id, name)
        present = {number: place for number, place in enumerate(chosen.values(), start=1) if place}
        found = collect(list(present.values()), list(present))
        if not found.images:
            raise DatasetError(f"{folder}: no images of {', '.join(classes)} (looked for *.jpg and *.png).")
        self.faults = found.faults
        for image_id in sorted(found.images):
            self.add_image(
                SOURCE, image_id, str(found.images[image_id]),
                masks=sorted(found.masks[image_id]), crowds=sorted(found.crowds[image_id]),
            )  # fmt: skip

    @classmethod
    def splits(cls, root, options=None):
        """Return the splits that have a folder."""
        root = Path(root)
        below = [split for split in SPLITS if split_below(root, split)]
        return splits_in(root) or below

    @classmethod
    def recognises(cls, root):
        """Whether a class's folder of masks holds a file named as Open Images names masks."""
        levels = ("*/*", "*")
        folders = (f for level in levels for name in MASK_FOLDERS for f in Path(root).glob(f"{level}/{name}"))
        return any(name_of(path) for folder in folders for path in images_in(folder))

    def load_mask(self, image_id):
        """Load masks [H, W, N] bool at the image's size and class ids [N] int32, negative for crowds.

        Masks that are empty, or whose shape differs from the image's, are omitted with a DatasetWarning.
        """
        found = list(self.each_mask(image_id))
        if not found:
            return np.zeros((*self.image_size(image_id), 0), bool), np.zeros(0, np.int32)
        masks, class_ids = zip(*found)
        # Each mask is contiguous in memory, which is faster to create and to use.
        return np.moveaxis(np.stack(masks), 0, -1), np.array(class_ids, np.int32)

    def each_mask(self, image_id):
        """Yield the masks and class ids of load_mask one after another."""
        info = self.image_info[image_id]
        shape = self.image_size(image_id)
        for class_id, path in info["masks"]:
            mask = _read_instance(path, shape)
            if mask is not None:
                yield mask, class_id
        for class_id, path in info["crowds"]:
            for mask in read_crowds(path, shape):
                yield mask, -class_id

    def annotates_upright(self, image_id):
        """Open Images annotates stored pixels; people who draw masks see the upright photograph."""
        return not DOWNLOADED.fullmatch(str(self.image_info[image_id]["id"]))

    def annotated_sizes(self, image_id):
        """Return the (height, width) of the mask files that can be read."""
        return sizes_of_masks(path for _, path in self.image_info[image_id]["masks"])

    def count_instances(self, image_id):
        """Return {class id: number of mask files} of an image."""
        return dict(Counter(class_id for class_id, _ in self.image_info[image_id]["masks"]))

    def scan(self, image_id):
        """What the check has to know, from the image's ends, the masks' boxes and the rows of crowds."""
        info, found = self.image_info[image_id], scan_file(self, image_id)
        if found.size:
            add_mask_files(found, info["masks"], rescaled=True)
            for _, path in info["crowds"]:
                scan_crowds(found, path)
        return found

    def image_reference(self, image_id):
        """Return the address of the image's page at Open Images."""
        return f"https://storage.googleapis.com/openimages/web/visualizer/index.html?id={self.image_info[image_id]['id']}"


def _known(places, chosen=()):
    """Return the names of the classes that have images, those of ``chosen`` as they are spelled there."""
    spelled = {place: name for name, place in dict(chosen).items()}
    return [
        spelled.get(place, place.name or ONE_CLASS)
        for place in places.values()
        if place in spelled or any(map(images_in, place.images))
    ]


def _read_instance(path, shape):
    """Read a mask file at its image's size; return None with a warning if it is unusable."""
    mask = read_mask(path)
    height, width = mask.shape
    if not mask_files.is_same_shape(mask.shape, shape):
        fault = f"it is {width} x {height}, which is not the shape of its image, {shape[1]} x {shape[0]}"
    else:
        mask = resize_nearest(mask, shape)
        fault = None if mask.any() else "it is empty"
    if fault:
        warnings.warn(printable(f"{path}: left out, {fault}."), DatasetWarning, stacklevel=3)
        return None
    return mask
