"""Find the files of a data set of labelme's."""

import os
import re

from mrcnn.datasets.folders import folders_in, is_hidden, split_of

_HEAD = 4096  # bytes at each end of a file in which labelme is recognised
_SHAPES = re.compile(r'"shapes"\s*:')


def looks_like_labelme(path):
    """Return whether the first or last kilobytes of a JSON file look like labelme's."""
    try:
        with open(path, "rb") as file:
            text = file.read(_HEAD)
            # A file that has its image first, as some tools write it, ends with the names.
            file.seek(max(len(text), file.seek(0, os.SEEK_END) - _HEAD))
            text = (text + file.read()).decode("utf-8", errors="replace")
    except OSError:
        return False
    # Many points before imagePath, and the image after it, can leave neither end with that name.
    return '"imagePath"' in text or bool(
        _SHAPES.search(text) and ('"points"' in text or '"imageData"' in text)
    )


def some_of(root):
    """Yield the first JSON file of a folder and of each folder below it."""
    if root.is_dir():
        for folder in (root, *folders_in(root)):
            first = next((path for path in sorted(folder.glob("*.json")) if _is_visible(path, root)), None)
            if first is not None:
                yield first


def _is_visible(path, root):
    return not any(is_hidden(part) for part in path.relative_to(root).parts)


def split_folders(root):
    """Return pairs (split, folder) of the folders of splits."""
    return [(split_of(folder.name), folder) for folder in folders_in(root) if split_of(folder.name)]


def json_files(folder):
    """Yield the JSON files in a folder and below it, or the one file itself."""
    if folder.is_file():
        yield folder
    yield from (path for path in sorted(folder.rglob("*.json")) if _is_visible(path, folder))
