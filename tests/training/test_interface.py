"""MaskRCNN keeps the interface that training knows it by, and gives its own weights to inference."""

import inspect

import numpy as np
import pytest

from mrcnn.config import ConfigError
from mrcnn.model import MaskRCNN
from mrcnn.training.interface import Detector, Trainable
from mrcnn.weights import named
from tests.tiny import Tiny, picture


@pytest.fixture(scope="module")
def trained():
    return MaskRCNN("training", Tiny(), "runs")


@pytest.fixture(scope="module")
def derived(trained):
    trained.class_names = ["BG", "a", "b"]
    return trained.for_inference(DETECTION_MIN_CONFIDENCE=0.05, IMAGES_PER_GPU=1)


@pytest.mark.parametrize("interface", [Trainable, Detector])
def test_a_mask_rcnn_has_what_training_asks_for(trained, interface):
    assert isinstance(trained, interface)
    methods = {name: m for name, m in vars(interface).items() if inspect.isfunction(m) and name[0] != "_"}
    assert methods
    for name, method in methods.items():
        asked = inspect.signature(method).parameters.values()
        places = [p.name for p in asked if p.kind is p.POSITIONAL_OR_KEYWORD]
        inspect.signature(getattr(MaskRCNN, name)).bind(*places)  # it can be called as the trainer does


def test_training_notes_what_it_did(trained, tmp_path):
    trained.begin_run(tmp_path / "own20260101T0000", ("BG", "a", "b"))
    trained.end_run(7)
    assert (trained.log_dir, trained.class_names) == (str(tmp_path / "own20260101T0000"), ["BG", "a", "b"])
    assert trained.epoch == 7


def weights(model):
    return {tensor.name: tensor.numpy() for tensor in named.tensors_of(model.keras_model)}


def test_inference_has_the_weights_the_classes_and_the_settings(trained, derived):
    assert (derived.mode, derived.class_names) == ("inference", ["BG", "a", "b"])
    assert derived.config.DETECTION_MIN_CONFIDENCE == 0.05 and derived.config.BATCH_SIZE == 1
    assert trained.config.DETECTION_MIN_CONFIDENCE == 0.0 and trained.config.BATCH_SIZE == 2
    assert derived.config.NUM_CLASSES == 3
    ours, theirs = weights(trained), weights(derived)
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])
    assert set(derived.detect([picture(40, 50)])[0]) == {"rois", "class_ids", "scores", "masks"}


def test_weights_that_are_trained_later_are_taken_over(trained, derived):
    layer = trained.keras_model.get_layer("mrcnn_class_logits")
    layer.bias.assign([1.0, 2.0, 3.0])
    assert weights(derived)["mrcnn_class_logits/bias"].tolist() != [1, 2, 3]
    derived.take_weights(trained)
    assert weights(derived)["mrcnn_class_logits/bias"].tolist() == [1, 2, 3]


def test_another_network_is_refused(trained, derived):
    with pytest.raises(ConfigError, match="unknown setting 'DETECTION_MIN'"):
        trained.for_inference(DETECTION_MIN=0.1)
    other = trained.for_inference(NUM_CLASSES=3)
    kernel = other.keras_model.get_layer("fpn_p2").kernel
    assert kernel.shape == (3, 3, 32, 32)
    with pytest.raises(named.WeightsError, match="the other model: does not fit the model"):
        trained.for_inference(TOP_DOWN_PYRAMID_SIZE=16)
