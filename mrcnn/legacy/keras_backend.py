"""Functions of Keras 2's backend whose name, arguments or defaults differ in keras.ops, and its settings."""

from keras import ops
from keras.backend import image_data_format, set_image_data_format

_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
_learning_phase = [0]


def image_dim_ordering():
    """tf for channels last, th for channels first."""
    return next(old for old, new in _ORDERINGS.items() if new == image_data_format())


def set_image_dim_ordering(dim_ordering):
    """Set the data format by its name of Keras 1: tf or th."""
    if dim_ordering not in _ORDERINGS:
        raise ValueError(f"The ordering is one of {', '.join(_ORDERINGS)}, got {dim_ordering!r}.")
    set_image_data_format(_ORDERINGS[dim_ordering])


def learning_phase():
    """What set_learning_phase was given; 0 before. Models take it from training= instead."""
    return _learning_phase[0]


def set_learning_phase(value):
    """Keep a number for learning_phase."""
    _learning_phase[0] = value


def int_shape(x):
    """The shape of a tensor as a tuple, with None where it is unknown."""
    return tuple(x.shape)


def argmax(x, axis=-1):
    """The index of the largest element along an axis."""
    return ops.argmax(x, axis)


def argmin(x, axis=-1):
    """The index of the smallest element along an axis."""
    return ops.argmin(x, axis)


def concatenate(tensors, axis=-1):
    """Tensors one after the other along an axis."""
    return ops.concatenate(tensors, axis)


def expand_dims(x, axis=-1):
    """A tensor with a new axis of size 1."""
    return ops.expand_dims(x, axis)


def flatten(x):
    """A tensor as a vector."""
    return ops.reshape(x, (-1,))


def gather(reference, indices):
    """The rows of a tensor at the given indices."""
    return ops.take(reference, indices, axis=0)


def permute_dimensions(x, pattern):
    """A tensor with its axes in another order."""
    return ops.transpose(x, pattern)
