"""Find image files and name output files. This uses paths only, so mistakes show before a backend starts."""

from glob import glob, has_magic
from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")


class InputError(ValueError):
    """Raised when a given path has no image."""


def find_images(names):
    """Find the image files of a list of files, folders and patterns, each once, in a stable order.

    Raises InputError for a name without any file.
    """
    found = [path for name in names for path in _files_of(name)]
    return list(dict.fromkeys(found))


def _files_of(name):
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        # macOS creates files like ._photo.jpg that are not images.
        paths = [p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
        fault = f"the folder holds no image ({', '.join(SUFFIXES)})"
    elif has_magic(name):
        paths = [p for p in map(Path, glob(name, recursive=True)) if p.is_file()]
        fault = "no file matches this pattern"
    else:
        paths, fault = [], "there is no such file"
    if not paths:
        raise InputError(f"{name}: {fault}.")
    return sorted(paths)


def picture_paths(paths, folder):
    """Return a PNG path in a folder for each image; equal names from different folders get numbers."""
    taken = {path.resolve() for path in paths}  # never overwrite an input
    pictures = []
    for path in paths:
        number, picture = 1, folder / f"{path.stem}.png"
        while picture.resolve() in taken:
            number += 1
            picture = folder / f"{path.stem}_{number}.png"
        taken.add(picture.resolve())
        pictures.append(picture)
    return pictures
