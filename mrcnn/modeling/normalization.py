"""Batch norm, and convolutions that fold a fixed batch norm into their kernel and bias."""

import keras
from keras import layers, ops

from mrcnn.backend import fold_norm


@keras.saving.register_keras_serializable("mrcnn")
class BatchNorm(layers.BatchNormalization):
    """Batch norm with matterport's setting TRAIN_BN.

    train_bn: False always uses the stored statistics, in training too, because batches of one or two images
    are too small for good ones. True always uses the batch's statistics. None follows ``training``, as in
    Keras.
    """

    def __init__(self, train_bn=None, **kwargs):
        super().__init__(**{"epsilon": 1e-3, **kwargs})
        self.train_bn = train_bn
        self.carried = False  # whether the convolution before it applies this batch norm, see conv_norm

    def call(self, inputs, training=None, mask=None):
        if self.carried:
            return inputs
        return super().call(inputs, training=training if self.train_bn is None else self.train_bn, mask=mask)

    def fold(self, kernel, bias):
        """Return the kernel and bias of a convolution that applies this batch norm; see fold_norm."""
        return fold_norm(
            kernel, bias, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.epsilon
        )

    def get_config(self):
        return {**super().get_config(), "train_bn": self.train_bn}


@keras.saving.register_keras_serializable("mrcnn")
class Conv2D(layers.Conv2D):
    """A convolution that can apply a fixed batch norm through its kernel and bias.

    The weights stay float32 until the batch norm is folded in, so that 16-bit numbers are rounded once.
    """

    _fold = None

    def carry(self, norm, input_shape):
        """Fold a batch norm into this convolution, which saves a pass over its output.

        norm: a BatchNorm with gamma and beta. From now on it returns its input unchanged; both layers keep
        their names and weights. input_shape: the convolution's. A model cloned from its config loses this
        fusion.
        """
        norm.build(self.compute_output_shape(input_shape))
        norm.carried = True
        self._fold = norm.fold  # a bound method: Keras would track the layer as a sublayer

    def add_weight(self, *args, **kwargs):
        """Add a weight that is not cast to the compute dtype; effective_weights casts it."""
        return super().add_weight(*args, **{**kwargs, "autocast": False})

    def effective_weights(self):
        """Return [kernel, bias or None] in the compute dtype, with the batch norm folded in if it has one."""
        kernel, bias = self.kernel, self.bias
        if self._fold:
            kernel, bias = self._fold(kernel, bias)
        return [None if weight is None else ops.cast(weight, self.compute_dtype) for weight in (kernel, bias)]

    def call(self, inputs):
        kernel, bias = self.effective_weights()
        outputs = self.convolution_op(inputs, kernel)
        return self.activation(outputs if bias is None else ops.add(outputs, bias))


def conv_norm(conv, norm, x):
    """Apply norm(conv(x)), as one operation if ``norm`` never uses the statistics of a batch.

    conv: a Conv2D. norm: a BatchNorm. x: the input of ``conv``.
    """
    if norm.train_bn is False:
        conv.carry(norm, x.shape)
    return norm(conv(x))
