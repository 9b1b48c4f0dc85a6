"""SHA-256 of bytes and of files, in hexadecimal digits."""

import hashlib


def sha256_of(data):
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def file_hash(path):
    """Return the SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
