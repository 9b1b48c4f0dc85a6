"""What the head of an answer says: its status, which bytes follow, and of which version of the file."""

import re
from dataclasses import dataclass

from mrcnn.http.errors import Absent, Failure, NetworkError, SourceChanged

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_ABSENT = (403, 404, 410)
_PASSING = (408, 425, 429)  # and all of 500 to 599


@dataclass(frozen=True)
class Facts:
    """The version of a file: its bytes in total and its ETag, each None if unknown."""

    size: int | None = None
    etag: str | None = None

    def check(self, other, url):
        """Raise SourceChanged if the Facts of another answer describe another version."""
        for name in ("size", "etag"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is not None and theirs is not None and mine != theirs:
                raise SourceChanged(f"{url} has changed: its {name} was {mine} and is {theirs}")


def check_status(answer, url):
    """Raise the error for a status other than 200 and 206."""
    status = answer.status_code
    if status in (200, 206):
        return
    if status in _ABSENT:
        raise Absent(f"{url}: the server answers {status}, there is no such file.")
    if status == 416:
        raise SourceChanged(f"{url} has changed: it is shorter than the requested bytes")
    if status in _PASSING or status >= 500:
        raise Failure(f"the server answers {status}", retry_after(answer))
    raise NetworkError(f"{url}: the server answers {status}; check the address.")


def retry_after(answer):
    """Seconds of a Retry-After header; None if it is absent or a date, so that the backoff decides."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None


def parse_part(answer):
    """(first byte, Facts) of a 206 answer."""
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if not match:
        raise Failure("the server sent a part without saying which")
    start, _, size = match.groups()
    return int(start), Facts(None if size == "*" else int(size), answer.headers.get("ETag"))
