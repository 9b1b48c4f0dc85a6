"""COCO AP during training equals the AP measured afterwards; early stopping."""

import math
from types import SimpleNamespace

import pytest

from mrcnn.datasets.images import ImageError
from mrcnn.evaluation import coco
from mrcnn.model import MaskRCNN
from mrcnn.training.averaging import AveragingSGD, swap_averages
from mrcnn.training.validation import MeanAP, StopEarly, is_due
from mrcnn.weights import named
from tests.scenes import Rectangles
from tests.tiny import Tiny, detector


class Damaged(Rectangles):
    """The second image cannot be read."""

    def load_image(self, image_id):
        if image_id == 1:
            raise ImageError("image1.png: is damaged.")
        return super().load_image(image_id)


class Self(Rectangles):
    """Its instances are every second one of those that a detector finds in its images."""

    def __init__(self, finder, **options):
        super().__init__(**options)
        self.found = finder.detect([self.load_image(image_id) for image_id in self.image_ids])

    def load_mask(self, image_id):
        found = self.found[image_id]
        return found["masks"][:, :, ::2], found["class_ids"][::2]


@pytest.fixture(scope="module")
def found(eagerly):
    """A detector of arbitrary instances, and a training model with its weights, whose averages are zero."""
    finder = detector()
    trained = MaskRCNN("training", Tiny(), "runs")
    stored = {tensor.name: tensor.numpy() for tensor in named.tensors_of(finder.keras_model)}
    named.assign(trained.keras_model, stored, "the detector", minimum_share=1)
    trained.keras_model.compile(optimizer=AveragingSGD(0.1, use_ema=True))
    trained.keras_model.optimizer.build(trained.keras_model.trainable_variables)
    swap_averages(trained.keras_model)
    return SimpleNamespace(finder=finder, trained=trained, dataset=Self(finder, instances=[1, 1, 1]))


def callback(found, dataset, every=1, epochs=9, **options):
    made = MeanAP(found.trained, dataset, every, epochs, **options)
    made.set_model(found.trained.keras_model)
    return made


def test_ap_is_that_of_an_evaluation_afterwards_with_the_averaged_weights(found):
    dataset = found.dataset
    expected = coco.evaluate(found.finder.detect, dataset, progress=False, batch_size=2)
    assert 0 < expected["segm"]["AP"] < expected["segm"]["AP50"] <= 1
    logs = {}
    callback(found, dataset).on_epoch_end(0, logs)
    assert logs.pop("ap_seconds") > 0
    assert logs == {
        "val_mask_ap": expected["segm"]["AP"], "val_mask_ap50": expected["segm"]["AP50"],
        "val_box_ap": expected["bbox"]["AP"], "val_box_ap50": expected["bbox"]["AP50"],
    }  # fmt: skip
    assert not any(tensor.numpy().any() for tensor in named.tensors_of(found.trained.keras_model)
                   if tensor.variable.trainable)  # fmt: skip


def test_the_network_is_built_once_and_follows_the_weights(found):
    measured = callback(found, found.dataset)
    first, second = {}, {}
    measured.on_epoch_end(0, first)
    network = measured._detector
    swap_averages(found.trained.keras_model)  # now the averages are zero
    measured.on_epoch_end(1, second)
    swap_averages(found.trained.keras_model)
    assert measured._detector is network
    assert first["val_box_ap50"] > second["val_box_ap50"]
    assert network.config.DETECTION_MIN_CONFIDENCE == 0.05
    assert found.trained.config.DETECTION_MIN_CONFIDENCE == 0.0


def test_ap_every_so_many_epochs_and_after_the_last(found):
    assert [done for done in range(1, 11) if is_due(done, 4, 10)] == [4, 8, 10]
    assert not any(is_due(done, 0, 10) for done in range(1, 11))
    logs = {}
    callback(found, found.dataset, every=2).on_epoch_end(0, logs)
    assert logs == {}


def test_damaged_images_stop_or_are_passed_over(found):
    with pytest.raises(ImageError, match=r"image1\.png: is damaged"):
        callback(found, Damaged([1, 1, 1])).on_epoch_end(0, {})
    logs = {}
    measured = callback(found, Damaged([1, 1, 1]), skip_bad=True)
    measured.on_epoch_end(0, logs)
    assert measured._image_ids == [0, 2]
    assert math.isfinite(logs["val_mask_ap"])


def test_a_data_set_without_instances_has_no_ap(found):
    told = "none of the {} validation images to measure it on holds an instance"
    assert callback(found, Rectangles([0, 0])).fault() == told.format(2)
    assert callback(found, Rectangles([0, 1])).fault() is None
    assert callback(found, Rectangles([1, 0, 1]), images=1).fault() == told.format(1)


def test_ap_of_some_of_the_images(found):
    measured = callback(found, Rectangles([1] * 9), images=3)
    assert measured._image_ids == [1, 4, 7]
    expected = coco.evaluate(found.finder.detect, measured.dataset, [1, 4, 7], progress=False, batch_size=2)
    logs = {}
    measured.on_epoch_end(0, logs)
    assert logs["val_box_ap50"] == expected["bbox"]["AP50"]
    assert callback(found, Rectangles([1] * 3), images=3)._image_ids == [0, 1, 2]


@pytest.mark.parametrize(
    ("best_of", "first", "stopped"),
    [
        ([1, 2, 3, 4, 5, 6], 0, None),  # each epoch is the best so far
        ([1, 2, 2, 2, 5, 5], 0, None),
        ([1, 2, 2, 2, 2, 6], 0, 5),
        ([1, 1, 1, 1, 1, 1], 0, 4),
        ([1, 1, 1, 1, 1, 1], 2, 5),  # two epochs of stages before the last
        ([None] * 6, 0, 3),
    ],
)
def test_patience(best_of, first, stopped):
    run, lines = SimpleNamespace(best_epoch=None), []
    stop = StopEarly(run, patience=3, first=first, report=lines.append)
    stop.set_model(SimpleNamespace(stop_training=False))
    for done, run.best_epoch in enumerate(best_of, start=1):
        stop.on_epoch_end(done - 1, {"val_loss": 1.0})
        if stop.model.stop_training:
            break
    assert stop.model.stop_training == (stopped is not None)
    if stopped is not None:
        assert done == stopped
        assert lines[0].startswith("Stopped early: ")


def test_patience_waits_for_a_measurement():
    run, lines = SimpleNamespace(best_epoch=None), []
    stop = StopEarly(run, patience=2, first=0, by="mask_ap", report=lines.append)
    stop.set_model(SimpleNamespace(stop_training=False))
    for done in range(1, 6):
        stop.on_epoch_end(done - 1, {"val_loss": 1.0})
    assert not stop.model.stop_training
    run.best_epoch = 2
    stop.on_epoch_end(5, {"val_loss": 1.0, "val_mask_ap": 0.1})
    assert stop.model.stop_training
    assert lines == ["Stopped early: no better epoch since epoch 2 (PATIENCE 2); the best was epoch 2."]
