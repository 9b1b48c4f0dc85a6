"""What the words of --weights mean, and what a command adds if they cannot be downloaded."""

from pathlib import Path

import pytest

from mrcnn.training.errors import RunError
from mrcnn.weights import downloads
from pumpkin import initial_weights, models
from pumpkin.config import PumpkinConfig


def test_weights_are_the_last_of_the_runs_coco_or_a_path(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "fetch", lambda name: tmp_path / f"{name}.h5")
    checkpoint = tmp_path / "runs" / "own20261127T1200" / "mask_rcnn_own_0003.h5"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    assert models.find_weights("last", tmp_path / "runs") == checkpoint
    assert models.find_weights("coco") == tmp_path / "coco.h5"
    assert models.find_weights("resnet50") == Path("resnet50")
    assert models.find_weights(str(checkpoint.parent)) == checkpoint
    with pytest.raises(RunError):
        models.find_weights("last", tmp_path / "none")
    config = PumpkinConfig()
    config.update({"BACKBONE": "resnet50"})
    assert initial_weights.find_start("none", config, tmp_path / "runs") is None
    assert initial_weights.find_start("last", config, tmp_path / "runs") == checkpoint
    assert initial_weights.find_start(str(checkpoint), config, "runs") == checkpoint
    for name, file in (("coco", "coco.h5"), ("imagenet", "resnet50.h5")):
        (tmp_path / file).touch()
        assert initial_weights.find_start(name, config, "runs") == tmp_path / file


def test_a_failed_download_names_the_options_of_the_command(monkeypatch):
    def fail(name):
        raise downloads.DownloadError(f"{name}.h5 cannot be downloaded.")

    monkeypatch.setattr(downloads, "fetch", fail)
    with pytest.raises(downloads.DownloadError) as error:
        models.find_weights("coco")
    assert str(error.value) == "coco.h5 cannot be downloaded. Give --weights PATH."
    config = PumpkinConfig()
    config.update({"BACKBONE": "resnet101"})
    for name, file in (("coco", "coco"), ("imagenet", "resnet101")):
        with pytest.raises(downloads.DownloadError) as error:
            initial_weights.find_start(name, config, "runs")
        assert str(error.value) == f"{file}.h5 cannot be downloaded. Give --weights none or --weights PATH."
