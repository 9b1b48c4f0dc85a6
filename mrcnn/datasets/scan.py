"""Collect the facts about an image and its masks for the data check.

``look`` calls the data set: ``Dataset.scan`` loads image and masks, which works for every data set. A format
overrides it if headers and boxes give the same result in less time; ``scan_file`` and ``add_mask_files``
help with that.
"""

import contextlib
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mrcnn.datasets.images import ImageError, SeveralInstances, read_image, read_size
from mrcnn.datasets.mask_facts import facts_of, facts_of_file
from mrcnn.datasets.mask_files import is_same_shape
from mrcnn.datasets.orientation import Decision
from mrcnn.pipeline.errors import DataError, ExampleError
from mrcnn.pipeline.loading import load_image, load_masks

# A complete file of a format ends with these bytes, possibly followed by a few others.
_ENDS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND"}
_TAIL = 512


@dataclass
class Scanned:
    """The facts about one image: its id in the data set, path, and (height, width) or None if unreadable.

    instances: (class_id, height, width) of the box of each usable mask, in pixels of the image. crowds: their
    number. faults: (kind, path, detail) of what is wrong; the kinds are keys of faults.FAULTS.
    orientation: the orientation.Decision on a photograph that EXIF turns, None for others. thumbnail: for
    comparison with others, see similar.py, or None.
    """

    image_id: int
    path: str
    size: tuple | None = None
    instances: list = field(default_factory=list)
    crowds: int = 0
    faults: list = field(default_factory=list)
    orientation: Decision | None = None
    thumbnail: np.ndarray | None = None

    def add_fault(self, kind, path, detail=""):
        """Record a fault of a file. detail: a text or an exception."""
        self.faults.append((kind, str(path), _text(detail, path)))


def look(dataset, image_id):
    """Return the Scanned of an image of a prepared Dataset.

    A class that overrides load_image or load_mask of a format inherits a ``scan`` that does not fit them; its
    images and masks are loaded instead.
    """
    if depth(dataset, "scan") > min(depth(dataset, "load_image"), depth(dataset, "load_mask")):
        return scan_by_loading(dataset, image_id)
    return dataset.scan(image_id)


def depth(dataset, name):
    """Return how far up in the class hierarchy of a data set a method is defined; 0 is its own class."""
    return next(depth for depth, kind in enumerate(type(dataset).__mro__) if name in vars(kind))


def scan_by_loading(dataset, image_id):
    """Return the Scanned of an image from the results of load_image and load_mask.

    If load_image is the library's own, the ends of the file are read instead, as by scan_file.
    """
    if _reads_files(dataset):
        found = scan_file(dataset, image_id)
    else:
        found = _begin(dataset, image_id)
        try:
            found.size = load_image(dataset, image_id).shape[:2]
        except (DataError, OSError) as error:
            found.add_fault(_kind(error, "image"), found.path, error)
    if not found.size:
        return found
    try:
        masks, class_ids = load_masks(dataset, image_id)
    except (DataError, OSError) as error:
        found.add_fault(_kind(error, "mask"), found.path, error)
        return found
    if len(class_ids):
        _add_masks(found, masks, class_ids)
    return found


def _reads_files(dataset):
    """Return whether a data set's load_image is that of OrientedImages, which reads the file at "path"."""
    return depth(dataset, "load_image") >= depth(dataset, "exif_orientation")


def _kind(error, otherwise):
    return "method" if isinstance(error, ExampleError) else otherwise


def scan_file(dataset, image_id):
    """Return the Scanned, still without masks, of an image whose "path" is a file. Pixels are not decoded.

    ``size`` is None and a fault is recorded if the file cannot be read.
    """
    found = _begin(dataset, image_id)
    try:
        _require_whole(dataset.image_file(image_id) or found.path)
        found.size = tuple(dataset.image_size(image_id))
        decision = dataset.exif_orientation(image_id)
        found.orientation = decision if decision.number > 1 else None
    except (ImageError, OSError) as error:
        found.add_fault("image", found.path, error)
    return found


def add_mask_files(found, files, rescaled):
    """Add the instances of mask files to a Scanned.

    files: pairs of class id and path. rescaled: whether the data set resizes masks to their image; if not,
    they must have its size.
    """
    seen = {}
    for class_id, path in files:
        try:
            data = Path(path).read_bytes()
            facts = facts_of_file(path, data, alone=len(files) == 1)
        except (ImageError, OSError) as error:
            found.add_fault("several" if isinstance(error, SeveralInstances) else "mask", path, error)
            continue
        digest, size = hashlib.sha256(data).digest(), facts.size
        if facts.box is None:
            found.add_fault("empty", path)
        elif not (is_same_shape(size, found.size) if rescaled else tuple(size) == tuple(found.size)):
            found.add_fault("shape" if rescaled else "size", path, _sizes(size, found.size))
        else:
            if digest in seen:
                found.add_fault("twice", path, f"as {seen[digest].name}")
            _add_instance(found, class_id, facts, path, alone=len(files) == 1)
            seen.setdefault(digest, Path(path))


def _add_instance(found, class_id, facts, path, alone, detail=""):
    """Add an instance to a Scanned, and what is odd about its mask."""
    y1, x1, y2, x2 = facts.box
    down, across = found.size[0] / facts.size[0], found.size[1] / facts.size[1]
    found.instances.append((class_id, (y2 - y1) * down, (x2 - x1) * across))
    if facts.oddity:
        found.add_fault(facts.oddity, path, detail)
    if facts.pieces and alone:
        found.add_fault("pieces", path, detail)


def _begin(dataset, image_id):
    info = dataset.image_info[image_id]
    return Scanned(int(image_id), str(info.get("path") or info["id"]))


def _add_masks(found, masks, class_ids):
    """Add the instances of masks [H, W, N] to a Scanned."""
    if masks.shape[:2] != tuple(found.size):
        found.add_fault("size", found.path, _sizes(masks.shape, found.size))
        return
    alone = np.count_nonzero(class_ids > 0) == 1
    for number, class_id in enumerate(class_ids):
        facts = facts_of(masks[:, :, number])
        if facts.box is None:
            found.add_fault("empty", found.path, f"mask {number}")
        elif class_id < 0:
            found.crowds += 1
        else:
            _add_instance(found, int(class_id), facts, found.path, alone, f"mask {number}")


def _require_whole(source):
    """Raise ImageError if a photograph is cut short or no image. source: its path, or an open file."""
    read_size(source)
    with contextlib.nullcontext(source) if hasattr(source, "read") else open(source, "rb") as file:
        file.seek(0)
        head = file.read(4)
        file.seek(max(0, file.seek(0, io.SEEK_END) - _TAIL))
        tail = file.read()
    end = next((end for start, end in _ENDS.items() if head.startswith(start)), None)
    if end is None or end not in tail:
        read_image(source)  # raises an error that names the fault, if any


def _sizes(mask, image):
    return f"{mask[1]} x {mask[0]}, its image {image[1]} x {image[0]}"


def _text(detail, path):
    """Return a text, or an error's text without its path, which the line begins with anyway."""
    return str(detail).removeprefix(f"{path}: ").rstrip(".") if isinstance(detail, Exception) else detail
