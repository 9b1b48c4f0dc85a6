"""The folders of a data set: where a split is, and which names stand in a folder."""

from mrcnn.datasets.errors import DatasetError

# A split may stand under its own name or under Open Images'.
SPLIT_NAMES = {"val": ("val", "validation"), "validation": ("validation", "val")}
SHOWN = 12  # names that an error lists


def split_folder(root, split):
    """The folder of a split below ``root``; None means the root itself. Raises DatasetError."""
    if not root.is_dir():
        raise DatasetError(f"{root}: there is no such folder.")
    if split is None:
        return root
    for name in SPLIT_NAMES.get(split, (split,)):
        if (root / name).is_dir():
            return root / name
    raise DatasetError(f"{root}: no split {split!r}; it holds {folder_names(root)}.")


def folder_names(folder):
    """The names of the folders in a folder as text, of many the first few."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more or "no folders"
