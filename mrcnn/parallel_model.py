"""The door to several devices under matterport's name: ``from mrcnn.parallel_model import ParallelModel``."""

import functools

import keras

from mrcnn.backend import DataParallel


class ParallelModel:
    """A copy of a Keras model whose ``fit`` and ``predict`` share every batch among devices.

    keras_model: any of layers that Keras can copy; MaskRCNN does by itself what its config's GPU_COUNT asks.
    gpu_count: how many devices. inner_model is the copy; all else of a model is found here as it is there.
    Raises ValueError if there are fewer devices.
    """

    def __init__(self, keras_model, gpu_count):
        self._parallel = DataParallel(gpu_count)
        if len(self._parallel.devices) < gpu_count:
            raise ValueError(
                f"ParallelModel was asked for {gpu_count} devices, but Keras on "
                f"{keras.backend.backend()} can share batches among {len(self._parallel.devices)} here."
            )
        with self._parallel.scope():
            self.inner_model = keras.models.clone_model(keras_model)
            self.inner_model.set_weights(keras_model.get_weights())

    def __getattr__(self, name):
        value = getattr(self.inner_model, name)
        return self._within_scope(value) if callable(value) else value

    def _within_scope(self, method):
        @functools.wraps(method)
        def call(*args, **kwargs):
            with self._parallel.scope():
                return method(*args, **kwargs)

        return call
