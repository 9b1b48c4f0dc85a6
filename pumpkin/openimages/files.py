"""Files that are whole or not there."""

import contextlib
import hashlib
import json
import os

from pumpkin.openimages.errors import UsageError

try:
    import fcntl
except ImportError:  # Windows: two downloads into one folder would do their work twice, no harm else
    fcntl = None

PART = ".part"


def write(path, data):
    """Write bytes under a temporary name beside ``path``, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}{PART}")
    part.write_bytes(data)
    os.replace(part, path)


def write_if_other(path, data):
    """Write bytes unless the file holds just these."""
    if not path.is_file() or path.stat().st_size != len(data) or path.read_bytes() != data:
        write(path, data)


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


def read_json(path):
    """The content of a file, or None where it is missing or damaged, as a killed run may leave a cache."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def sha256(data):
    """Hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def remove_parts(folder):
    """Take away what killed runs left under temporary names in a data set's folder."""
    for path in folder.rglob(f".*{PART}"):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def sole_use(folder):
    """Hold a folder against other downloads. Raises UsageError where one is at work in it."""
    path = folder / ".download.busy"
    with path.open("a") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"Another download is at work in {folder}; wait for its end.") from None
        yield
