"""A weights file of the tiny network."""

import pytest

from tests.tiny import detector


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """The path of a checkpoint in the folder of a run; its classes are "round" and "square"."""
    model = detector()
    model.class_names = ["BG", "round", "square"]
    path = tmp_path_factory.mktemp("runs") / "tiny20260101T0000" / "mask_rcnn_tiny_0003.h5"
    model.save_weights(path, epoch=3)
    return path
