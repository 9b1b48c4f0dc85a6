"""What stops a batch from being made; importing it needs no library."""


class ImageError(ValueError):
    """An image or its masks cannot be read, or do not fit each other."""
