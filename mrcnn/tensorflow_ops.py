"""What TensorFlow computes in fewer passes over the weights than keras.ops. Only mrcnn/backend.py uses it.

A pass over the weights takes as long as their memory takes to be read. The numbers are those of keras.ops.
"""

import tensorflow


def apply_momentum(variable, velocity, gradient, rate, momentum):
    """Let velocity = momentum * velocity - rate * gradient, and add it to the variable, in one pass."""
    tensorflow.raw_ops.ResourceApplyKerasMomentum(
        var=variable.handle,
        accum=velocity.handle,
        lr=tensorflow.cast(rate, variable.dtype),
        grad=tensorflow.cast(gradient, variable.dtype),
        momentum=tensorflow.cast(momentum, variable.dtype),
    )
