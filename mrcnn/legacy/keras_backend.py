"""Functions of Keras 2's backend whose name, arguments or defaults differ in keras.ops, and its settings."""

import keras
from keras import ops
from keras.backend import image_data_format, set_image_data_format

from mrcnn.backend import device_names

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


def _get_available_gpus():
    """The names of the accelerators, of which programs take the number."""
    return [name for name in device_names() if name != "CPU"]


def constant(value, dtype=None, shape=None, name=None):
    """A tensor of a value, of the default float type where none is given. name: without effect."""
    tensor = ops.convert_to_tensor(value, dtype or keras.config.floatx())
    return tensor if shape is None else ops.broadcast_to(tensor, shape)


def variable(value, dtype=None, name=None, constraint=None):
    """A variable, of the default float type where none is given. constraint: without effect."""
    return keras.Variable(value, dtype=dtype or keras.config.floatx(), name=name)


def eval(x):
    """The values of a tensor or variable as an array."""
    return ops.convert_to_numpy(x)


def get_value(x):
    """The values of a variable as an array, such as ``optimizer.learning_rate``."""
    return ops.convert_to_numpy(x)


def set_value(x, value):
    """Give a variable other values."""
    x.assign(value)


def dot(x, y):
    """The product of two matrices."""
    return ops.matmul(x, y)


def pow(x, a):
    """A tensor to a power, element by element."""
    return ops.power(x, a)


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
