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
    not there, its last part alone is looked for: annotations often keep the path of another machine. If that
    is not there either, the case of letters does not count, as on the systems where many annotate.
    """

    def __init__(self, folders):
        self.folders = [os.fspath(folder) for folder in dict.fromkeys(folders)]
        self._listings, self._folded = {}, {}

    def find(self, name):
        """Return the path of an image as text, or None if it is in none of the folders."""
        last = re.split(r"[/\\]", name)[-1]
        spellings = dict.fromkeys((name, name.replace("\\", "/"), last))
        for look in (self._exactly, self._in_any_case):
            for spelling in spellings:
                for folder in self.folders:
                    place, last = os.path.split(os.path.normpath(os.path.join(folder, spelling)))
                    found = look(place, _composed(last))
                    if found:
                        return os.path.join(place, found)
        return None

    def places(self):
        """Name the folders in which images are looked for, those that exist, as text."""
        return ", ".join(folder for folder in self.folders if os.path.isdir(folder)) or "no folder"

    def _exactly(self, folder, name):
        return self._listing(folder).get(name)

    def _in_any_case(self, folder, name):
        if folder not in self._folded:
            self._folded[folder] = _without_case(self._listing(folder))
        return self._folded[folder].get(name.casefold())

    def _listing(self, folder):
        if folder not in self._listings:
            self._listings[folder] = _list_files(folder or ".")
        return self._listings[folder]


def _list_files(folder):
    """Return the names of the files in a folder by their composed form; none if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {_composed(entry.name): entry.name for entry in entries if entry.is_file()}
    except (OSError, ValueError):  # ValueError: characters that no path can hold
        return {}


def _without_case(listing):
    """Return the names of files by their form without case, if that is one file's alone."""
    found = {}
    for key, name in listing.items():
        found.setdefault(key.casefold(), []).append(name)
    return {key: names[0] for key, names in found.items() if len(names) == 1}


def _composed(name):
    """Return a name with each letter and its accents as one character; macOS writes them as several."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
