"""What can go wrong with a download, each with the exit code of the program."""

COMPLETE, USAGE, PARTIAL, INTEGRITY, NETWORK = range(5)


class OpenImagesError(Exception):
    """A download cannot go on. The message is one sentence that says what to do."""

    exit_code = PARTIAL


class UsageError(OpenImagesError):
    """The arguments, or the place to write to, cannot be used."""

    exit_code = USAGE


class IntegrityError(OpenImagesError):
    """Bytes are not what they must be."""

    exit_code = INTEGRITY


class SourceChanged(IntegrityError):
    """A file at the server is another one than that which offsets or hashes were taken from."""


class NetworkError(OpenImagesError):
    """A server cannot be reached, or fails again and again."""

    exit_code = NETWORK


class Absent(NetworkError):
    """The server says that there is no such file (403, 404 or 410)."""


class Offline(Absent):
    """A file is not here, and nothing may be fetched."""


class RangeIgnored(NetworkError):
    """The server answers a request for a part with the whole file, of which ``facts`` tells the size."""

    def __init__(self, message, facts):
        super().__init__(message)
        self.facts = facts


class Stopped(OpenImagesError):
    """The user, or an error elsewhere, ended the download."""
