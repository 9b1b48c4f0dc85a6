"""One folder per class and one mask file per instance: the layout of a download of Open Images."""

import csv
import difflib
import os
import re
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from mrcnn.datasets import mask_files
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError, DatasetWarning
from mrcnn.datasets.folders import folder_names, split_folder, splits_in
from mrcnn.datasets.images import read_mask, sizes_of_masks
from mrcnn.datasets.scan import add_mask_files, scan_file
from mrcnn.pipeline.masks import resize_nearest

SOURCE = "openimages"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MASK_FOLDERS = ("masks", "segmentations")
# An ImageID of Open Images, also with the class before it, as downloads of several classes have it.
DOWNLOADED = re.compile(r"(?:.+_)?[0-9a-f]{16}")


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
        folder = split_folder(Path(root), split)
        folders = _class_folders(folder)
        known = {path: path.name for path in folders.values() if _image_files(path)}
        classes = list(known.values()) if classes is None else classes
        masks, crowds, images = defaultdict(list), defaultdict(list), {}
        for class_id, name in enumerate(classes, start=1):
            self.add_class(SOURCE, class_id, name)
            class_folder = _class_folder(folder, folders, name, self.strict)
            if class_folder is None:
                continue
            known[class_folder] = name
            for image_id, path in _image_files(class_folder).items():
                images.setdefault(image_id, path)
            for image_id, path in _mask_files(class_folder):
                masks[image_id].append((class_id, path))
            for image_id, path in _crowd_files(class_folder):
                crowds[image_id].append((class_id, path))
        self.known_classes = list(known.values())
        if not images:
            raise DatasetError(f"{folder}: no images of {', '.join(classes)} (looked for *.jpg and *.png).")
        _warn_of_strays(masks, images)
        for image_id in sorted(images):
            self.add_image(
                SOURCE, image_id, str(images[image_id]),
                masks=sorted(masks[image_id]), crowds=sorted(crowds[image_id]),
            )  # fmt: skip

    @classmethod
    def splits(cls, root, options=None):
        """Return the splits that have a folder."""
        return splits_in(Path(root))

    @classmethod
    def recognises(cls, root):
        """Whether a class's folder of masks holds a file named as Open Images names masks."""
        places = (f"{above}/{name}" for name in MASK_FOLDERS for above in ("*/*", "*"))
        folders = (folder for place in places for folder in Path(root).glob(place))
        return any(
            mask_files.NAME.fullmatch(path.name) for folder in folders for path in folder.glob("*.png")
        )

    def load_mask(self, image_id):
        """Load masks [H, W, N] bool at the image's size and class ids [N] int32, negative for crowds.

        Masks that are empty, or whose shape differs from the image's, are omitted with a DatasetWarning.
        """
        info = self.image_info[image_id]
        shape = self.image_size(image_id)
        masks, class_ids = [], []
        for class_id, path in info["masks"]:
            mask = _read_instance(path, shape)
            if mask is not None:
                masks.append(mask)
                class_ids.append(class_id)
        for class_id, path in info["crowds"]:
            for mask in _read_crowds(path, shape):
                masks.append(mask)
                class_ids.append(-class_id)
        if not masks:
            return np.zeros((*shape, 0), bool), np.zeros(0, np.int32)
        # Each mask is contiguous in memory, which is faster to create and to use.
        return np.moveaxis(np.stack(masks), 0, -1), np.array(class_ids, np.int32)

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
                _scan_crowds(found, path)
        return found

    def image_reference(self, image_id):
        """Return the address of the image's page at Open Images."""
        return f"https://storage.googleapis.com/openimages/web/visualizer/index.html?id={self.image_info[image_id]['id']}"


def _class_folders(folder):
    """Return the folders of classes by their names in lower case, in alphabetical order."""
    found = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    return {path.name.lower(): path for path in found}


def _class_folder(folder, found, name, strict):
    """Return the folder of a class; if there is none, None or with ``strict`` a DatasetError."""
    for spelling in (name.lower(), name.lower().replace(" ", "_")):  # a download has human_eye
        if spelling in found:
            return found[spelling]
    if not strict:
        return None
    close = difflib.get_close_matches(name.lower(), found, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise DatasetError(f"{folder}: no class {name!r}; it holds {folder_names(folder)}{hint}")


def _files(folder):
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_file())


def _image_files(class_folder):
    """Return images by their ImageID, from the class folder or its folder of images."""
    places = (class_folder, class_folder / "images")
    return {p.stem: p for place in places for p in _files(place) if p.suffix.lower() in IMAGE_SUFFIXES}


def _mask_files(class_folder):
    for place in MASK_FOLDERS:
        for path in _files(class_folder / place):
            name = mask_files.NAME.fullmatch(path.name)
            if name:
                yield name["image"], path
            elif path.suffix == ".png":
                warnings.warn(
                    f"{path}: left out, its name is not {mask_files.NAME_FORM}.",
                    DatasetWarning,
                    stacklevel=4,
                )


def _crowd_files(class_folder):
    return [(path.stem, path) for path in _files(class_folder / "crowds") if path.suffix == ".csv"]


def _warn_of_strays(masks, images):
    strays = sorted(set(masks) - set(images))
    if strays:
        first = masks[strays[0]][0][1]
        warnings.warn(
            f"{len(strays)} images have masks but are missing themselves, the first of {first}.",
            DatasetWarning,
            stacklevel=3,
        )


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
        warnings.warn(f"{path}: left out, {fault}.", DatasetWarning, stacklevel=3)
        return None
    return mask


def _read_crowds(path, shape):
    """Return one filled box per row of a crowds file. Raises DatasetError for a row that is not a box."""
    for number, row, box in _crowd_rows(path):
        if box is None:
            raise DatasetError(f"{path}, line {number}: expected XMin,XMax,YMin,YMax, got {row}.")
        y1, x1, y2, x2 = (round(edge * side) for edge, side in zip(np.clip(box, 0, 1), (*shape, *shape)))
        if y1 < y2 and x1 < x2:
            mask = np.zeros(shape, bool)
            mask[y1:y2, x1:x2] = True
            yield mask


def _scan_crowds(found, path):
    """Add the rows of a crowds file to a Scanned."""
    for number, row, box in _crowd_rows(path):
        if box is None:
            found.add_fault("crowd", path, f"line {number}: {row}")
            continue
        y1, x1, y2, x2 = np.clip(box, 0, 1)
        if not (y1 < y2 and x1 < x2):
            found.add_fault("nowhere", path, f"line {number}")
            continue
        found.crowds += 1
        if min(box) < 0 or max(box) > 1:
            found.add_fault("outside", path, f"line {number}")


def _crowd_rows(path):
    """(line, row, box) of a crowds file. box: (y1, x1, y2, x2) in shares of the image's sides, or None."""
    with open(path, newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                box = [float(row[name]) for name in ("YMin", "XMin", "YMax", "XMax")]
            except (KeyError, TypeError, ValueError):
                box = [np.nan]
            yield number, row, None if np.isnan(box).any() else box
