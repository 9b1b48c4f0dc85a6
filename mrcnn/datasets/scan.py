"""What an image of a data set and its masks are like, from headers and boxes, without their pixels.

A photograph is not decoded if its file ends as it should. A mask is, for its box.
"""

import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from mrcnn.datasets.class_folders import is_same_shape
from mrcnn.datasets.images import ImageError, read_image, read_mask, read_size
from mrcnn.pipeline.masks import extract_bboxes

# A whole file of a format ends so, perhaps with some bytes after.
_ENDS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND"}
_TAIL = 512
_FAULTS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, Image.DecompressionBombError)


@dataclass
class Scanned:
    """One image: its number in the data set, path, (height, width) or None where it cannot be read.

    instances: (class_id, height, width) of the box of each usable mask, in pixels of the image. crowds: their
    number. faults: (kind, path, detail) of what is wrong; the kinds are keys of check.FAULTS.
    """

    image_id: int
    path: str
    size: tuple | None = None
    instances: list = field(default_factory=list)
    crowds: int = 0
    faults: list = field(default_factory=list)


def scan(dataset, image_id):
    """Look at one image of a prepared Dataset and at its masks.

    Data sets of pumpkin.dataset are read file by file; any other is asked for its images and masks, which
    takes as long as loading them.
    """
    info = dataset.image_info[image_id]
    found = Scanned(int(image_id), str(info.get("path") or info["id"]))
    masks = info.get("masks")
    known = isinstance(masks, (Path, list))
    try:
        found.size = _image_size(info["path"]) if known else dataset.load_image(image_id).shape[:2]
    except (ImageError, OSError) as error:
        found.faults.append(("image", found.path, _without_path(error, found.path)))
        return found
    if isinstance(masks, Path):
        _scan_masks(found, [(1, path) for path in sorted(masks.glob("*.png"))], rescaled=False)
    elif known:
        _scan_masks(found, masks, rescaled=True)
        for _, path in info.get("crowds", ()):
            _scan_crowds(found, path)
    else:
        _ask(found, dataset)
    return found


def _image_size(path):
    """(height, width) of a photograph. Raises ImageError if it is cut short or no image."""
    size = read_size(path)
    with open(path, "rb") as file:
        head = file.read(4)
        file.seek(max(0, file.seek(0, io.SEEK_END) - _TAIL))
        tail = file.read()
    end = next((end for start, end in _ENDS.items() if head.startswith(start)), None)
    if end is None or end not in tail:
        read_image(path)  # it says what is wrong, or that all is well
    return size


def _scan_masks(found, files, rescaled):
    """Note the instances of mask files. rescaled: whether the data set resizes masks to their image."""
    seen = {}
    for class_id, path in files:
        try:
            data = Path(path).read_bytes()
            shape, box = _mask_box(path, data)
        except (ImageError, OSError) as error:
            found.faults.append(("mask", str(path), _without_path(error, path)))
            continue
        digest = hashlib.sha256(data).digest()
        if box is None:
            found.faults.append(("empty", str(path), ""))
        elif not (is_same_shape(shape, found.size) if rescaled else tuple(shape) == tuple(found.size)):
            detail = f"{shape[1]} x {shape[0]}, its image {found.size[1]} x {found.size[0]}"
            found.faults.append(("shape" if rescaled else "size", str(path), detail))
        else:
            if digest in seen:
                found.faults.append(("twice", str(path), f"as {seen[digest].name}"))
            y1, x1, y2, x2 = box
            scale = found.size[0] / shape[0], found.size[1] / shape[1]
            found.instances.append((class_id, (y2 - y1) * scale[0], (x2 - x1) * scale[1]))
            seen.setdefault(digest, Path(path))


def _mask_box(path, data):
    """The (height, width) of a mask file and the box (y1, x1, y2, x2) of its pixels, None without any."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode in ("1", "L"):
                box = image.getbbox()
                return (image.height, image.width), box and (box[1], box[0], box[3], box[2])
    except _FAULTS:
        pass  # read_mask says what is wrong
    mask = read_mask(path)
    (box,) = extract_bboxes(mask[:, :, None])
    return mask.shape, tuple(int(side) for side in box) if box.any() else None


def _scan_crowds(found, path):
    """Note the rows of a file of crowd boxes, in shares of the image's sides."""
    with open(path, newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                low, high = ([float(row[a + end]) for a in "YX"] for end in ("Min", "Max"))
                if np.isnan(low + high).any():
                    raise ValueError
            except (KeyError, TypeError, ValueError):
                found.faults.append(("crowd", str(path), f"line {number}: {row}"))
                continue
            if not all(a < b for a, b in zip(np.clip(low, 0, 1), np.clip(high, 0, 1))):
                found.faults.append(("nowhere", str(path), f"line {number}"))
                continue
            found.crowds += 1
            if min(low) < 0 or max(high) > 1:
                found.faults.append(("outside", str(path), f"line {number}"))


def _ask(found, dataset):
    """Note the instances that load_mask gives, for data sets of a kind that is not known here."""
    try:
        masks, class_ids = dataset.load_mask(found.image_id)
    except (ImageError, OSError) as error:
        found.faults.append(("mask", found.path, _without_path(error, found.path)))
        return
    if not len(class_ids):
        return
    if masks.shape[:2] != tuple(found.size):
        detail = f"{masks.shape[1]} x {masks.shape[0]}, its image {found.size[1]} x {found.size[0]}"
        found.faults.append(("size", found.path, detail))
        return
    for number, (box, class_id) in enumerate(zip(extract_bboxes(masks), class_ids)):
        if not box.any():
            found.faults.append(("empty", found.path, f"mask {number}"))
        elif class_id < 0:
            found.crowds += 1
        else:
            found.instances.append((int(class_id), int(box[2] - box[0]), int(box[3] - box[1])))


def _without_path(error, path):
    """An error's text without the file's name, which stands before it anyway."""
    return str(error).removeprefix(f"{path}: ").rstrip(".")
