"""YOLO's data.yaml: the names of the classes, and the images of each split."""

import os
from dataclasses import dataclass
from pathlib import Path

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import SPLITS, images_in
from mrcnn.datasets.image_files import list_images
from mrcnn.files import FileError, read_text, read_yaml

FORM = "a YAML file with names and train, such as data.yaml, or classes.txt beside images and labels"
_USUAL = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_TRIED = 20  # other YAML files of a folder that are looked into


@dataclass(frozen=True)
class Description:
    """What data.yaml says. path: the file. names: of classes, by id.

    places: by split, or None for all images, the files and folders that list its images.
    base: the folder from which places are counted.
    """

    path: Path
    names: dict
    places: dict
    base: Path


def describe(root):
    """Return the Description of a data set. Raises DatasetError with the file and what is wrong in it."""
    path = find_yaml(root)
    if path is None:
        return _without_yaml(root)
    content = _read(read_yaml, path)
    if not isinstance(content, dict):
        raise DatasetError(f"{path}: it is no mapping with names and train; correct it.")
    if "kpt_shape" in content:
        raise DatasetError(f"{path}: its labels are of key points (kpt_shape), which are no outlines.")
    base = path.parent / _text(content.get("path") or ".", path, "path")
    if not os.path.isdir(base):  # ultralytics counts it from a folder of its own
        base = path.parent
    places = {}
    for split, keys in zip(SPLITS, (("train",), ("val", "valid", "validation"), ("test",))):
        value = next((content[key] for key in keys if content.get(key)), None)
        values = value if isinstance(value, list) else [value] if value else []
        if values:
            places[split] = [_text(item, path, keys[0]) for item in values]
    found = Description(path, _names(content.get("names"), path), places, base)
    if "test" in places and not any(_find(found, place) for place in places["test"]):
        del places["test"]  # exports name it in any case
    return found


def find_yaml(root):
    """Return the file that describes a data set, or None."""
    if root.is_file():
        return root if root.suffix in (".yaml", ".yml") else None
    others = [*sorted(root.glob("*.yaml")), *sorted(root.glob("*.yml"))][:_TRIED]
    found = [root / name for name in _USUAL if (root / name).is_file()]
    return next(iter(found or filter(describes, others)), None)


def describes(path):
    """Return whether a YAML file has the keys of YOLO's."""
    try:
        content = read_yaml(path)
    except FileError:
        return False
    return isinstance(content, dict) and "names" in content and not content.keys().isdisjoint(SPLITS)


def has_only_names(root):
    """Return whether a folder has classes.txt, images and labels, as labelling tools export them.

    Images and labels may be in folders of these names, or side by side in the folder itself.
    """
    if not (root / "classes.txt").is_file():
        return False
    in_folders = (root / "images").exists() and (root / "labels").exists()
    return in_folders or any(path.with_suffix(".txt").is_file() for path in images_in(root))


def images_of(description, split):
    """Return the paths of a split's images, as text; one in a list may not exist. Raises DatasetError."""
    found = []
    for place in description.places[split]:
        path = _find(description, place)
        if path is None:
            raise DatasetError(
                f"{description.path}: {split}: there is no {place!r:.200} in {description.base}; correct the "
                "path, or delete the line."
            )
        if path == Path(path.anchor):  # its images are those of the whole computer
            raise DatasetError(
                f"{description.path}: {split} is {place!r}, the root of all files; name the images' folder."
            )
        found += list_images(path) if path.is_dir() else _listed(path, description.base)
    return found


def _without_yaml(root):
    if not has_only_names(root):
        what = "no such file or folder" if not root.exists() else "no data.yaml"
        raise DatasetError(f"{root}: {what}; looked for {FORM}.")
    path = root / "classes.txt"
    names = [line.strip() for line in _read(read_text, path).splitlines()]
    place = "images" if (root / "images").exists() else "."
    return Description(path, _names([name for name in names if name], path), {None: [place]}, root)


def _names(names, path):
    """Return {id: name} from a list or a mapping."""
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise DatasetError(f"{path}: it has no names; list the names of the classes, names: [date, fig].")
    found = {}
    for key, name in names.items():
        number = int(key) if isinstance(key, str) and key.isdecimal() and len(key) < 10 else key
        if type(number) is not int or number < 0 or number in found:
            raise DatasetError(f"{path}: names: {key!r:.40} is no number of a class; count them from 0.")
        found[number] = _text(name, path, f"names: {number}")
    return dict(sorted(found.items()))


def _text(value, path, key):
    """Return a value that must be text, or a number that is meant as one. Raises DatasetError."""
    if type(value) in (int, float):
        value = str(value)
    if type(value) is not str or not value.strip() or not value.isprintable():
        raise DatasetError(f"{path}: {key}: {value!r:.40} is no text; correct it, or put it in quotes.")
    return value.strip()


def _find(description, place):
    """Return the path of a place, or None. Roboflow counts from a folder deeper than the one it writes to."""
    bases = tuple(dict.fromkeys((description.base, description.path.parent)))
    return next(filter(None, (_existing(bases, name) for name in _spellings(place))), None)


def _spellings(place):
    """Yield the ways to read a place: as it is, as on Windows, and below a folder of another machine."""
    yield from (place, place.removeprefix("../"))
    parts = place.replace("\\", "/").split("/")
    yield "/".join(parts)
    if parts[0] == "" or parts[0].endswith(":"):  # absolute
        yield from ("/".join(parts[start:]) for start in range(1, len(parts)) if parts[start])


def _existing(bases, name):
    for base in bases:
        try:
            if (base / name).exists():
                return base / name
        except OSError:  # a name that no file can have
            continue
    return None


def _listed(path, base):
    """Return the images in a text file of paths, which are counted from it if they begin with ./"""
    found = []
    for line in filter(None, map(str.strip, _read(read_text, path).splitlines())):
        bases = (path.parent,) if line.startswith("./") else (base, path.parent)
        place = next(filter(None, (_existing(bases, name) for name in _spellings(line))), path.parent / line)
        found.append(os.path.normpath(place))
    return found


def _read(function, path):
    try:
        return function(path)
    except FileError as error:
        raise DatasetError(str(error)) from error
