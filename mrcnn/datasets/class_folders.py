"""A folder a class, with a mask file an instance: the layout of Open Images and of scripts/download.py."""

import csv
import difflib
import os
import re
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError, DatasetWarning
from mrcnn.datasets.images import read_mask, read_size
from mrcnn.datasets.splits import folder_names, split_folder
from mrcnn.pipeline.masks import resize_nearest

SOURCE = "openimages"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
# <ImageID>_<MID without its slashes>_<BoxID>.png
MASK_NAME = re.compile(r"(?P<image>.+)_(?P<mid>m[0-9a-z_]+?)_(?P<box>[0-9a-f]+)\.png", re.IGNORECASE)


class PumpkinDataset(Dataset):
    """Instances of Open Images classes as the downloader and the synthetic renderer write them.

    ``<root>/<split>/<class>/<ImageID>.jpg``, masks in ``masks/`` beside the images as
    ``<ImageID>_<MID>_<BoxID>.png`` of any size, and boxes of crowds in ``crowds/<ImageID>.csv``.
    """

    def load_pumpkins(self, root, split, classes=("Pumpkin",)):
        """Index the images of one split; call prepare() afterwards.

        root: the data set's folder. split: "train", "val" or "test"; None where class folders stand in
        the root itself. classes: names of classes, which get the numbers 1, 2, ...
        Raises DatasetError for a folder that is missing or empty, naming what stands in its place.
        """
        folder = split_folder(Path(root), split)
        masks, crowds, images = defaultdict(list), defaultdict(list), {}
        for class_id, name in enumerate(classes, start=1):
            self.add_class(SOURCE, class_id, name)
            class_folder = _class_folder(folder, name)
            for image_id, path in _image_files(class_folder).items():
                images.setdefault(image_id, path)
            for image_id, path in _mask_files(class_folder):
                masks[image_id].append((class_id, path))
            for image_id, path in _crowd_files(class_folder):
                crowds[image_id].append((class_id, path))
        if not images:
            raise DatasetError(f"{folder}: no images of {', '.join(classes)} (looked for *.jpg and *.png).")
        _warn_of_strays(masks, images)
        for image_id in sorted(images):
            self.add_image(
                SOURCE, image_id, str(images[image_id]),
                masks=sorted(masks[image_id]), crowds=sorted(crowds[image_id]),
            )  # fmt: skip

    def load_mask(self, image_id):
        """Masks [H, W, N] bool at the image's size and class ids [N] int32, negative for crowds.

        Masks that are empty, or of another shape than their image, are left out with a DatasetWarning.
        """
        info = self.image_info[image_id]
        shape = read_size(info["path"])
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
        # Each mask stays in one piece in memory, which is faster to make and to use.
        return np.moveaxis(np.stack(masks), 0, -1), np.array(class_ids, np.int32)

    def image_reference(self, image_id):
        """The image's page at Open Images."""
        return f"https://storage.googleapis.com/openimages/web/visualizer/index.html?id={self.image_info[image_id]['id']}"


def _class_folder(folder, name):
    found = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    for spelling in (name.lower(), name.lower().replace(" ", "_")):  # the downloader writes human_eye
        if spelling in found:
            return found[spelling]
    close = difflib.get_close_matches(name.lower(), found, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise DatasetError(f"{folder}: no class {name!r}; it holds {folder_names(folder)}{hint}")


def _files(folder):
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_file())


def _image_files(class_folder):
    """Images by their ImageID, beside the masks or in a folder of their own."""
    places = (class_folder, class_folder / "images")
    return {p.stem: p for place in places for p in _files(place) if p.suffix.lower() in IMAGE_SUFFIXES}


def _mask_files(class_folder):
    for place in (class_folder / "masks", class_folder / "segmentations"):
        for path in _files(place):
            name = MASK_NAME.fullmatch(path.name)
            if name:
                yield name["image"], path
            elif path.suffix == ".png":
                warnings.warn(
                    f"{path}: left out, its name is not <ImageID>_<MID>_<BoxID>.png.",
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


def is_same_shape(mask, image):
    """Whether a mask's (height, width) is its image's at some scale, to a percent or what rounding does."""
    expected = mask[1] * image[0] / image[1]
    return abs(mask[0] - expected) <= max(0.01 * expected, 1)


def _read_instance(path, shape):
    """A mask file at its image's size, or None with a warning if it is of no use."""
    mask = read_mask(path)
    height, width = mask.shape
    if not is_same_shape(mask.shape, shape):
        fault = f"it is {width} x {height}, which is not the shape of its image, {shape[1]} x {shape[0]}"
    else:
        mask = resize_nearest(mask, shape)
        fault = None if mask.any() else "it is empty"
    if fault:
        warnings.warn(f"{path}: left out, {fault}.", DatasetWarning, stacklevel=3)
        return None
    return mask


def _read_crowds(path, shape):
    """One filled box a row of a crowds file. Raises DatasetError for a row that is no box."""
    with open(path, newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                y1, y2 = (_edge(row[name], shape[0]) for name in ("YMin", "YMax"))
                x1, x2 = (_edge(row[name], shape[1]) for name in ("XMin", "XMax"))
            except (KeyError, TypeError, ValueError) as error:
                raise DatasetError(
                    f"{path}, line {number}: expected XMin,XMax,YMin,YMax, got {row}."
                ) from error
            mask = np.zeros(shape, bool)
            mask[y1:y2, x1:x2] = True
            if mask.any():
                yield mask


def _edge(text, side):
    """The pixel of a normalised coordinate, within the image. Raises ValueError for what is no number."""
    return round(min(max(float(text), 0.0), 1.0) * side)
