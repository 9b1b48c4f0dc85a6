"""What a layer's ``get_config`` gives, in types that every file of Keras can hold."""

import numpy as np


def attributes(layer, *names):
    """The named attributes of a layer as plain values: {name: value}.

    Keras wraps a layer's lists and dicts to track the layers in them, and cannot copy such a wrapper into an
    HDF5 file.
    """
    return {name: _plain(getattr(layer, name)) for name in names}


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
