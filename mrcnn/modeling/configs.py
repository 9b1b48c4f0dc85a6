"""What a layer's ``get_config`` gives, in types that every file of Keras can hold."""

import numpy as np


def attributes(layer, *names):
    """The named attributes of a layer as plain values: {name: value}.

    Keras wraps a layer's lists and dicts to track the layers in them, and cannot copy such a wrapper into an
    HDF5 file.
    """
    return {name: plain(getattr(layer, name)) for name in names}


def plain(value):
    """Return a value with lists for tuples and arrays, and numbers for NumPy's, as JSON gives it back."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
