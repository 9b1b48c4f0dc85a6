"""The errors of a download, and the program's exit code for each.

Those of the transfer itself come from ``mrcnn.http``, which knows no exit codes.
"""

from mrcnn.http import (
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
    "COMPLETE",
    "ERRORS",
    "INTEGRITY",
    "NETWORK",
    "PARTIAL",
    "USAGE",
    "Absent",
    "IntegrityError",
    "NetworkError",
    "Offline",
    "OpenImagesError",
    "RangeIgnored",
    "SourceChanged",
    "Stopped",
    "Unreachable",
    "UsageError",
    "exit_code",
]

COMPLETE, USAGE, PARTIAL, INTEGRITY, NETWORK = range(5)


class OpenImagesError(Exception):
    """Raised when a download cannot continue. The message is one sentence that says what to do."""

    exit_code = PARTIAL


class UsageError(OpenImagesError):
    """Raised for invalid arguments or an unusable folder."""

    exit_code = USAGE


ERRORS = (OpenImagesError, TransferError)  # all that end a download


def exit_code(error):
    """The program's exit code for one of ERRORS."""
    if isinstance(error, OpenImagesError):
        return error.exit_code
    if isinstance(error, IntegrityError):
        return INTEGRITY
    return NETWORK if isinstance(error, NetworkError) else PARTIAL
