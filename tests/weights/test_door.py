"""Weights through the door: what MaskRCNN.load_weights and save_weights add to mrcnn.weights."""

import traceback

import numpy as np
import pytest
from keras import layers, models

from mrcnn.config import Config
from mrcnn.model import MaskRCNN
from mrcnn.weights import named
from mrcnn.weights.named import WeightsError
from tests.stored import assert_constants, assert_equal, fill, fill_at_random, values
from tests.tiny import Tiny

HEADS = ["mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_bbox", "mrcnn_mask"]


@pytest.fixture(scope="module")
def trained():
    """A model for training whose tensors tell their names."""
    model = MaskRCNN("training", Tiny(), "runs")
    fill(model.keras_model)
    model.class_names = ["BG", "round", "square"]
    return model


@pytest.fixture(scope="module")
def model():
    return MaskRCNN("inference", Tiny(), "runs")


@pytest.fixture(autouse=True)
def other_values(model):
    fill_at_random(model.keras_model)
    model.class_names = None


def test_from_training_to_inference(trained, model, tmp_path):
    trained.save_weights(tmp_path / "w.h5")
    report = model.load_weights(str(tmp_path / "w.h5"), by_name=True)
    assert_constants(model.keras_model)
    count = len(values(model.keras_model))
    assert report.summary() == f"loaded {count} of {count} tensors"
    assert model.class_names == ["BG", "round", "square"]


def test_from_a_file_of_keras_3(trained, model, tmp_path):
    trained.keras_model.save_weights(tmp_path / "model.weights.h5")
    model.class_names = ["BG", "cat", "dog"]
    report = model.load_weights(tmp_path / "model.weights.h5")
    assert_constants(model.keras_model)
    assert (len(report.loaded), report.unused_in_file) == (report.total, [])
    assert model.class_names is None  # the file knows none


def test_the_four_names_that_programs_exclude(trained, model, tmp_path):
    trained.save_weights(tmp_path / "w.h5")
    before = values(model.keras_model)
    report = model.load_weights(tmp_path / "w.h5", by_name=True, exclude=HEADS)
    kept = {name: value for name, value in before.items() if name.split("/")[0] in HEADS}
    assert sorted(report.excluded) == sorted(kept) and len(kept) == 6
    assert report.unknown_excludes == []
    assert_equal(model.keras_model, {**values(model.keras_model), **kept})
    assert_constants(model.keras_model, report.loaded)
    assert model.class_names is None


def test_a_file_of_another_network_needs_insistence(model, tmp_path):
    other = models.Sequential(
        [layers.Input((3,)), layers.Dense(32, name="dense"), layers.Dense(2, name="top")]
    )
    fill(other)
    path = tmp_path / "other.h5"
    named.save(other, path)
    before = values(model.keras_model)
    for by_name in (True, False):
        with pytest.raises(WeightsError, match=r"other\.h5: holds too little of the model: loaded 0 of "):
            model.load_weights(path, by_name=by_name)
        report = model.load_weights(path, by_name=by_name, insist=True)
        assert (report.loaded, report.excluded) == ([], [])
        assert "dense/kernel" in report.unused_in_file
    assert_equal(model.keras_model, before)


def test_insistence_takes_the_little_that_fits(model, trained, tmp_path):
    stored = values(trained.keras_model)
    part = models.Sequential([layers.Input((8, 8, 32)), layers.Conv2D(32, 3, name="fpn_p2")])
    fill(part)
    named.save(part, tmp_path / "part.h5")
    with pytest.raises(WeightsError, match="holds too little"):
        model.load_weights(tmp_path / "part.h5", by_name=True)
    report = model.load_weights(tmp_path / "part.h5", by_name=True, insist=True)
    assert report.loaded == ["fpn_p2/kernel", "fpn_p2/bias"]
    np.testing.assert_array_equal(values(model.keras_model)["fpn_p2/kernel"], stored["fpn_p2/kernel"])


def test_layouts(trained, tmp_path):
    trained.save_weights(tmp_path / "default.h5", 3)
    trained.save_weights(tmp_path / "mrcnn.h5", epoch=3, layout="mrcnn")
    assert (tmp_path / "default.h5").read_bytes() == (tmp_path / "mrcnn.h5").read_bytes()
    with pytest.raises(
        WeightsError, match="knows no BACKBONE 'light' and no RPN_CHANNELS 32 and no MASK_HEAD_CHANNELS 16"
    ):
        trained.save_weights(tmp_path / "matterport.h5", layout="matterport")
    with pytest.raises(WeightsError, match=r"no layout 'h5' .* only mrcnn and matterport"):
        trained.save_weights(tmp_path / "matterport.h5", layout="h5")
    assert not (tmp_path / "matterport.h5").exists()


def test_matterports_layout_returns_from_training_to_inference(tmp_path):
    """Of the smallest network that matterport's code can build, but for the sizes that it lets be chosen."""
    config = Tiny()
    config.update({"BACKBONE": "resnet50", "RPN_CHANNELS": 512, "MASK_HEAD_CHANNELS": 256})
    first, second = (MaskRCNN(mode, config, "runs") for mode in ("training", "inference"))
    fill_at_random(first.keras_model)
    first.class_names = ["BG", "round", "square"]
    first.save_weights(tmp_path / "w.h5", layout="matterport")
    report = second.load_weights(tmp_path / "w.h5")
    assert (len(report.loaded), report.unused_in_file) == (report.total, [])
    assert_equal(second.keras_model, values(first.keras_model))
    assert second.class_names == ["BG", "round", "square"]


BAD_FILES = {
    "none.h5": (None, "there is no such weights file"),
    "text.h5": (b"some text", "is not an HDF5 weights file"),
    "page.h5": (b"<html>", "is a web page, not the file itself: download it again"),
    "short.h5": (b"\x89HDF\r\n\x1a\n and no more", "is cut short or damaged"),
}


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("name", BAD_FILES)
def test_what_cannot_be_read_is_a_sentence_and_nothing_stands_above_it(model, tmp_path, name, by_name):
    content, sentence = BAD_FILES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        model.load_weights(tmp_path / name, by_name=by_name)
    assert str(caught.value).startswith(f"{tmp_path / name}: {sentence}")
    assert "".join(traceback.format_exception(caught.value)).count("Traceback") == 1


def test_what_files_carry(trained, tmp_path):
    trained.save_weights(tmp_path / "w.h5", epoch=3)
    metadata = named.read_metadata(tmp_path / "w.h5")
    assert sorted(metadata) == ["class_names", "config", "epoch", "format"]
    assert (metadata["format"], metadata["epoch"]) == (1, 3)
    assert metadata["class_names"] == ["BG", "round", "square"]
    again = Config()
    again.update(metadata["config"])
    assert {name: again.to_plain()[name] for name in metadata["config"]} == metadata["config"]
    assert (again.NAME, again.NUM_CLASSES, again.RPN_CHANNELS) == ("tiny", 3, 32)
