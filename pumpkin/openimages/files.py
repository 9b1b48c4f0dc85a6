"""The files of a download: how they are written, and the lock on their folder."""

import contextlib
import hashlib
import json

from mrcnn.files import Busy, FileError, lock, read_json, remove_leftovers, write_bytes
from pumpkin.openimages.errors import UsageError


def write(path, data, durable=False):
    """Write a whole file. durable: see ``mrcnn.files``.

    A download has thousands of files and checks each before its next use, so they need not wait for the disk.
    """
    write_bytes(path, data, durable)


def write_if_other(path, data, durable=False):
    """Write bytes unless the file already holds exactly these."""
    if not path.is_file() or path.stat().st_size != len(data) or path.read_bytes() != data:
        write(path, data, durable)


def to_json(content):
    """Bytes of JSON that depend on the dict ``content`` alone: sorted keys, and one line for each item."""
    entries = [f" {_compact(name)}: {_lines(content[name])}" for name in sorted(content)]
    return ("{\n" + ",\n".join(entries) + "\n}\n").encode()


def _lines(value):
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"  {_compact(item)}" for item in value) + "\n ]"
    if isinstance(value, dict) and value:
        items = (f"  {_compact(name)}: {_compact(value[name])}" for name in sorted(value))
        return "{\n" + ",\n".join(items) + "\n }"
    return _compact(value)


def _compact(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def read_note(path):
    """The dict in a JSON file; None if it is missing or damaged, as a power cut may leave a cache."""
    try:
        return read_json(path)
    except FileError:
        return None


def sha256(data):
    """Hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def remove_parts(places):
    """Delete what killed runs left half written in a data set's folder. places: its Layout."""
    for depth in range(4):
        remove_leftovers(places.root, "*/" * depth + ".*.tmp", places.owns)


@contextlib.contextmanager
def sole_use(folder):
    """Keep other downloads out of a folder. Raises UsageError if one is at work in it."""
    path = folder / ".download.busy"
    with path.open("a") as file:
        try:
            lock(file)
        except Busy:
            raise UsageError(f"Another download is at work in {folder}; wait for its end.") from None
        yield
