"""Open Images' two lists of classes: fetched once, and kept only after they were read."""

import hashlib

from pumpkin.openimages import catalog, files
from pumpkin.openimages.classes import ClassTable
from pumpkin.openimages.errors import Absent, IntegrityError, NetworkError, Offline

_PATHS = (catalog.CLASS_NAMES, catalog.CLASSES_WITH_MASKS)
_LONGEST = 1 << 22  # bytes of a list


def load(client, bases, folder):
    """Return the ClassTable of the lists in a folder, or else of those on the server, which are then kept.

    client: an http.Client. bases: catalog.Bases. Raises IntegrityError if what arrives are not the lists.
    """
    stored = [folder / path.rsplit("/", 1)[1] for path in _PATHS]
    if all(path.is_file() for path in stored):
        try:
            return _parse([path.read_bytes() for path in stored])
        except IntegrityError:
            pass  # a disk's fault
    lists = [_fetch(client, bases, path) for path in _PATHS]
    table = _parse(lists)
    for path, data in zip(stored, lists):
        files.write(path, data)
    return table


def _parse(lists):
    return ClassTable.parse(*(data.decode("utf-8-sig", "replace") for data in lists))


def _fetch(client, bases, path):
    """Return the bytes of a list."""
    try:
        data = client.read(bases.file(path), _LONGEST)
    except Offline:
        raise
    except Absent as error:
        reason = str(error).rstrip(".")
        raise NetworkError(f"{reason}; check the base address (--annotations-url).") from error
    size, md5 = catalog.known(path)
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if len(data) == size and found != md5:
        raise IntegrityError(f"{path} has MD5 {found} instead of {md5}; run the same command again.")
    if found != md5 and not data.endswith(b"\n"):
        raise IntegrityError(f"{path} ends in the middle of a line; run the same command again.")
    return data
