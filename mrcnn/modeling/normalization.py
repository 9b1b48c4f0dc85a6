"""Batch norm, and convolutions that take it along where it is fixed."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("mrcnn")
class BatchNorm(layers.BatchNormalization):
    """Batch norm that can be fixed in one way of working, as matterport's TRAIN_BN asks.

    train_bn: False uses the stored statistics in training too; batches of one or two images are too
    small for good ones. None is Keras's own way. True always uses the batch's.
    """

    def __init__(self, train_bn=None, **kwargs):
        super().__init__(**{"epsilon": 1e-3, **kwargs})
        self.train_bn = train_bn
        self.carried = False  # by the convolution before, see conv_norm

    def call(self, inputs, training=None, mask=None):
        if self.carried:
            return inputs
        return super().call(inputs, training=training if self.train_bn is None else self.train_bn, mask=mask)

    def factor_and_offset(self):
        """Batch norm by the stored statistics as factor * x + offset: both [channels], float32."""
        factor = self.gamma * ops.rsqrt(self.moving_variance + self.epsilon)
        return factor, self.beta - self.moving_mean * factor

    def get_config(self):
        return {**super().get_config(), "train_bn": self.train_bn}


@keras.saving.register_keras_serializable("mrcnn")
class Conv2D(layers.Conv2D):
    """A convolution that can carry a batch norm of stored statistics in its kernel and bias.

    Its weights stay float32 until the batch norm is in them, so that 16 bits round once.
    """

    _affine = None

    def carry(self, norm, input_shape):
        """Do what ``norm`` does after this convolution, so that it need not go over the map once more.

        norm: a BatchNorm with a gamma and a beta. From now on it passes on what it gets; both layers keep
        their names and weights. input_shape: the convolution's. In a copy of the model by its config the
        two layers work apart again.
        """
        norm.build(self.compute_output_shape(input_shape))
        norm.carried = True
        self._affine = norm.factor_and_offset  # its method, since a layer here would count as this one's part

    def add_weight(self, *args, **kwargs):
        return super().add_weight(*args, **{**kwargs, "autocast": False})

    def effective_weights(self):
        """[kernel, bias or None] in the compute dtype.

        With the batch norm in them, if there is one: equation 14 of Jacob et al. 2018, "Quantization and
        Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference".
        """
        kernel, bias = self.kernel, self.bias
        if self._affine:
            factor, offset = self._affine()
            kernel, bias = kernel * factor, offset if bias is None else offset + bias * factor
        return [None if weight is None else ops.cast(weight, self.compute_dtype) for weight in (kernel, bias)]

    def call(self, inputs):
        kernel, bias = self.effective_weights()
        outputs = self.convolution_op(inputs, kernel)
        return self.activation(outputs if bias is None else ops.add(outputs, bias))


def conv_norm(conv, norm, x):
    """norm(conv(x)), at once where ``norm`` never uses the statistics of a batch.

    conv: a Conv2D. norm: a BatchNorm. x: what ``conv`` takes.
    """
    if norm.train_bn is False:
        conv.carry(norm, x.shape)
    return norm(conv(x))
