"""The interface between trainer and model: the trainer calls these methods, and writes no attribute.

``mrcnn.model.MaskRCNN`` has both sides. Training imports no door: it is given a Trainable, and asks it for a
Detector where AP is measured.
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
        """A context manager in which keras_model is compiled, trained and read."""

    def begin_run(self, folder, class_names):
        """Take note of the folder that the run writes to, and of the classes of its data set by class id."""

    def end_run(self, epoch):
        """Take note of how many whole epochs are done."""

    def save_weights(self, filepath, epoch):
        """Write the weights as they are after so many epochs."""

    def for_inference(self, **overrides):
        """A Detector with this model's weights, and with its config but for the settings in ``overrides``."""


@runtime_checkable
class Detector(Protocol):
    """A model that finds instances. config: its Config."""

    config: Any

    def detect(self, images):
        """A dict of rois, class_ids, scores and masks for each image, as MaskRCNN.detect gives."""

    def take_weights(self, trained):
        """Copy the present weights of the Trainable that it was made from."""
