"""Recognise the format of a data set by its files."""

import os
from collections import Counter
from pathlib import Path

from mrcnn.datasets import FORMATS
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import files_in
from mrcnn.datasets.formats import find_format
from mrcnn.files import FileError, read_json, read_yaml

AUTO = "auto"  # the LAYOUT that is recognised
_LOOKED_AT = 20_000  # files and folders that a message counts
_TRIED, _QUICK = 50, 5_000_000  # files that are read to find damage, and their bytes
_NAMED = 5  # folders and kinds of files that a message names


def recognise(root):
    """Return the layouts that a path may have, the likeliest first, in the order of FORMATS.

    root: a folder or a file. Raises DatasetError if there is none; its message says what is there and what
    each format looks for.
    """
    root = Path(root)
    if not root.exists():
        raise DatasetError(f"{root}: there is no such file or folder.")
    found = [layout for layout in FORMATS if find_format(layout).recognises(root)]
    if not found:
        raise DatasetError(*_unrecognised(root))
    return found


def title_of(layout):
    """Return what messages call a layout: a format's title, or module:Class."""
    return (find_format(layout).title if layout in FORMATS else "") or layout


def _unrecognised(root):
    what = "this folder" if root.is_dir() else "this file"
    held = " ".join([describe(root), *_damaged(root)])
    lines = [f"{root}: no format recognises {what}. {held} LAYOUT=NAME forces a format:"]
    lines += [f"  {layout} looks for {find_format(layout).looks_for}" for layout in FORMATS]
    return [*lines, "  my_module:MyDataset is a class of your own, see docs/extending.md"]


def _damaged(root):
    """Return what is wrong with the first files of annotations that cannot be read, as sentences."""
    found = []
    for path in [root] if root.is_file() else files_in(root)[:_TRIED]:
        read = {".json": read_json, ".yaml": read_yaml, ".yml": read_yaml}.get(path.suffix.lower())
        if read and path.stat().st_size < _QUICK:
            try:
                read(path)
            except FileError as error:
                found.append(str(error))
    return found[:_NAMED]


def describe(root):
    """Say in a sentence or two what a folder holds: numbers and kinds of files, and folders."""
    if not root.is_dir():
        return f"It has {root.stat().st_size:,} bytes."
    kinds, folders, seen = Counter(), [], 0
    for place, below, files in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith("."))
        kinds.update(Path(name).suffix.lower() or "no suffix" for name in files if name[0] != ".")
        folders += [os.path.relpath(os.path.join(place, name), root) for name in below]
        seen += len(files)
        if seen > _LOOKED_AT:
            break
    most = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    files = _listed([f"{count} {kind}" for kind, count in most], "kinds")
    held = f"files: {files}" if files else "no files"
    if folders:
        held += f"; folders: {_listed(folders, 'folders')}"
    return f"It holds {'more than ' if seen > _LOOKED_AT else ''}{held}."


def _listed(names, what):
    more = f" and {len(names) - _NAMED} more {what}" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
