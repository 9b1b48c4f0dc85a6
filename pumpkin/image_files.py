"""Find images and name output files. This uses names only, so mistakes show before a backend starts."""

import os
import sys
from collections import Counter
from glob import glob, has_magic
from pathlib import Path

from mrcnn.datasets.folders import IMAGE_SUFFIXES, files_in, folders_in, images_in, is_hidden, is_image
from mrcnn.datasets.writers.names import safe_name
from mrcnn.detection.addresses import file_name, is_address
from mrcnn.detection.writers.photograph import Photograph

STANDARD_INPUT = "standard input"  # its name in results; on the command line it is "-"


class InputError(ValueError):
    """Raised when a given path has no image."""


def find_images(names, recursive=False, out=None):
    """Find the images of a list of files, folders, patterns and addresses, each once, in a stable order.

    Files become Paths. An address, and "-" for standard input, remain texts. recursive: search the folders
    within folders, except ``out``, that of the results. Raises InputError for a name without any file.
    """
    found = [path for name in names for path in _images_of(name, recursive, out)]
    return list(dict.fromkeys(found))


def passed_over(names, recursive=False, out=None):
    """Return a line for each of the given folders in which find_images, which see, leaves something out."""
    lines = []
    for folder in (Path(name) for name in names if Path(name).is_dir()):
        searched = _searched(folder, recursive, out)
        below = [] if recursive else folders_in(folder)
        others = [path for place in searched for path in files_in(place) if not is_image(path)]
        kinds = Counter(path.suffix.lower() or path.name for path in others)
        parts = []
        if below:
            parts.append(f"{_counted(len(below), 'folder')} in it (--recursive searches them)")
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


def _searched(folder, recursive, out):
    """Return a folder and, if ``recursive``, those below it; links, hidden ones and ``out`` are left out."""
    if not recursive:
        return [folder]
    found, results = [], None if out is None else Path(out).resolve()
    for place, names, _ in os.walk(folder):
        names[:] = sorted(
            name for name in names if not is_hidden(name) and Path(place, name).resolve() != results
        )
        found.append(Path(place))
    return found


def _images_of(name, recursive, out):
    if is_address(name):
        return [name]
    if name == "-":
        return [_standard_input()]
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        paths = [image for place in _searched(path, recursive, out) for image in images_in(place)]
        fault = f"the folder holds no image ({', '.join(IMAGE_SUFFIXES)})"
        if not recursive and folders_in(path):
            fault += "; --recursive searches its folders, too"
    elif has_magic(name):
        paths = [p for p in map(Path, glob(name, recursive=True)) if p.is_file()]
        fault = "no file matches this pattern"
    else:
        paths, fault = [], "there is no such file"
    if not paths:
        raise InputError(f"{name}: {fault}.")
    return sorted(paths)


def _standard_input():
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(
            "-: standard input is no file or pipe; send the bytes of an image into this command."
        )
    return "-"


def photographs(paths, folders):
    """Return a Photograph of each path or text of find_images.

    Its stem is that of the file, with a number if it is taken.
    folders: in which a PNG may be written that is named by the stem; none of them becomes one of the paths.
    """
    taken = {_key(path) for path in paths if isinstance(path, Path)}
    folders, stems, numbers, found = [folder.resolve() for folder in folders], set(), Counter(), []
    for path in paths:
        name = _stem_of(path)
        stem, key = name, name.casefold()
        numbers[key] = max(numbers[key], 1)
        while stem.casefold() in stems or any(_key(folder / f"{stem}.png") in taken for folder in folders):
            numbers[key] += 1
            stem = f"{name}_{numbers[key]}"
        stems.add(stem.casefold())
        is_file = isinstance(path, Path)
        found.append(
            Photograph(STANDARD_INPUT if path == "-" else str(path), stem, path if is_file else None)
        )
    return found


def _stem_of(path):
    """Return the stem that a path, an address or "-" suggests for the names of output files."""
    if isinstance(path, Path):
        return path.stem
    return "standard_input" if path == "-" else safe_name(Path(file_name(path)).stem)


def _key(path):
    """Return what is equal for paths of one file, also where the system ignores the case of letters."""
    return str(path.resolve()).casefold()
