"""The folders of a data set's splits."""

from mrcnn.datasets.errors import DatasetError

# A split may stand under its own name or under Open Images'.
SPLIT_NAMES = {"val": ("val", "validation"), "validation": ("validation", "val")}


def split_folder(root, split):
    if not root.is_dir():
        raise DatasetError(f"{root}: there is no such folder.")
    if split is None:
        return root
    for name in SPLIT_NAMES.get(split, (split,)):
        if (root / name).is_dir():
            return root / name
    raise DatasetError(f"{root}: no split {split!r}; it holds {folder_names(root)}.")


def folder_names(folder):
    return ", ".join(sorted(path.name for path in folder.iterdir() if path.is_dir())) or "no folders"
