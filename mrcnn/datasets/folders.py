"""Find the folder of a split, and list the folders in a folder."""

import os
from pathlib import Path

from mrcnn.datasets.errors import DatasetError

# The folder of a split may have the split's name, that of Open Images, or that of Roboflow.
SPLIT_NAMES = {
    "val": ("val", "validation", "valid"),
    "validation": ("validation", "val", "valid"),
}
SHOWN = 12  # names that an error lists
SPLITS = ("train", "val", "test")
# Of the files that Pillow reads, those that hold photographs or masks, in lower case.
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jp2", ".avif",
)  # fmt: skip


# Files that systems put into folders by themselves. They are no data.
_OF_SYSTEMS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}


def is_hidden(name):
    """Return whether a file or folder is no data: its name begins with a dot, or a system made it.

    macOS makes ``.DS_Store`` and, on drives of other systems, a ``._photo.jpg`` beside each ``photo.jpg``.
    """
    return name.startswith(".") or name.lower() in _OF_SYSTEMS or name == "__MACOSX"


def files_in(folder):
    """Return the files of a folder that are not hidden, sorted; none if there is no such folder."""
    return _entries(folder, os.DirEntry.is_file)


def folders_in(folder):
    """Return the folders of a folder that are not hidden, sorted; none if there is no such folder."""
    return _entries(folder, os.DirEntry.is_dir)


def _entries(folder, is_kind):
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if is_kind(entry) and not is_hidden(entry.name))


def images_in(folder):
    """Return the image files of a folder, by their suffix in any case, sorted; none if there is no folder."""
    return [path for path in files_in(folder) if is_image(path)]


def is_image(path):
    """Return whether a path has the suffix of an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def split_of(name):
    """Return which of SPLITS the name of a folder or of a part of a file's name means, or None."""
    name = name.lower()
    return next((split for split in SPLITS if name in SPLIT_NAMES.get(split, (split,))), None)


def splits_in(root):
    """Return the names of the splits of which ``root`` has a folder, in the order of SPLITS."""
    found = {split_of(path.name) for path in folders_in(root)}
    return [split for split in SPLITS if split in found]


def split_folder(root, split):
    """Return the folder of a split below ``root``, or the root itself for None. Raises DatasetError."""
    if not root.is_dir():
        raise DatasetError(f"{root}: there is no such folder.")
    if split is None:
        return root
    for name in SPLIT_NAMES.get(split, (split,)):
        if (root / name).is_dir():
            return root / name
    raise DatasetError(f"{root}: no split {split!r}; it holds {folder_names(root)}.")


def folder_names(folder):
    """Name the folders in a folder, or the first few of many, as text."""
    names = [path.name for path in folders_in(folder)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more or "no folders"
