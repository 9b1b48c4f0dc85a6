"""Errors that stop a batch from being made. Importing this module imports no other library."""


class DataError(ValueError):
    """The base of errors in data whose message names the file. lines: the message; most have one."""

    def __init__(self, *lines):
        self.lines = [str(line) for line in lines]
        super().__init__("\n".join(self.lines))


class ImageError(DataError):
    """Raised when an image or its masks cannot be read, or when their sizes differ."""


class ExampleError(DataError):
    """Raised when load_image or load_mask of a data set fails, or returns something else than it must."""
