"""Keras 2's backend functions whose name, arguments or defaults differ in keras.ops, and its settings."""

import keras
from keras import ops
from keras.backend import image_data_format, set_image_data_format

from mrcnn.backend import device_names

_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
_learning_phase = [0]


def image_dim_ordering():
    """Return the data format under its Keras 1 name: "tf" for channels last, "th" for channels first."""
    return next(old for old, new in _ORDERINGS.items() if new == image_data_format())


def set_image_dim_ordering(dim_ordering):
    """Set the data format by its Keras 1 name, "tf" or "th". Raises ValueError for any other."""
    if dim_ordering not in _ORDERINGS:
        raise ValueError(f"The ordering is one of {', '.join(_ORDERINGS)}, got {dim_ordering!r}.")
    set_image_data_format(_ORDERINGS[dim_ordering])


def learning_phase():
    """Return the value passed to set_learning_phase, or 0. It has no effect: models use ``training=``."""
    return _learning_phase[0]


def set_learning_phase(value):
    """Store a number for learning_phase to return."""
    _learning_phase[0] = value


def int_shape(x):
    """Return the shape of a tensor as a tuple, with None for unknown sizes."""
    return tuple(x.shape)


def _get_available_gpus():
    """Return the names of the accelerators; programs count them."""
    return [name for name in device_names() if name != "CPU"]


def constant(value, dtype=None, shape=None, name=None):
    """Create a constant tensor. dtype: None uses the default float type. name: has no effect."""
    tensor = ops.convert_to_tensor(value, dtype or keras.config.floatx())
    return tensor if shape is None else ops.broadcast_to(tensor, shape)


def variable(value, dtype=None, name=None, constraint=None):
    """Create a variable. dtype: None uses the default float type. constraint: has no effect."""
    return keras.Variable(value, dtype=dtype or keras.config.floatx(), name=name)


def eval(x):
    """Return the values of a tensor or variable as an array."""
    return ops.convert_to_numpy(x)


def get_value(x):
    """Return the values of a variable, such as ``optimizer.learning_rate``, as an array."""
    return ops.convert_to_numpy(x)


def set_value(x, value):
    """Assign new values to a variable."""
    x.assign(value)


def dot(x, y):
    """Multiply two matrices."""
    return ops.matmul(x, y)


def pow(x, a):
    """Raise a tensor to a power, element by element."""
    return ops.power(x, a)


def argmax(x, axis=-1):
    """Return the index of the largest element along an axis."""
    return ops.argmax(x, axis)


def argmin(x, axis=-1):
    """Return the index of the smallest element along an axis."""
    return ops.argmin(x, axis)


def concatenate(tensors, axis=-1):
    """Concatenate tensors along an axis."""
    return ops.concatenate(tensors, axis)


def expand_dims(x, axis=-1):
    """Insert an axis of size 1 into a tensor."""
    return ops.expand_dims(x, axis)


def flatten(x):
    """Flatten a tensor to a vector."""
    return ops.reshape(x, (-1,))


def gather(reference, indices):
    """Return the rows of a tensor at the given indices."""
    return ops.take(reference, indices, axis=0)


def permute_dimensions(x, pattern):
    """Reorder the axes of a tensor."""
    return ops.transpose(x, pattern)


def function(inputs, outputs, updates=None, **options):
    """Return a function that computes tensors of a network: list of arrays -> list of arrays.

    inputs: symbolic tensors, and perhaps ``learning_phase()``, whose value in the list is 1 for training.
    outputs: a list of symbolic tensors, or one. updates and options: have no effect.
    """
    symbolic = [isinstance(x, keras.KerasTensor) for x in inputs]
    network = keras.Model([x for x, is_symbolic in zip(inputs, symbolic) if is_symbolic], outputs)

    def compute(arrays):
        phase = [bool(value) for value, is_symbolic in zip(arrays, symbolic) if not is_symbolic]
        given = [array for array, is_symbolic in zip(arrays, symbolic) if is_symbolic]
        found = [ops.convert_to_numpy(x) for x in keras.tree.flatten(network(given, training=any(phase)))]
        return found if isinstance(outputs, (list, tuple)) else found[0]

    return compute
