"""The interface between trainer and model: the trainer only calls these methods and sets no attribute.

``mrcnn.model.MaskRCNN`` implements both classes. Training does not import it: it receives a Trainable, and
gets a Detector from it to measure AP.
"""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Trainable(Protocol):
    """A model that can be trained.

    config: its Config. keras_model: the Keras model of the training graph. epoch: whole epochs already done.
    """

    config: Any
    keras_model: Any
    epoch: int

    def scope(self):
        """Return a context manager in which keras_model is compiled, trained and read."""

    def begin_run(self, folder, class_names):
        """Record the folder that the run writes to, and the class names of its data set by class id."""

    def end_run(self, epoch):
        """Record the number of completed epochs."""

    def save_weights(self, filepath, epoch):
        """Write the weights, with ``epoch`` as the number of completed epochs."""

    def for_inference(self, **overrides):
        """Return a Detector with this model's weights and its config, changed by ``overrides``."""


@runtime_checkable
class Detector(Protocol):
    """A model that finds instances. config: its Config."""

    config: Any

    def detect(self, images):
        """Return a dict of rois, class_ids, scores and masks for each image, as MaskRCNN.detect does."""

    def take_weights(self, trained):
        """Copy the current weights of the Trainable that created it."""
