"""MaskRCNN for training in matterport's way: folders, continuing from a checkpoint, trained layers."""

import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from mrcnn.model import MaskRCNN
from mrcnn.pipeline.loader import Loader
from mrcnn.training.run import checkpoints
from mrcnn.weights import named
from tests.scenes import Rectangles
from tests.tiny import Tiny, detector


class Own(Tiny):
    """Two steps an epoch, on ROIs that come with the images."""

    NAME = "Own"
    STEPS_PER_EPOCH, VALIDATION_STEPS, IMAGES_PER_GPU = 2, 1, 1
    USE_RPN_ROIS = False
    POST_NMS_ROIS_TRAINING = 40
    TRAIN_ROIS_PER_IMAGE = 16


class Losses(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.logs = []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(logs)


@pytest.fixture(scope="module")
def model(tmp_path_factory, without_curves, eagerly):
    """Trained for one epoch."""
    model = MaskRCNN("training", Own(), tmp_path_factory.mktemp("logs"))
    model.planned = model.log_dir
    model.seen = Losses()
    model.train(Rectangles([2, 1]), Rectangles([1]), 1e-3, 1, "all", custom_callbacks=[model.seen])
    return model


@pytest.fixture
def going_on(model, tmp_path):
    """The same network before anything was loaded, and a copy of the logs as its folder."""
    shutil.copytree(model.model_dir, tmp_path / "logs")
    model.model_dir, before = (
        str(tmp_path / "logs"),
        (model.model_dir, model.epoch, model.log_dir, model._run),
    )
    model.set_log_dir()
    yield model
    model.model_dir, model.epoch, model.log_dir, model._run = before


def test_given_rois_train_the_heads(model):
    (logs,) = model.seen.logs
    assert logs["mrcnn_mask_loss"] > 0 and logs["val_mrcnn_class_loss"] > 0
    assert all(np.isfinite(value) for value in logs.values())


def test_given_rois_are_a_function_of_seed_and_place():
    batch, again = (Loader(Rectangles([2, 1]), Own()).batch(0) for _ in range(2))
    assert batch["input_roi"].shape == (1, 40, 4) and batch["input_roi"].dtype == np.float32
    np.testing.assert_array_equal(batch["input_roi"], again["input_roi"])
    assert (batch["input_roi"][..., 2:] > batch["input_roi"][..., :2]).all()


def test_the_folder_is_the_one_that_was_planned(model):
    assert model.log_dir[: len(model.planned) - 1] == model.planned[:-1]  # but for the minute
    assert Path(model.log_dir).name.startswith("own2")
    assert model.epoch == 1
    assert Path(model.checkpoint_path.format(epoch=1)).is_file()


def test_the_last_checkpoint_is_a_path_and_a_pair(model):
    path = model.find_last()
    assert path == model.checkpoint_path.format(epoch=1) and os.path.isfile(path)
    folder, second = path
    assert (folder, second) == (model.log_dir, str(path)) == (path[0], path[1])
    assert os.path.join(path[:4], os.path.basename(path)) == f"{str(path)[:4]}/mask_rcnn_own_0001.h5"
    other = Own()
    other.NAME = "another"
    with pytest.raises(FileNotFoundError, match="no run here has a checkpoint"):
        MaskRCNN("inference", other, model.model_dir).find_last()


def test_training_goes_on_in_the_folder_of_a_checkpoint(going_on, capsys):
    path = going_on.find_last()
    going_on.load_weights(path, by_name=True)
    assert f"{path}: loaded " in capsys.readouterr().out
    assert (going_on.epoch, going_on.log_dir) == (1, str(Path(path).parent))
    rows = (Path(path).parent / "metrics.csv").read_text().splitlines()
    going_on.train(Rectangles([2, 1]), Rectangles([1]), 1e-3, 2, "heads")
    folder = Path(path).parent
    assert list(checkpoints(folder)) == [1, 2]  # none of an earlier run is pruned
    assert (folder / "metrics.csv").read_text().splitlines()[:2] == rows[:2]
    facts = json.loads((folder / "run.json").read_text())
    assert facts["before"]["config"] == facts["config"] and "before" not in facts["before"]
    assert named.read_metadata(going_on.find_last())["epoch"] == 2


def test_from_an_earlier_checkpoint_a_new_folder_is_begun(going_on):
    path = Path(going_on.find_last())
    shutil.copy(path, path.with_name("mask_rcnn_own_0005.h5"))
    going_on.load_weights(str(path), by_name=True)
    assert going_on.epoch == 1
    going_on.train(Rectangles([1, 2]), None, 1e-3, 2, "heads")
    assert Path(going_on.log_dir) != path.parent
    assert list(checkpoints(going_on.log_dir)) == [2] and list(checkpoints(path.parent)) == [1, 5]


def test_other_files_begin_at_epoch_0(going_on, tmp_path):
    path = tmp_path / "mask_rcnn_own_0007.h5"  # outside a run's folder
    shutil.copy(going_on.find_last(), path)
    going_on.load_weights(path, by_name=True, report=None)
    assert going_on.epoch == 0 and Path(going_on.log_dir).parent == tmp_path / "logs"
    going_on.set_log_dir(tmp_path / "shapes20180131T2359_2" / "mask_rcnn_shapes_0012.h5")
    assert (going_on.epoch, going_on.log_dir) == (12, str(tmp_path / "logs" / "own20180131T2359_2"))


def test_a_checkpoint_from_elsewhere_goes_on_within_model_dir(going_on, tmp_path):
    """As from a data set's read-only folder: its path gives the date and the epoch alone."""
    path = tmp_path / "input" / "ship20190530T1828" / "mask_rcnn_ship_0003.h5"
    path.parent.mkdir(parents=True)
    shutil.copy(going_on.find_last(), path)
    going_on.load_weights(str(path), by_name=True, report=None)
    folder = tmp_path / "logs" / "own20190530T1828"
    assert (going_on.epoch, going_on.log_dir) == (3, str(folder)) and not folder.exists()
    going_on.train(Rectangles([1, 2]), None, 1e-3, 4, "heads")
    assert going_on.log_dir == str(folder) and list(checkpoints(folder)) == [4]
    assert going_on.find_last() == str(folder / "mask_rcnn_own_0004.h5")
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_the_program_made_is_trained_in_and_another_runs_is_not(going_on, monkeypatch):
    monkeypatch.setattr("mrcnn.model.driver.train", lambda *arguments, **options: None)
    made = Path(going_on.model_dir) / "own20190530T1828"
    made.mkdir()
    for expected in (True, False):  # the second time it holds run.json
        going_on.set_log_dir()
        going_on.log_dir = str(made)
        going_on.train(Rectangles([1]), None, 1e-3, 1, "heads")
        assert (going_on._run.folder == made) is expected
    assert (made / "run.json").exists()


def test_chosen_layers_are_told(model, capsys):
    model.set_trainable(r"mrcnn_mask.*", indent=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  Layers to train:"
    assert [line.split()[0] for line in lines[1:]][:2] == ["mrcnn_mask_conv1", "mrcnn_mask_bn1"]
    assert all(name.path.startswith("mrcnn_mask") for name in model.keras_model.trainable_weights)
    model.set_trainable(".*", verbose=0)
    assert capsys.readouterr().out == ""
    assert any(name.path.startswith("light_stem1") for name in model.keras_model.trainable_weights)


def test_a_program_may_fit_by_itself(model):
    model.set_trainable("mrcnn_mask", verbose=0)
    model.compile(learning_rate=0.01, momentum=0.5)
    assert float(model.keras_model.optimizer.learning_rate) == pytest.approx(0.01)
    assert (model.keras_model.optimizer.momentum, model.keras_model.optimizer.clipnorm) == (0.5, 5.0)
    before = [np.asarray(w).copy() for w in model.keras_model.get_layer("mrcnn_mask").weights]
    history = model.keras_model.fit(Loader(Rectangles([2]), model.config), verbose=0).history
    assert history["loss"][0] > 0
    after = model.keras_model.get_layer("mrcnn_mask").weights
    assert any((np.asarray(w) != old).any() for w, old in zip(after, before))


def test_keras_model_reads_and_writes_our_files(tmp_path):
    model, other = detector(), detector(SEED=1)
    model.class_names = ["BG", "a", "b"]
    path = tmp_path / "by_hand.h5"
    model.keras_model.save_weights(path)
    assert named.read_metadata(path)["class_names"] == ["BG", "a", "b"]
    other.keras_model.load_weights(str(path), by_name=True)
    for first, second in zip(model.keras_model.weights, other.keras_model.weights):
        np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
    with pytest.raises(FileExistsError, match=r"by_hand\.h5: is there already"):
        model.keras_model.save_weights(path, overwrite=False)
    model.keras_model.save_weights(tmp_path / "k.weights.h5")  # Keras's own
    layers = other.keras_model.get_layer("fpn_p2")
    layers.set_weights([w * 0 for w in layers.get_weights()])
    other.keras_model.load_weights(tmp_path / "k.weights.h5")
    np.testing.assert_array_equal(
        layers.get_weights()[0], model.keras_model.get_layer("fpn_p2").get_weights()[0]
    )
