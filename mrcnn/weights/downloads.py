"""Download known weights files once into a cache, and check them.

MRCNN_WEIGHTS_URL replaces the address of every file (a mirror, ``<address>/<file name>``), MRCNN_CACHE the
folder ``~/.cache/mrcnn``.
"""

import contextlib
import difflib
import hashlib
import os
from pathlib import Path

from mrcnn.backbones import BACKBONES, KnownFile
from mrcnn.files import cache_folder, lock
from mrcnn.http import Client, IntegrityError, RangeIgnored, Retry, SourceChanged, TransferError
from mrcnn.progress_bar import progress_bar

_MATTERPORT = "https://github.com/matterport/Mask_RCNN/releases/download/v2.0"

ATTEMPTS = 4
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class DownloadError(RuntimeError):
    """Raised when a weights file is not in the cache and cannot be downloaded."""


# The keys are "coco" and the names of backbones.
FILES = {
    "coco": KnownFile("mask_rcnn_coco.h5", _MATTERPORT, "e98aaff6f99e307b5e2a8a3ff741a518", 257_557_808),
    **{name: record.imagenet for name, record in BACKBONES.items() if record.imagenet is not None},
}


def fetch(name, cache_dir=None, base_url=None, offline=False, retry_wait=1.0):
    """Return the path of a known file in the cache; download it if it is missing or incomplete.

    name: a key of FILES. cache_dir, base_url: override the environment and the defaults. offline: use only
    the cache. retry_wait: seconds before the second attempt; doubled before each further one.
    Raises DownloadError, which says what to do instead.
    """
    file = known_file(name)
    path = (Path(cache_dir).expanduser() if cache_dir else cache_folder()) / file.name
    if offline and _problem(path, file):
        raise DownloadError(
            f"{path}: {_problem(path, file)}, and downloads are off. {_instead(file, base_url)}"
        )
    return download(name, path, base_url, retry_wait)


def download(name, path, base_url=None, retry_wait=1.0):
    """Download a known file to ``path``, unless it is there and complete; return the path.

    It continues the partial file of an earlier attempt. Two processes take turns. Arguments and errors as
    in ``fetch``.
    """
    file, path = known_file(name), Path(path)
    if not _problem(path, file):
        return path
    url = _url(file, base_url)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The lock file stays, because removing it would be a race.
        with path.with_name(f".{path.name}.lock").open("a") as turn:
            lock(turn, wait=True)
            if _problem(path, file):  # another process may have downloaded it meanwhile
                with contextlib.closing(Client(Retry(ATTEMPTS, retry_wait, read=60, patience=60))) as client:
                    _download(client, url, part, file)
                os.replace(part, path)
    except (OSError, TransferError) as error:
        reason = str(error).removeprefix(f"{url}: ").rstrip(".")
        raise DownloadError(
            f"{file.name} cannot be downloaded from {url}: {reason}. {_instead(file, base_url)}"
        ) from error
    return path


def known_file(name):
    """Return the KnownFile of a name. Raises DownloadError for an unknown one, with the nearest name."""
    if name not in FILES:
        close = difflib.get_close_matches(str(name), FILES, n=1, cutoff=0.0)
        raise DownloadError(
            f"No weights are known for {name!r}, only for {', '.join(FILES)}; the nearest is {close[0]!r}. "
            f"Pass the path of a file instead."
        )
    return FILES[name]


def _url(file, base_url):
    base = base_url or os.environ.get("MRCNN_WEIGHTS_URL") or file.address
    return f"{base.rstrip('/')}/{file.name}"


def _instead(file, base_url):
    return f"Start without it, or download {_url(file, base_url)} yourself and pass the path of the file."


def _download(client, url, part, file):
    """Complete ``part``, which an earlier process may have begun, and check it."""
    if part.exists():
        # Without a digest, a mixture of two versions would go undetected.
        if file.digest is not None:
            with contextlib.suppress(SourceChanged, RangeIgnored):
                _append(client, url, part, file)
            if _problem(part, file) is None:
                return
        part.unlink()  # it was part of another file, or the server cannot resume downloads
    _append(client, url, part, file)
    problem = _problem(part, file)
    if problem:
        part.unlink()
        raise IntegrityError(f"the downloaded file {problem}")


def _append(client, url, part, file):
    """Download the rest of a file to ``part``, with a progress bar."""
    have = part.stat().st_size if part.exists() else 0
    bar = progress_bar(file.size, file.name, "byte", done=have, is_bytes=True)
    body = client.stream(url, have, checked=file.digest is not None)
    with body, part.open("ab") as out, bar:
        for piece in body.pieces:
            out.write(piece)
            bar.total = body.facts.size or file.size
            bar.update(len(piece))


def _problem(path, file):
    """Return how the file at a path differs from the known ``file``, or None."""
    if not path.is_file():
        return "is not there"
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"has {size} bytes instead of {file.size}"
    with path.open("rb") as stream:
        if file.digest is None:
            return None if stream.read(8) == _HDF5_SIGNATURE else "is not an HDF5 file"
        kind = "md5" if len(file.digest) == 32 else "sha256"
        digest = hashlib.file_digest(stream, kind).hexdigest()
    return None if digest == file.digest else f"has {kind} {digest} instead of {file.digest}"
