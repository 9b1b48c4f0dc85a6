"""From a class name to outlined instances: download from the test's server, train some steps, detect."""

import json

import pytest

from pumpkin.commands import detect, download, train
from tests.openimages.world import ANNOTATIONS, IMAGES

TINY = [
    "NAME=tiny", "BACKBONE=light", "STAGES=[{layers: all, epochs: 1, learning_rate: 0.001}]",
    "STEPS_PER_EPOCH=2", "IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64",
    "TOP_DOWN_PYRAMID_SIZE=16", "RPN_CHANNELS=16",
    "FPN_CLASSIF_FC_LAYERS_SIZE=16", "MASK_HEAD_CHANNELS=8", "PRE_NMS_LIMIT=60", "TRAIN_ROIS_PER_IMAGE=8",
    "POST_NMS_ROIS_TRAINING=20", "POST_NMS_ROIS_INFERENCE=10", "DETECTION_MAX_INSTANCES=5", "AP_EVERY=0",
]  # fmt: skip


@pytest.mark.slow
def test_download_train_detect(server, tmp_path, capsys):
    data, runs, out = tmp_path / "data", tmp_path / "runs", tmp_path / "out"
    servers = ["--annotations-url", server.url + ANNOTATIONS, "--images-url", server.url + IMAGES]
    code = download.main(["--classes", "Squash", "--dataset", str(data), "--yes", *servers])
    assert code == 0
    words = ["--weights", "none", "--dataset", str(data), "--out", str(runs)]
    assert train.main([*words, "--no-report", "--set", "CLASSES=[Squash]", *TINY]) == 0
    (weights,) = runs.glob("tiny*/mask_rcnn_tiny_0001.h5")
    pictures = str(data / "validation" / "squash" / "*.jpg")
    assert detect.main([pictures, "--weights", str(weights), "--min-confidence", "0", "--out", str(out)]) == 0
    records = json.loads((out / "detections.json").read_text())
    assert len(records) == len(list((data / "validation" / "squash").glob("*.jpg"))) > 0
    assert {row["class"] for record in records for row in record["detections"]} <= {"Squash"}
    assert "images to train on" in capsys.readouterr().out
