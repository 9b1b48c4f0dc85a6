"""Writing files so that a reader, or a crash at any moment, finds the old content or the new, never a mix."""

import contextlib
import os


@contextlib.contextmanager
def replacing(path):
    """A binary file that takes the place of ``path`` when the block ends well; the disk has it by then."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write a whole text file at one stroke."""
    with replacing(path) as file:
        file.write(text.encode())


def sync(path):
    """Return only when the disk has what was written to a file and its name."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def _sync_folder(folder):
    """Make a rename last; systems that cannot open folders need no such call."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder):
    """Delete what killed processes left half written in a run's folder."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)
