"""Find images and name output files. This uses names only, so mistakes show before a backend starts."""

import os
import sys
from collections import Counter
from glob import glob, has_magic
from pathlib import Path

from mrcnn.datasets.folders import IMAGE_SUFFIXES, files_in, folders_in, images_in, is_hidden, is_image
from mrcnn.datasets.writers.names import safe_name
from mrcnn.detection.addresses import file_name, is_address
from mrcnn.detection.clips import Clip, is_video
from mrcnn.detection.writers.photograph import Photograph

STANDARD_INPUT = "standard input"  # its name in results; on the command line it is "-"
_CAMERA_DIGITS = 3
_NAME_VIDEOS = "name videos themselves to detect in their frames"


class InputError(ValueError):
    """Raised when a given path has no image."""


def find_images(names, recursive=False, out=None):
    """Find the images of a list of files, folders, patterns and addresses, each once, in a stable order.

    Files become Paths. An address, and "-" for standard input, remain texts. A number that no file has is
    that of a camera, an int; it goes on for ever, so it is the only name. A video is found by its own name or
    a pattern, not by its folder. recursive: search the folders within folders, except ``out``, that of the
    results. Raises InputError for a name without any file.
    """
    found = list(dict.fromkeys(path for name in names for path in _images_of(name, recursive, out)))
    cameras = [path for path in found if isinstance(path, int)]
    if cameras and len(found) > 1:
        raise InputError(f"{cameras[0]}: a camera goes on until you stop it, so it must be the only input.")
    return found


def is_clip(path):
    """Return whether one of find_images is a video or a camera."""
    return isinstance(path, int) or (isinstance(path, Path) and is_video(path))


def passed_over(names, recursive=False, out=None):
    """Return a line for each of the given folders in which find_images, which see, leaves something out."""
    lines = []
    for folder in (Path(name) for name in names if Path(name).is_dir()):
        parts = _left_out(_searched(folder, recursive, out), [] if recursive else folders_in(folder))
        if parts:
            *first, last = parts
            lines.append(f"{folder}: left out {' and '.join([', '.join(first), last] if first else [last])}")
    return lines


def _left_out(searched, below):
    """Return what is left out of some folders, as texts. below: folders that are not searched."""
    others = [path for place in searched for path in files_in(place) if not is_image(path)]
    videos = sum(map(is_video, others))
    kinds = Counter(path.suffix.lower() or path.name for path in others if not is_video(path))
    parts = []
    if below:
        parts.append(f"{_counted(len(below), 'folder')} in it (--recursive searches them)")
    if videos:
        parts.append(f"{_counted(videos, 'video')} ({_NAME_VIDEOS})")
    if kinds:
        suffixes = ", ".join(kind for kind, _ in kinds.most_common(4)) + ", ..." * (len(kinds) > 4)
        parts.append(f"{_counted(kinds.total(), 'file')} that {_is(kinds.total())} no image ({suffixes})")
    return parts


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
        if is_video(Path(file_name(name))):
            raise InputError(f"{name}: videos are read from files; download it first.")
        return [name]
    if name == "-":
        return [_standard_input()]
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        paths = [image for place in _searched(path, recursive, out) for image in images_in(place)]
        fault = f"the folder holds no image ({', '.join(IMAGE_SUFFIXES)})"
        if any(is_video(file) for file in files_in(path)):
            fault += f"; {_NAME_VIDEOS}"
        if not recursive and folders_in(path):
            fault += "; --recursive searches its folders, too"
    elif has_magic(name):
        paths = [p for p in map(Path, glob(name, recursive=True)) if p.is_file()]
        fault = "no file matches this pattern"
    elif name.isascii() and name.isdecimal() and len(name) <= _CAMERA_DIGITS:
        return [int(name)]
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
    """Return a Photograph of each path or text of find_images, and a Clip of each video or camera.

    Its stem is that of the file, with a number if it is taken. Those of a video's frames are its own.
    folders: in which a PNG, or an MP4 file of a video, may be written that is named by the stem; none of them
    becomes one of the paths.
    """
    given = {_key(path) for path in paths if isinstance(path, Path)}
    names = Counter(_stem_of(path).casefold() for path in paths)
    folders, stems, numbers, found = [folder.resolve() for folder in folders], set(), Counter(), []
    for path in paths:
        name, suffix = _stem_of(path), ".mp4" if is_clip(path) else ".png"
        stem, key = name, name.casefold()
        numbers[key] = max(numbers[key], 1)
        while (
            stem.casefold() in stems
            or any(_key(folder / f"{stem}{suffix}") in given for folder in folders)
            or (is_clip(path) and any(_is_frame(other, stem.casefold()) for other in names))
        ):
            numbers[key] += 1
            stem = f"{name}_{numbers[key]}"
        stems.add(stem.casefold())
        found.append(_named(path, stem))
    return found


def _named(path, stem):
    """Return the Photograph or the Clip of one of find_images."""
    if isinstance(path, int):
        return Clip(f"camera {path}", stem, camera=path)
    if is_clip(path):
        return Clip(str(path), stem, path)
    is_file = isinstance(path, Path)
    return Photograph(STANDARD_INPUT if path == "-" else str(path), stem, path if is_file else None)


def _is_frame(name, stem):
    """Return whether a stem could be that of a frame of a Clip with another stem."""
    return name.startswith(f"{stem}_") and name.removeprefix(f"{stem}_").isdecimal()


def _stem_of(path):
    """Return the stem that a path, an address, a camera or "-" suggests for the names of output files."""
    if isinstance(path, int):
        return f"camera{path}"
    if isinstance(path, Path):
        return path.stem
    return "standard_input" if path == "-" else safe_name(Path(file_name(path)).stem)


def _key(path):
    """Return what is equal for paths of one file, also where the system ignores the case of letters."""
    return str(path.resolve()).casefold()
