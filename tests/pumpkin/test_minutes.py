"""A training whose minutes are too few for its images at their size."""

import time

from mrcnn.training import pace
from mrcnn.training.data import TrainingData
from pumpkin import minutes
from pumpkin.config import PumpkinConfig
from tests.scenes import Rectangles


def test_smaller_images_are_measured_again(monkeypatch):
    config, lines, sides = PumpkinConfig(), [], []
    config.update({"IMAGE_MIN_DIM": 512, "IMAGE_MAX_DIM": 512, "IMAGES_PER_GPU": 2, "VALIDATION_STEPS": 0})

    def measure(make, data, seconds, between):
        sides.append(config.IMAGE_MAX_DIM)
        step = 3000.0 * (config.IMAGE_MAX_DIM / 512) ** 2
        return pace.Pace(dict.fromkeys(("heads", "all"), step), dict.fromkeys(("heads", "all"), 0.0))

    monkeypatch.setattr(pace, "measure", measure)
    data = TrainingData(Rectangles([1] * 10))
    chosen = minutes.fit(config, 2000, time.monotonic(), data, make=None, report=lines.append)
    assert sides == [512, 384]  # 38 steps are 7.6 passes, and 512 px times the root of 0.76 are 446
    assert (config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM) == (384, 384)
    assert tuple(config.RPN_ANCHOR_SCALES) == (24, 48, 96, 192, 384)
    assert chosen["STEPS_PER_EPOCH"].value == config.STEPS_PER_EPOCH
    assert config.STEPS_PER_EPOCH * sum(stage["epochs"] for stage in config.STAGES) >= 60
    assert "STAGES all 1: 1 epoch, as validation, AP and saving take 0.0 s each" in lines
    assert lines[0] == "Measuring the speed of this machine at 512 px, for 2000 minutes"
    assert "IMAGE_MAX_DIM 384: 7.6 passes over the images at 512 px are fewer than 10" in lines
