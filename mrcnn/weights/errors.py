"""The errors of weights files."""


class WeightsError(ValueError):
    """Raised when a weights file cannot be read, written, or used for a model."""


class Fault(Exception):
    """Raised for a fault in a file's content; ``hdf5.open_weights`` adds the path."""
