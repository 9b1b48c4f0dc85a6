"""Whole runs of a tiny network: stages, checkpoints, batches, and what stops them."""

import csv

import keras
import numpy as np
import pytest

from mrcnn.config import ConfigError
from mrcnn.datasets.images import ImageError
from mrcnn.model import MaskRCNN
from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.pipeline.loader import Loader
from mrcnn.training import driver
from mrcnn.training.data import TrainingData
from mrcnn.training.run import Run, checkpoints
from mrcnn.weights import named
from tests.scenes import Rectangles
from tests.tiny import Tiny


def tiny(**settings):
    config = Tiny()
    config.update({
        "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64, "MINI_MASK_SHAPE": [28, 28], "TRAIN_ROIS_PER_IMAGE": 8,
        "POST_NMS_ROIS_TRAINING": 20, "STEPS_PER_EPOCH": None, "VALIDATION_STEPS": None, "WORKERS": 2,
    })  # fmt: skip
    config.update(settings)
    return config


def stage(layers="all", epochs=1, learning_rate=1e-3):
    return {"layers": layers, "epochs": epochs, "learning_rate": learning_rate}


class Values(keras.callbacks.Callback):
    """Keeps the values of two layers after each epoch: one of the backbone, one of the heads."""

    def __init__(self):
        super().__init__()
        self.backbone, self.heads = [], []

    def on_epoch_end(self, epoch, logs=None):
        layers = leaf_layers(self.model)
        backbone = next(layer for layer in layers.values() if layer.weights)
        self.backbone.append(np.array(backbone.weights[0]))
        self.heads.append(np.array(layers["fpn_p2"].weights[0]))


class Batches:
    """Records the batches requested of a Loader, and their numbers of images."""

    def __init__(self, monkeypatch):
        self.asked = {}
        original = Loader.batch

        def batch(loader, k):
            found = original(loader, k)
            self.asked.setdefault(loader.shuffle, set()).add((k, len(found["input_image"])))
            return found

        monkeypatch.setattr(Loader, "batch", batch)


class Unreadable(Rectangles):
    """The third image is damaged."""

    def load_image(self, image_id):
        if image_id == 2:
            raise ImageError("image2.png: is damaged.")
        return super().load_image(image_id)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, without_curves, eagerly):
    """A run of two stages on three images, of which one is skipped: model, run, lines and what was seen."""
    monkeypatch = pytest.MonkeyPatch()
    config = tiny()
    model = MaskRCNN("training", config, "runs")
    run = Run(tmp_path_factory.mktemp("runs"), config)
    lines, values, batches = [], Values(), Batches(monkeypatch)
    last = driver.train(
        model, TrainingData(Unreadable([2, 1, 0]), Unreadable([1, 0, 1]), skip_bad=True), run,
        callbacks=[values], report=lines.append, stages=[stage("heads", 1), stage("all", 2, 5e-4)],
    )  # fmt: skip
    monkeypatch.undo()
    return {"model": model, "run": run, "lines": lines, "values": values, "batches": batches, "last": last}


def test_epochs_count_through_the_stages(trained):
    assert trained["model"].epoch == 3
    assert trained["last"] == trained["run"].checkpoint(3)
    assert 3 in checkpoints(trained["run"].folder)
    assert [line.split()[1] for line in trained["lines"][:3]] == ["1/3", "2/3", "3/3"]
    assert all("validation" in line for line in trained["lines"][:3])


def test_metrics_of_every_epoch(trained):
    with open(trained["run"].folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    np.testing.assert_allclose([float(row["learning_rate"]) for row in rows], [1e-3, 5e-4, 5e-4], rtol=1e-6)
    assert all(float(row[name]) > 0 for row in rows for name in ("loss", "val_loss", "val_rpn_class_loss"))
    assert len(list(trained["run"].folder.glob("events.*"))) == 1


def test_each_stage_trains_its_layers_alone(trained):
    backbone, heads = trained["values"].backbone, trained["values"].heads
    start = leaf_layers(MaskRCNN("training", tiny(), "runs").keras_model)
    first = next(layer for layer in start.values() if layer.weights)
    np.testing.assert_array_equal(backbone[0], np.asarray(first.weights[0]))
    assert (heads[0] != np.asarray(start["fpn_p2"].weights[0])).any()
    assert (backbone[1] != backbone[0]).any()
    assert (heads[1] != heads[0]).any()


def test_batches_go_on_from_stage_to_stage(trained):
    asked = trained["batches"].asked
    assert asked[True] == {(0, 2), (1, 1), (2, 2), (3, 1), (4, 2), (5, 1)}  # three images, two a batch
    assert asked[False] == {(0, 2), (1, 1)}


def test_checkpoints_know_their_classes_epoch_and_settings(trained):
    metadata = named.read_metadata(trained["last"])
    assert metadata["class_names"] == ["BG", "dull", "bright"]
    assert metadata["epoch"] == 3
    assert metadata["config"]["IMAGE_MAX_DIM"] == 64
    detector = MaskRCNN("inference", tiny(), "runs")
    detector.load_weights(trained["last"])
    ours, theirs = (
        leaf_layers(m.keras_model)["mrcnn_class_logits"].weights for m in (detector, trained["model"])
    )
    for first, second in zip(ours, theirs):
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))


def test_matterports_train_counts_epochs_in_total(trained, tmp_path, monkeypatch, capsys):
    calls = []

    def train(model, data, run, stages, **options):
        calls.append((run.folder, stages))
        model.epoch += stages[0]["epochs"]

    monkeypatch.setattr(driver, "train", train)
    model, dataset = trained["model"], Rectangles([1])
    monkeypatch.setattr(model, "model_dir", tmp_path)
    model.set_log_dir()
    model.train(dataset, None, learning_rate=1e-3, epochs=2, layers="heads")
    model.train(dataset, None, learning_rate=1e-4, epochs=5, layers="all")
    model.train(dataset, None, learning_rate=1e-4, epochs=5, layers="all")
    (folder,) = tmp_path.iterdir()
    assert calls == [(folder, [stage("heads", 2, 1e-3)]), (folder, [stage("all", 3, 1e-4)])]
    assert "5 epochs are done and 5 were requested" in capsys.readouterr().out


def test_a_start_that_fails_leaves_no_folder(trained, tmp_path, monkeypatch):
    model, dataset = trained["model"], Rectangles([1])
    monkeypatch.setattr(model, "model_dir", tmp_path / "runs")
    model.set_log_dir()
    for wrong, message in (
        ("res5.*", "no layer has a name"),
        ("4+", "'light' has none"),
        ("(", "regular expr"),
    ):
        with pytest.raises(ConfigError, match=message):
            model.train(dataset, None, learning_rate=1e-3, epochs=2, layers=wrong)
        assert not (tmp_path / "runs").exists()
    monkeypatch.setattr(driver, "train", lambda *arguments, **options: None)
    model.train(dataset, None, learning_rate=1e-3, epochs=2, layers="heads")
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_an_unreadable_image_stops_with_its_name(trained, tmp_path):
    run = Run(tmp_path, tiny())
    with pytest.raises(ImageError, match=r"image2\.png: is damaged"):
        driver.train(trained["model"], TrainingData(Unreadable()), run, stages=[stage("heads")])
    assert checkpoints(run.folder) == {}


def test_skipped_images_are_counted(trained):
    assert trained["lines"][3:] == [
        "Skipped in training: 1 of 3 images", "  image2.png: is damaged.",
        "Skipped in validation: 1 of 3 images", "  image2.png: is damaged.",
    ]  # fmt: skip


def test_what_cannot_be_trained_is_said_before_the_first_step(trained, tmp_path, monkeypatch):
    model, data = trained["model"], TrainingData(Rectangles())
    run = Run(tmp_path, model.config)
    with pytest.raises(ConfigError, match=r"stage 2: no layer has a name like 'res5\.\*'"):
        driver.train(model, data, run, stages=[stage("heads"), stage("res5.*")])
    with pytest.raises(ValueError, match="Unknown augmentation 'heavy'"):
        driver.train(model, TrainingData(Rectangles(), augmentation="heavy"), run)
    monkeypatch.setattr(model.config, "NUM_CLASSES", 4)
    with pytest.raises(
        ConfigError, match="NUM_CLASSES is 4, but the data set has 3 classes: BG, dull, bright"
    ):
        driver.train(model, data, run)
    assert list(run.folder.iterdir()) == []
