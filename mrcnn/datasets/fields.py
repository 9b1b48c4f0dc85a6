"""Take values out of the records of annotation files; what is wrong is named with its place.

where: the file and the record, the beginning of every message, for example "a.json: shape 3".
"""

import os
from pathlib import Path

import numpy as np

from mrcnn.datasets.errors import DatasetError
from mrcnn.files import FileError, read_json

# No image is this large, in pixels, and a mask of such an outline would not fit into memory.
FARTHEST = 1e6
ADVICE = "correct it, or export the annotations again"
_REQUIRED = object()
_WORDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "a yes or no",
}


def read_annotations(path, kind=dict):
    """Return the content of a JSON file. Raises DatasetError, see files.read_json."""
    try:
        return read_json(path, kind)
    except FileError as error:
        raise DatasetError(str(error)) from error


def field(record, name, kinds, where, default=_REQUIRED):
    """Return ``record[name]`` if it has one of some types. kinds: a type or a tuple.

    default: the value for a field that is missing or null; without it, this is an error.
    Raises DatasetError.
    """
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    value = record.get(name)
    if value is None:
        if default is not _REQUIRED:
            return default
        raise DatasetError(f"{where}: {name!r} is missing; {ADVICE}.")
    return of_kind(value, kinds, f"{where}: {name!r}")


def of_kind(value, kinds, where):
    """Return a value if it has one of some types, a tuple. Raises DatasetError."""
    if isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)):
        return value
    wanted = " or ".join(dict.fromkeys(_WORDS[kind] for kind in kinds))
    raise DatasetError(f"{where} is {value!r:.40} instead of {wanted}; {ADVICE}.")


def number(record, name, where, default=_REQUIRED):
    """Return a field that holds a coordinate or a length in pixels. Raises DatasetError."""
    value = field(record, name, (int, float), where, default)
    return value if value is default else coordinate(value, f"{where}: {name!r}")


def coordinate(value, where):
    """Return a number that may be a coordinate in pixels. Raises DatasetError."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= FARTHEST:
        raise DatasetError(f"{where} is {value!r:.40}, which is no coordinate in an image; {ADVICE}.")
    return float(value)


def coordinates(values, where):
    """Return a list of numbers as an array of coordinates in pixels. Raises DatasetError."""
    return np.array([coordinate(value, where) for value in of_kind(values, (list,), where)], np.float64)


def find_image(name, folders):
    """Return the path of an image that an annotation file names, or None if there is no such file.

    name: a file name, perhaps with folders of the machine on which it was annotated, with slashes or
    backslashes. folders: where to look; each is tried with the whole name first, then with its last part.
    """
    parts = name.replace("\\", "/").split("/")
    for folder in folders:
        for tail in dict.fromkeys(("/".join(parts), parts[-1])):
            path = os.path.join(folder, tail)
            if tail and os.path.isfile(path):  # also false for names that the system does not allow
                return Path(path)
    return None


def key_of(path, root):
    """Return the name of a file within a data set: its path from the root, or from the folder of a file."""
    folder = root if root.is_dir() else root.parent
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return Path(path).as_posix()
