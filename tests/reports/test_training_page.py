"""The sections on a training: curves of the numbers, settings that differ, the data as they were checked."""

import numpy as np

from mrcnn.datasets import sheets
from mrcnn.reports import training
from mrcnn.reports.html import page
from pumpkin.config import PumpkinConfig
from tests.reports.pages import assert_sound

COLUMNS = {
    "loss": [(1, 2.5), (2, 1.25)], "val_loss": [(1, 3.0), (2, 2.0)], "val_mask_ap": [(2, 0.4)],
    "learning_rate": [(1, 0.001), (2, 0.0005)],
}  # fmt: skip


def sections(config):
    pictures = [sheets.picture(np.full((40, 60, 3), 99, np.uint8), np.ones((40, 60, 1), bool), "one")] * 3
    return (
        training.curves(COLUMNS),
        training.settings(config),
        training.data_check(["images   <3>", "  val      1"]),
        training.augmentation(pictures),
    )


def test_the_sections():
    config = PumpkinConfig()
    config.update({"SEED": 7, "CLASSES": ["<b>"]})
    text = page("a training", *sections(config))
    found = assert_sound(text)
    assert len(found.named("svg")) == 8
    words = " ".join(found.texts)
    assert "training 1.25" in words and "validation 2" in words and "masks 0.4" in words
    assert "<pre>images   &lt;3&gt;\n  val      1</pre>" in text
    assert [link["href"] for link in found.named("a")] == [
        "#curves", "#settings-that-differ-from-the-defaults", "#data", "#what-training-sees"
    ]  # fmt: skip
    assert '<th scope="row">SEED</th><td>7</td><td>0</td>' in text
    assert '<th scope="row">CLASSES</th><td>[&#x27;&lt;b&gt;&#x27;]</td>' in text
    assert "IMAGE_MAX_DIM" not in text
    assert page("a training", *sections(config)) == text


def test_usual_settings():
    assert "There are none." in training.settings(PumpkinConfig())
