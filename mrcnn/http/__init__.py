"""Reading files and parts of files over HTTP, with retries around the whole body.

A connection that breaks, stalls or slows to a trickle is reopened for the missing bytes, so nothing is
fetched twice. The size of each answer must equal that of the first, because the file may have
changed, and so must the ETag unless the caller checks the bytes itself.
"""

from mrcnn.http.answers import Facts
from mrcnn.http.client import Client, Retry
from mrcnn.http.errors import (
    Absent,
    IntegrityError,
    NetworkError,
    Offline,
    RangeIgnored,
    SourceChanged,
    Stopped,
    TransferError,
    Unreachable,
)

__all__ = [
    "Absent",
    "Client",
    "Facts",
    "IntegrityError",
    "NetworkError",
    "Offline",
    "RangeIgnored",
    "Retry",
    "SourceChanged",
    "Stopped",
    "TransferError",
    "Unreachable",
]
