"""Images at addresses of the web, http and https."""

import contextlib
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from mrcnn.http import Client, Retry

LARGEST = 500_000_000  # bytes of an image
_ATTEMPTS = 3  # a person waits for them


def is_address(name):
    """Return whether a name, a text or a path, is an address."""
    return isinstance(name, str) and name.lower().startswith(("http://", "https://"))


def read_address(address):
    """Return the bytes of the file at an address. Raises TransferError."""
    with contextlib.closing(Client(Retry(_ATTEMPTS))) as client:
        return client.read(address, LARGEST)


def file_name(address):
    """Return the name of the file at an address: the last part of its path, or else its host."""
    try:
        parts = urlsplit(address)
    except ValueError:  # it is no address at all, as read_address says
        return ""
    return PurePosixPath(unquote(parts.path)).name or parts.netloc
