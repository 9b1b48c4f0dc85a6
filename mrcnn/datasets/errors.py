"""What can be wrong with a data set."""


class DatasetError(ValueError):
    """A folder does not hold the data set that was asked for."""


class DatasetWarning(UserWarning):
    """A file of a data set was left out."""
