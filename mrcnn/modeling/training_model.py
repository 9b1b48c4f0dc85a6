"""The model that training minimises: its outputs are its losses."""

import keras
from keras import ops

from mrcnn.backend import constant, replicas
from mrcnn.keras_internals import BuiltModel
from mrcnn.modeling import losses
from mrcnn.modeling.configs import attributes


@keras.saving.register_keras_serializable("mrcnn")
class TrainingModel(BuiltModel):
    """A model whose outputs are its losses: ``fit`` minimises their weighted sum and reports each.

    The loader's images cross to the device as uint8, a quarter of the bytes, and are molded there.
    ``input_image`` may also be molded already, float32 as in matterport's batches.

    loss_weights: dict by output. weight_decay: factor of losses.l2_penalty. mean_pixel: a value per channel,
    subtracted from uint8 images; None subtracts nothing.
    """

    loss_weights = None
    weight_decay = 0.0
    mean_pixel = None

    def call(self, inputs, training=None, mask=None):
        # TensorFlow gets batches without static sizes. It would then sum the gradient of the RPN's shared
        # bias in an order that changes from run to run.
        sized = {x.name: ops.reshape(inputs[x.name], (-1, *x.shape[1:])) for x in self.inputs}
        image = sized.get("input_image")
        if self.mean_pixel is not None and keras.backend.standardize_dtype(image.dtype) == "uint8":
            sized["input_image"] = ops.cast(image, "float32") - constant(self.mean_pixel)
        return super().call(sized, training=training, mask=mask)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Sum the weighted losses in y_pred and the weight decay."""
        total = sum(weight * y_pred[name] for name, weight in self.loss_weights.items() if weight)
        total = total + losses.l2_penalty(self.trainable_weights, self.weight_decay)
        # Replicas on several devices add up their gradients.
        return total / replicas() if replicas() > 1 else total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the mean of each loss."""
        for metric in self._loss_means:
            metric.update_state(y_pred[metric.name])
        return self.get_metrics_result()

    def compile(self, **kwargs):
        """Compile as Keras does, with a mean of each loss as metrics."""
        # Keras tracks metrics that are attributes.
        self._loss_means = [keras.metrics.Mean(name=name) for name in self.loss_weights]
        super().compile(**kwargs)

    def compile_from_config(self, config):
        """Compile with the optimiser of a saved model."""
        # Keras asks for this where compile is overridden.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def get_config(self):
        return {**super().get_config(), **attributes(self, "loss_weights", "weight_decay", "mean_pixel")}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        own = {name: config.pop(name) for name in ("loss_weights", "weight_decay")}
        own["mean_pixel"] = config.pop("mean_pixel", None)  # files of earlier versions lack it
        model = super().from_config(config, custom_objects)
        for name, value in own.items():
            setattr(model, name, value)
        return model


# Keras's HDF5 files name a model's class without the package that it is registered in.
keras.saving.get_custom_objects()["TrainingModel"] = TrainingModel
