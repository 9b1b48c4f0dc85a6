"""Find image files and name output files. This uses paths only, so mistakes show before a backend starts."""

from collections import Counter
from glob import glob, has_magic
from pathlib import Path

from mrcnn.datasets.folders import IMAGE_SUFFIXES, files_in, folders_in, images_in, is_image
from mrcnn.detection.writers.photograph import Photograph


class InputError(ValueError):
    """Raised when a given path has no image."""


def find_images(names):
    """Find the image files of a list of files, folders and patterns, each once, in a stable order.

    Raises InputError for a name without any file.
    """
    found = [path for name in names for path in _files_of(name)]
    return list(dict.fromkeys(found))


def passed_over(names):
    """Return a line for each of the given folders in which find_images leaves something out."""
    lines = []
    for folder in (Path(name) for name in names if Path(name).is_dir()):
        below = folders_in(folder)
        kinds = Counter(path.suffix.lower() or path.name for path in files_in(folder) if not is_image(path))
        parts = []
        if below:
            parts.append(
                f"{_counted(len(below), 'folder')} in it (to search them: '{folder / '**' / '*.jpg'}')"
            )
        if kinds:
            suffixes = ", ".join(kind for kind, _ in kinds.most_common(4)) + ", ..." * (len(kinds) > 4)
            parts.append(f"{_counted(kinds.total(), 'file')} that {_is(kinds.total())} no image ({suffixes})")
        if parts:
            lines.append(f"{folder}: left out {' and '.join(parts)}")
    return lines


def _counted(count, what):
    return f"{count} {what}{'s'[: count != 1]}"


def _is(count):
    return "is" if count == 1 else "are"


def _files_of(name):
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        paths, fault = images_in(path), f"the folder holds no image ({', '.join(IMAGE_SUFFIXES)})"
        if not paths and folders_in(path):
            fault += f"; for its folders, give '{path / '**' / '*.jpg'}'"
    elif has_magic(name):
        paths = [p for p in map(Path, glob(name, recursive=True)) if p.is_file()]
        fault = "no file matches this pattern"
    else:
        paths, fault = [], "there is no such file"
    if not paths:
        raise InputError(f"{name}: {fault}.")
    return sorted(paths)


def photographs(paths, folders):
    """Return a Photograph of each path. Its stem is the file's, with a number if that is taken.

    folders: in which a PNG may be written that is named by the stem; none of them becomes one of the paths.
    """
    taken = {_key(path) for path in paths}
    folders, stems, numbers, found = [folder.resolve() for folder in folders], set(), Counter(), []
    for path in paths:
        stem, key = path.stem, path.stem.casefold()
        numbers[key] = max(numbers[key], 1)
        while stem.casefold() in stems or any(_key(folder / f"{stem}.png") in taken for folder in folders):
            numbers[key] += 1
            stem = f"{path.stem}_{numbers[key]}"
        stems.add(stem.casefold())
        found.append(Photograph(str(path), stem, path))
    return found


def _key(path):
    """Return what is equal for paths of one file, also where the system ignores the case of letters."""
    return str(path.resolve()).casefold()
