"""What the head of an answer says: its status, which bytes follow, and of which version of the file."""

import re
from dataclasses import dataclass

from mrcnn.http.errors import Absent, Failure, NetworkError, SourceChanged

_NUMBER = r"([0-9]{1,18})"  # Python's isdigit() also takes other scripts' digits, and int() has a limit
_CONTENT_RANGE = re.compile(rf"bytes {_NUMBER}-{_NUMBER}/(?:{_NUMBER}|\*)")
_UNSATISFIED = re.compile(rf"bytes \*/{_NUMBER}")
_ABSENT = (403, 404, 410)
_PASSING = (408, 425, 429)  # and all of 500 to 599


@dataclass(frozen=True)
class Facts:
    """The version of a file: its bytes in total and its ETag, each None if unknown."""

    size: int | None = None
    etag: str | None = None

    def updated(self, other, url):
        """Facts with what another answer adds. Raises SourceChanged if it describes another version."""
        for name in ("size", "etag"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is not None and theirs is not None and mine != theirs:
                raise SourceChanged(f"{url} has changed: its {name} was {mine} and is {theirs}")
        return Facts(other.size if self.size is None else self.size, other.etag or self.etag)


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
        raise Failure(f"the server answers {status}", _number(answer, "Retry-After"))
    raise NetworkError(f"{url}: the server answers {status}; check the address.")


def check_encoding(answer):
    """Raise Failure if the body is compressed, though the client asks for plain bytes."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Failure("the server sends compressed bytes, which were not asked for")


def whole_facts(answer):
    """Facts of an answer with a whole file."""
    if "Content-Length" in answer.headers and _number(answer, "Content-Length") is None:
        raise Failure("the server sends a length that is no number")
    return Facts(_number(answer, "Content-Length"), _etag(answer))


def parse_part(answer):
    """(first byte, end, Facts) of a 206 answer. Raises Failure if it contradicts itself."""
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if not match:
        raise Failure("the server sent a part without saying which")
    first, last, size = (None if text is None else int(text) for text in match.groups())
    length = whole_facts(answer).size
    if first > last or (size is not None and last >= size) or length not in (None, last + 1 - first):
        raise Failure("the server sent a part and said a wrong place for it")
    return first, last + 1, Facts(size, _etag(answer))


def ends_at(answer, position):
    """Whether a 416 to a request for all bytes from ``position`` on says that the file ends there."""
    match = _UNSATISFIED.fullmatch(answer.headers.get("Content-Range", "").strip())
    return match is None or int(match[1]) == position


def _etag(answer):
    """The ETag without the mark of a weak one: some servers give both of one file in turns."""
    etag = answer.headers.get("ETag")
    return etag.removeprefix("W/") if etag else None


def _number(answer, name):
    """The number in a header; None if it is absent or anything else, such as the date of a Retry-After."""
    match = re.fullmatch(_NUMBER, answer.headers.get(name, "").strip())
    return int(match[1]) if match else None
