"""Known weights files, fetched once into a cache and checked.

MRCNN_WEIGHTS_URL replaces the address of every file (a mirror, ``<address>/<file name>``), MRCNN_CACHE the
folder ``~/.cache/mrcnn``.
"""

import difflib
import hashlib
import os
import time
from pathlib import Path

import requests
from tqdm import tqdm

from mrcnn.backbones import BACKBONES, KnownFile
from mrcnn.files import lock

_MATTERPORT = "https://github.com/matterport/Mask_RCNN/releases/download/v2.0"

ATTEMPTS = 4
_TIMEOUT = (10, 60)  # seconds to connect, and between two pieces
_PIECE = 1 << 16  # bytes; what arrived of a piece when the connection breaks is lost
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class DownloadError(RuntimeError):
    """A weights file is not in the cache and cannot be fetched."""


class _Refused(Exception):
    """The server's answer will be the same next time."""


# By what asks for them: "coco", or the name of a backbone.
FILES = {
    "coco": KnownFile("mask_rcnn_coco.h5", _MATTERPORT, "e98aaff6f99e307b5e2a8a3ff741a518", 257_557_808),
    **{name: record.imagenet for name, record in BACKBONES.items() if record.imagenet is not None},
}


def fetch(name, cache_dir=None, base_url=None, offline=False, retry_wait=1.0):
    """The path of a known file in the cache, downloaded if it is not there or not whole.

    name: a key of FILES. cache_dir, base_url: instead of the environment's or the defaults. offline: use
    the cache alone. retry_wait: seconds before the second attempt; doubled before each further one.
    Raises DownloadError, which says what to do instead.
    """
    file = known_file(name)
    folder = Path(cache_dir or os.environ.get("MRCNN_CACHE") or "~/.cache/mrcnn").expanduser()
    path = folder / file.name
    if offline and _problem(path, file):
        raise DownloadError(
            f"{path}: {_problem(path, file)}, and downloads are off. {_instead(file, base_url)}"
        )
    return download(name, path, base_url, retry_wait)


def download(name, path, base_url=None, retry_wait=1.0):
    """Download a known file to ``path``, unless it is there and whole; returns the path.

    A partial file of an earlier attempt is continued. Two processes take turns. Arguments and errors as
    in ``fetch``.
    """
    file, path = known_file(name), Path(path)
    if not _problem(path, file):
        return path
    url = _url(file, base_url)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The lock's file stays, for removing it would race.
        with path.with_name(f".{path.name}.lock").open("a") as turn:
            lock(turn, wait=True)
            if _problem(path, file):  # still, after other processes had their turn
                _download(url, part, file, retry_wait)
                os.replace(part, path)
    except (OSError, _Refused) as error:  # requests' errors are OSErrors
        raise DownloadError(
            f"{file.name} cannot be downloaded from {url}: {_sentence(error)}. {_instead(file, base_url)}"
        ) from error
    return path


def known_file(name):
    """The KnownFile of a name. Raises DownloadError with the nearest name for an unknown one."""
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
    return (
        f"Start without it (--weights none), or download {_url(file, base_url)} by hand and pass its path "
        f"(--weights PATH)."
    )


def _sentence(error):
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return "the connection fails"
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    return str(error)


def _download(url, part, file, retry_wait):
    """Fill ``part``, continuing what an earlier process left, and check it."""
    if file.digest is None:
        part.unlink(missing_ok=True)  # nothing would tell a mixture of two versions
    continued = part.exists()
    _transfer_in_attempts(url, part, file, retry_wait)
    problem = _problem(part, file)
    if problem:
        part.unlink()
        if not continued:
            raise _Refused(f"what arrived {problem}")
        _download(url, part, file, retry_wait)  # what was left may have been of another file


def _transfer_in_attempts(url, part, file, retry_wait):
    """Request the rest of a file until it is there, with growing pauses between failures."""
    for attempt in range(ATTEMPTS):
        try:
            return _transfer(url, part, file)
        except requests.RequestException as error:
            # Errors of value are bad addresses, which do not get better.
            if attempt == ATTEMPTS - 1 or isinstance(error, ValueError):
                raise
        time.sleep(retry_wait * 2**attempt)


def _transfer(url, part, file):
    """One request: the rest of ``part``, or all of it if the server does not continue files.

    Raises requests.RequestException for what may pass, _Refused for what will not.
    """
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if have and answer.status_code == 416:
            return  # no bytes are left: the part is the whole file, or its check will fail
        _check_status(answer)
        if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else file.size
        _write(answer, part, have, total, file.name)
    if total is not None and part.stat().st_size < total:
        raise requests.ConnectionError("the connection broke off")


def _check_status(answer):
    if answer.ok:
        return
    reason = f"the server answers {answer.status_code} {answer.reason}"
    if 400 <= answer.status_code < 500 and answer.status_code not in (408, 429):
        raise _Refused(reason)
    raise requests.HTTPError(reason)


def _write(answer, part, have, total, name):
    """Append the body of an answer to the first ``have`` bytes of a file, with a progress bar."""
    bar = tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=name, disable=None)
    with part.open("ab" if have else "wb") as file, bar:
        for piece in answer.iter_content(_PIECE):
            file.write(piece)
            bar.update(len(piece))


def _problem(path, file):
    """What is wrong with a file that should be ``file``, or None."""
    if not path.is_file():
        return "is not there"
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"has {size} bytes instead of {file.size}"
    with path.open("rb") as stream:
        if file.digest is None:
            return None if stream.read(8) == _HDF5_SIGNATURE else "is no HDF5 file"
        kind = "md5" if len(file.digest) == 32 else "sha256"
        digest = hashlib.file_digest(stream, kind).hexdigest()
    return None if digest == file.digest else f"has {kind} {digest} instead of {file.digest}"
