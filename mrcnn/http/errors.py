"""The errors of a transfer, and the failures that another attempt may mend."""

import requests
import urllib3

UNANSWERED = (requests.ConnectionError, requests.Timeout)
# What requests and urllib3 raise when an exchange fails.
FAILURES = (*UNANSWERED, urllib3.exceptions.HTTPError, OSError)


class TransferError(Exception):
    """A file cannot be read from its server. The message is a sentence with the address."""


class IntegrityError(TransferError):
    """Raised when bytes contradict a lock file, a directory, a checksum or a bound."""


class SourceChanged(IntegrityError):
    """The file on the server has changed since its offsets or hashes were recorded."""


class NetworkError(TransferError):
    """A server cannot be reached or fails repeatedly."""


class Unreachable(NetworkError):
    """A server failed at each of several attempts in a row; a later one may succeed."""


class Absent(NetworkError):
    """The server does not have the file (403, 404 or 410)."""


class Offline(Absent):
    """The file is not on disk, and the client may not fetch it."""


class RangeIgnored(NetworkError):
    """The server answers a request for a part with the whole file; ``facts`` has its size."""

    def __init__(self, message, facts):
        super().__init__(message)
        self.facts = facts


class Stopped(TransferError):
    """The user, or an error in another thread, ends the transfer; raised in each thread."""


class Failure(Exception):
    """An attempt failed; the next may succeed. wait: seconds that the server asks for, or None."""

    def __init__(self, reason, wait=None):
        super().__init__(reason)
        self.wait = wait


def sentence(error):
    """What failed, in words for users. error: one of FAILURES."""
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection: check the certificates, the proxy and this computer's date"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "the server does not answer in time"
    if isinstance(error, urllib3.exceptions.HTTPError):
        return "the connection broke off"
    return "the connection fails"
