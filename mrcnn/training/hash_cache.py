"""Remember the hashes of files between runs, so that unchanged data are not read again.

A hash is known by the file's path, size and times of change; if one of them differs, the file is read. The
memory is a small database in the cache folder, ``hashes.sqlite``, with at most MOST files. MRCNN_HASH_CACHE=0
turns it off, and where it cannot be written, files are read each time.
"""

import contextlib
import os
import sqlite3
import time
import zlib

from mrcnn.files import cache_folder

MOST = 1_000_000  # files, of about 200 bytes each; those that were not used for longest are forgotten
# A file that changed this shortly before it was hashed may change again without a later time, because systems
# keep times with a precision between 1 ns and 2 s. Its hash is not remembered.
_RECENT = 2_500_000_000  # nanoseconds
_WAIT = 5.0  # seconds for another process that writes
_TABLE = (
    "CREATE TABLE IF NOT EXISTS hashes "
    "(path TEXT PRIMARY KEY, size INTEGER, mtime INTEGER, ctime INTEGER, hash TEXT, used INTEGER)"
)
_ERRORS = (sqlite3.Error, OSError, UnicodeDecodeError)


def hashes_of(paths, hash_files):
    """Return {path: hash} of files. hash_files: returns the hashes of a list of paths, in its order.

    Raises what ``hash_files`` raises, OSError for a missing file among them.
    """
    paths = list(paths)
    if os.environ.get("MRCNN_HASH_CACHE") == "0":
        return dict(zip(paths, hash_files(paths)))
    before = {path: _facts(path) for path in paths}
    known = {}
    with contextlib.suppress(*_ERRORS), _opened() as memory:
        known = _recall(memory, before)
    unknown = [path for path in paths if path not in known]
    now = time.time_ns()
    found = dict(zip(unknown, hash_files(unknown)))
    lasting = [
        path for path in unknown if _facts(path) == before[path] and now - max(before[path][1:]) > _RECENT
    ]
    with contextlib.suppress(*_ERRORS), _opened() as memory:
        _remember(memory, {path: (before[path], found[path]) for path in lasting}, known)
    return {**known, **found}


def _facts(path):
    """Return (size, time of the content's change, time of the file's change) in bytes and nanoseconds."""
    facts = os.stat(path)
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


@contextlib.contextmanager
def _opened():
    """Open the database for one transaction, and make it if need be."""
    path = cache_folder() / "hashes.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        memory = sqlite3.connect(path, timeout=_WAIT)
        try:
            with memory:
                memory.execute(_TABLE)
                yield memory
        finally:
            memory.close()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if not isinstance(error, sqlite3.OperationalError):  # damaged, or of another program
            path.unlink(missing_ok=True)
        raise


def _recall(memory, facts):
    """Return the hashes of the files that did not change. facts: of each path."""
    known = {}
    for path, now in facts.items():
        row = memory.execute(
            "SELECT size, mtime, ctime, hash FROM hashes WHERE path = ?", (_key(path),)
        ).fetchone()
        digest = str(row[3]).partition(":")[0] if row is not None else ""
        if row == (*now, _sealed(path, now, digest)):
            known[path] = digest
    return known


def _remember(memory, new, known):
    """Add hashes, note which were used, and forget those beyond MOST. new: (facts, hash) of each path."""
    today = int(time.time()) // 86_400
    rows = [
        (_key(path), *facts, _sealed(path, facts, digest), today) for path, (facts, digest) in new.items()
    ]
    memory.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", rows)
    used = [(today, _key(path), today) for path in known]
    memory.executemany("UPDATE hashes SET used = ? WHERE path = ? AND used <> ?", used)
    memory.execute(
        "DELETE FROM hashes WHERE path IN (SELECT path FROM hashes ORDER BY used DESC LIMIT -1 OFFSET ?)",
        (MOST,),
    )


def _sealed(path, facts, digest):
    """Return a hash with a checksum of its row: SQLite itself does not notice a changed byte."""
    row = f"{_key(path)} {facts} {digest}".encode()
    return f"{digest}:{zlib.crc32(row):08x}"


def _key(path):
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")
