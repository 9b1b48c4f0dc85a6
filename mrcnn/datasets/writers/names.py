"""File names that every system can hold, and that differ from each other."""

import re
import unicodedata
from pathlib import Path

_LONGEST = 100  # characters; names of masks add some, and systems allow 255 bytes
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # of Windows


def safe_name(text):
    """Return a name like a text, without characters and forms that a system forbids."""
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", text)).strip(" .")[:_LONGEST].rstrip(" .")
    return f"_{text}" if not text or _RESERVED.fullmatch(text) else text


class Names:
    """Gives each image of a split a file name whose stem no other has, in upper or lower case."""

    def __init__(self):
        self._used = set()

    def unique(self, path, suffix):
        """Return a name for the image at a path: its own, or with its folder's name or a number before it."""
        path = Path(path)
        stem = safe_name(path.stem)
        for candidate in (stem, safe_name(f"{path.parent.name}_{path.stem}")):
            if self._take(candidate):
                return candidate + suffix
        number = 2
        while not self._take(f"{stem}-{number}"):
            number += 1
        return f"{stem}-{number}{suffix}"

    def _take(self, stem):
        if stem.lower() in self._used:
            return False
        self._used.add(stem.lower())
        return True
