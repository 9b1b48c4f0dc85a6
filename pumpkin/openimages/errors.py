"""The errors of a download, each with the program's exit code."""

COMPLETE, USAGE, PARTIAL, INTEGRITY, NETWORK = range(5)


class OpenImagesError(Exception):
    """Raised when a download cannot continue. The message is one sentence that says what to do."""

    exit_code = PARTIAL


class UsageError(OpenImagesError):
    """Raised for invalid arguments or an unusable folder."""

    exit_code = USAGE


class IntegrityError(OpenImagesError):
    """Raised when bytes differ from what a lock file, a directory or a checksum says."""

    exit_code = INTEGRITY


class SourceChanged(IntegrityError):
    """Raised when a file on the server has changed since its offsets or hashes were recorded."""


class NetworkError(OpenImagesError):
    """Raised when a server cannot be reached or fails repeatedly."""

    exit_code = NETWORK


class Absent(NetworkError):
    """Raised when the server does not have a file (403, 404 or 410)."""


class Offline(Absent):
    """Raised when a file is not on disk and --offline forbids fetching it."""


class RangeIgnored(NetworkError):
    """Raised when the server answers a range request with the whole file; ``facts`` has its size."""

    def __init__(self, message, facts):
        super().__init__(message)
        self.facts = facts


class Stopped(OpenImagesError):
    """Raised in threads when the user, or an error in another thread, ends the download."""
