"""Find COCO's annotation files below a folder, their splits, and the folders of their images."""

import re
from dataclasses import dataclass
from pathlib import Path

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import SPLITS, files_in, folders_in, split_of

ROBOFLOW = "_annotations.coco.json"
FORM = (
    f"annotations/instances_<split>.json, <split>/{ROBOFLOW}, or one JSON file with images, annotations and "
    "categories"
)
_READ = 65_536  # bytes at either end of a file in which its keys are looked for
_TRIED = 50  # JSON files of a folder that are looked into: a folder of labelme has thousands
_FIRST_KEY = re.compile(rb'\s*\{\s*"([^"]*)"\s*:\s*(\[?)')
_LONG = (
    b"images",
    b"annotations",
)  # lists that may fill both ends of a file; one of classes alone is not COCO
_KEYS = re.compile(rb'"(images|annotations|categories)"\s*:\s*\[')


class Ambiguous(DatasetError):
    """Several annotation files are there, and it is not clear which one is meant."""


@dataclass(frozen=True)
class Source:
    """An annotation file and the folders in which its images may be, the likeliest first."""

    path: Path
    folders: tuple


def find_sources(root, options):
    """Return a dict from split to Source; the one key is None for data without splits.

    root: a folder or a JSON file. options: an annotated.Options. Raises DatasetError if there is no
    annotation file, and Ambiguous.
    """
    if root.is_file():
        return {None: Source(root, _image_folders(root.parent, root, None, options))}
    for paths in (_of_coco(root), _of_roboflow(root), _json_files(root)):
        if paths:
            by_split = _by_split(root, paths)
            return {
                split: Source(path, _image_folders(root, path, split, options))
                for split, path in by_split.items()
            }
    what = "no COCO annotation file" if root.is_dir() else "there is no such file or folder"
    raise DatasetError(f"{root}: {what}; looked for {FORM}.")


def looks_like_coco(path):
    """Return whether a JSON file begins like COCO's; at most its ends are read."""
    try:
        with open(path, "rb") as file:
            head = file.read(_READ).removeprefix(b"\xef\xbb\xbf")
            file.seek(max(0, file.seek(0, 2) - _READ))
            tail = file.read()
    except OSError:
        return False
    first = _FIRST_KEY.match(head)
    if not first:
        return False
    return (first[1] in _LONG and bool(first[2])) or len(set(_KEYS.findall(head + tail))) >= 2


def _of_coco(root):
    """Return the files of COCO's own layout, where other files describe captions and persons' joints."""
    files = _json_files(root / "annotations")
    return [path for path in files if path.name.startswith("instances_")] or files


def _of_roboflow(root):
    """Return one file a split from the folders of splits."""
    found = []
    for folder in folders_in(root):
        if split_of(folder.name):
            own = folder / ROBOFLOW
            found += [own] if own.is_file() else _json_files(folder)
    return found


def _json_files(folder):
    """Return the JSON files of a folder that look like COCO's or have COCO's names.

    A file alone in its folder is taken as it is, so that damage to it is reported.
    """
    files = [path for path in files_in(folder) if path.suffix.lower() == ".json"]
    if len(files) == 1:
        return files
    return [path for path in files[:_TRIED] if _is_named(path) or looks_like_coco(path)]


def _is_named(path):
    return path.name == ROBOFLOW or path.name.startswith("instances_")


def _by_split(root, paths):
    """Return a dict from split to path. Raises DatasetError if several files claim one split."""
    if len(paths) == 1 and not _is_named(paths[0]) and not split_of(paths[0].parent.name):
        return {None: paths[0]}  # alone, it is of all images, whatever its name
    by_split = {}
    for path in paths:
        by_split.setdefault(_split_of_file(root, path), []).append(path)
    if "train" in by_split:
        by_split.pop(None, None)  # such as trainval.json beside train.json and val.json
    for split, claimed in by_split.items():
        if len(claimed) > 1 or (split is None and len(by_split) > 1):
            names = ", ".join(str(path.relative_to(root)) for path in paths)
            what = f"several files of the split {split}" if split else "several annotation files"
            raise Ambiguous(f"{root}: {what}: {names}; give the path of one of them as --dataset.")
    return {split: by_split[split][0] for split in (*SPLITS, None) if split in by_split}


def _split_of_file(root, path):
    """Return the split that a file's name or folder contains: train for instances_train2017.json."""
    words = re.split(r"[^A-Za-z]+", path.stem)
    if path.parent.parent == root:
        words.append(path.parent.name)
    return next((split for split in map(split_of, words) if split), None)


def _image_folders(root, path, split, options):
    """Return the folders in which the images of an annotation file may be."""
    names = [path.stem.removeprefix("instances_")]  # train2017
    if split:
        names += [folder.name for folder in folders_in(root) if split_of(folder.name) == split]
        names += [folder.name for folder in folders_in(root / "images") if split_of(folder.name) == split]
    if options.images is not None:
        given = Path(options.images)
        return (*(given / name for name in names), given)
    beside = path.parent
    # CVAT has images in images/, FiftyOne in data/.
    tops = (root, root / "images", root / "data", beside, beside / "images", beside.parent)
    return (*(top / name for top in tops for name in names), *tops, beside.parent / "images")
