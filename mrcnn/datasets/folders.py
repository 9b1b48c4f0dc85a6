"""Find the folder of a split, and list the folders in a folder."""

from mrcnn.datasets.errors import DatasetError

# The folder of a split may have the split's name, that of Open Images, or that of Roboflow.
SPLIT_NAMES = {
    "val": ("val", "validation", "valid"),
    "validation": ("validation", "val", "valid"),
}
SHOWN = 12  # names that an error lists
SPLITS = ("train", "val", "test")


def split_of(name):
    """Return which of SPLITS the name of a folder or of a part of a file's name means, or None."""
    name = name.lower()
    return next((split for split in SPLITS if name in SPLIT_NAMES.get(split, (split,))), None)


def splits_in(root):
    """Return the names of the splits of which ``root`` has a folder, in the order of SPLITS."""
    found = {split_of(path.name) for path in root.iterdir() if path.is_dir()} if root.is_dir() else set()
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
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more or "no folders"
