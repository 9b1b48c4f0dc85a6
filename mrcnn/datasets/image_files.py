"""Find photographs: those that annotation files name, and those in a folder."""

import os
import re
import unicodedata

from mrcnn.datasets.folders import IMAGE_SUFFIXES, is_hidden


def list_images(folder):
    """Return the paths, as text, of the images in a folder and below it, without hidden ones."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        found += [os.path.join(place, name) for name in sorted(names) if _is_image(name)]
    return found


def _is_image(name):
    return not is_hidden(name) and name.lower().endswith(IMAGE_SUFFIXES)


class ImageFinder:
    """Finds images by the names in annotation files. Each folder is listed once, so that many are fast.

    folders: where to look, in this order. A name may have folders of its own, as on Windows too. If it is
    not there, its last part alone is looked for: annotations often keep the path of another machine.
    """

    def __init__(self, folders):
        self.folders = [os.fspath(folder) for folder in dict.fromkeys(folders)]
        self._listings = {}

    def find(self, name):
        """Return the path of an image as text, or None if it is in none of the folders."""
        last = re.split(r"[/\\]", name)[-1]
        for spelling in dict.fromkeys((name, name.replace("\\", "/"), last)):
            for folder in self.folders:
                path = self._in_folder(os.path.normpath(os.path.join(folder, spelling)))
                if path:
                    return path
        return None

    def places(self):
        """Name the folders in which images are looked for, those that exist, as text."""
        return ", ".join(folder for folder in self.folders if os.path.isdir(folder)) or "no folder"

    def _in_folder(self, path):
        folder, name = os.path.split(path)
        if folder not in self._listings:
            self._listings[folder] = _list_files(folder or ".")
        found = self._listings[folder].get(_composed(name))
        return found and os.path.join(folder, found)


def _list_files(folder):
    """Return the names of the files in a folder by their composed form; none if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {_composed(entry.name): entry.name for entry in entries if entry.is_file()}
    except (OSError, ValueError):  # ValueError: characters that no path can hold
        return {}


def _composed(name):
    """Return a name with each letter and its accents as one character; macOS writes them as several."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
