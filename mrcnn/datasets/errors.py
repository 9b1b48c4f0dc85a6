"""The errors and warnings about data sets."""

from mrcnn.pipeline.errors import DataError


class DatasetError(DataError):
    """Raised when a folder does not contain the requested data set."""


class LoadError(DatasetError):
    """Raised when the code of a user's own data set fails."""


class DatasetWarning(UserWarning):
    """Issued when a file of a data set is omitted."""
