"""Train on several devices under matterport's name: ``from mrcnn.parallel_model import ParallelModel``."""

import functools

import keras

from mrcnn.backend import DataParallel
from mrcnn.matterport import handed_on

__all__ = ["ParallelModel"]
__getattr__, _handed_on = handed_on.of(__name__)
__all__ += _handed_on


class ParallelModel:
    """A copy of a Keras model whose ``fit`` and ``predict`` split every batch among several devices.

    MaskRCNN needs no ParallelModel: it uses several devices itself if its config sets GPU_COUNT.

    keras_model: a model whose layers Keras can copy. gpu_count: number of devices.
    The copy is ``inner_model``; all other attributes and methods are those of the copy.
    Raises ValueError if fewer devices are available.
    """

    def __init__(self, keras_model, gpu_count):
        self._parallel = DataParallel(gpu_count)
        if len(self._parallel.devices) < gpu_count:
            raise ValueError(
                f"ParallelModel received gpu_count {gpu_count}, but Keras on {keras.backend.backend()} can "
                f"share batches among {len(self._parallel.devices)} here."
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
