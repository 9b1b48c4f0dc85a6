"""One folder per image, with a folder of mask files in it: the layout of the nuclei data set."""

from itertools import islice
from pathlib import Path

import numpy as np

from mrcnn.datasets.class_index import ONE_CLASS
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import (
    files_in,
    folders_in,
    images_in,
    is_image,
    split_folder,
    split_of,
    splits_in,
)
from mrcnn.datasets.images import read_mask, sizes_of_masks
from mrcnn.datasets.mask_files import owner
from mrcnn.datasets.scan import add_mask_files, scan_file

SOURCE = "nuclei"
_LOOKED_AT = 100  # folders


class ImageFolders(Dataset):
    """One folder per image: ``<split>/<id>/images/<id>.png`` with its instances in ``<id>/masks/*.png``.

    The image may also stand in ``<id>`` itself, if that is so everywhere, and have any name if it is alone.
    All instances are of one class.
    """

    title = "a folder an image"
    looks_for = "[<split>/]<id>/images/<id>.png (or <id>/<id>.png) with its instances in <id>/masks/*.png"

    def load_split(self, root, split, classes=None):
        """Index the images of one split; call prepare() afterwards.

        root, split: as for every format. classes: a list with the name of the one class; None calls it
        object.
        Raises DatasetError for more than one class, if a folder has several images, and if there is no image.
        """
        classes = (ONE_CLASS,) if classes is None else classes
        if len(classes) != 1:
            raise DatasetError(
                f"A data set with one folder per image has one class, but {len(classes)} are given: "
                f"{', '.join(classes)}."
            )
        self.add_class(SOURCE, 1, classes[0])
        self.faults = []
        folders = folders_in(split_folder(Path(root), split))
        within = "images" if any((folder / "images").is_dir() for folder in folders) else ""
        for folder in folders:
            masks, path = folder / "masks", _picture(folder, within)
            if path is None:
                self.faults += [("no_image", str(folder), "masks")] if masks.is_dir() else []
                continue
            self.add_image(SOURCE, folder.name, str(path), masks=masks)
            self.faults += [] if masks.is_dir() else [("no_masks", str(path), "")]
            self.faults += [("stray", str(file), "") for file in files_in(masks) if not is_image(file)]
        if not self.image_info:
            raise DatasetError(f"{root}: no <id>/images/*.png in the split {split!r}.")

    @classmethod
    def splits(cls, root, options=None):
        """Return the splits that have a folder."""
        return splits_in(Path(root))

    @classmethod
    def recognises(cls, root):
        """Return whether folders hold masks/ and one image of the folder's name, or not of the masks'."""
        candidates = (
            folder
            for level in ("*/*", "*")
            for folder in Path(root).glob(level)
            if (folder / "masks").is_dir() and not split_of(folder.name)
        )
        return any(map(_is_of_one_image, islice(candidates, _LOOKED_AT)))

    def load_mask(self, image_id):
        """Return masks [H, W, N] bool and class ids [N] int32."""
        masks = [read_mask(path) for path in self._mask_files(image_id)]
        masks = [mask for mask in masks if mask.any()]
        if not masks:
            return super().load_mask(image_id)
        return np.stack(masks, axis=-1), np.ones(len(masks), np.int32)

    def annotated_sizes(self, image_id):
        """Return the (height, width) of the mask files that can be read."""
        return sizes_of_masks(self._mask_files(image_id))

    def count_instances(self, image_id):
        """Return {1: number of mask files} of an image."""
        return {1: len(self._mask_files(image_id))}

    def scan(self, image_id):
        """Return the facts that the check needs: the image's bytes at both ends, and the masks' boxes."""
        found = scan_file(self, image_id)
        if found.size:
            add_mask_files(found, [(1, path) for path in self._mask_files(image_id)], rescaled=False)
        return found

    def _mask_files(self, image_id):
        return images_in(self.image_info[image_id]["masks"])


def _picture(folder, within):
    """Return the image of a folder, or None. Raises DatasetError for several, none of its name."""
    found = images_in(folder / within)
    named = [path for path in found if path.stem == folder.name]
    if len(found) > 1 and len(named) != 1:
        raise DatasetError(
            f"{folder}: holds {len(found)} images, {found[0].name} and {found[1].name} among them; a folder "
            f"per image holds one, or one of its name, {folder.name}."
        )
    return (named or found or [None])[0]


def _is_of_one_image(folder):
    found = images_in(folder / "images") or images_in(folder)
    if len(found) != 1:
        return False
    known = {found[0].stem: found[0].stem}
    masks = images_in(folder / "masks")
    return found[0].stem == folder.name or bool(masks and owner(masks[0], known)[0] is None)
