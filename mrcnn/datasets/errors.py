"""What can be wrong with a data set."""


class DatasetError(ValueError):
    """A folder does not hold the data set that was asked for."""


class LoadError(DatasetError):
    """The code of a data set's own class failed."""


class DatasetWarning(UserWarning):
    """A file of a data set was left out."""
