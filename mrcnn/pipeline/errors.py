"""Errors that stop a batch from being made. Importing this module imports no other library."""


class ImageError(ValueError):
    """Raised when an image or its masks cannot be read, or when their sizes differ."""
