"""Take values out of the records of annotation files; what is wrong is named with its place.

where: the file and the record, the beginning of every message, for example "a.json: shape 3".
"""

import os
from pathlib import Path

import numpy as np

from mrcnn.datasets.coco_json import text_of
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.rings import FARTHEST
from mrcnn.files import FileError, read_json

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


def class_name(text, where):
    """Return the name of a class, without space around it. Raises DatasetError if it cannot be shown."""
    text = text.strip()
    try:
        return text and text_of({"class": text}, "class")
    except ValueError as error:
        raise DatasetError(f"{where} {error}; {ADVICE}.") from error


def key_of(path, root):
    """Return the name of a file within a data set: its path from the root, or from the folder of a file."""
    folder = root if root.is_dir() else root.parent
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return Path(path).as_posix()
