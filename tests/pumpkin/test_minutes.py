"""A training whose minutes are too few for its images at their size."""

import time

import pytest

from mrcnn.config import ConfigError
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


def _fit_by(monkeypatch, step_at, minutes_given, **settings):
    """Fit a config of 512 px where a step takes step_at(side) seconds; return it and the sides tried."""
    config, sides = PumpkinConfig(), []
    sizes = {"IMAGE_MIN_DIM": 512, "IMAGE_MAX_DIM": 512, "IMAGES_PER_GPU": 2, "VALIDATION_STEPS": 0}
    config.update({**sizes, **settings})

    def measure(make, data, seconds, between):
        sides.append(config.IMAGE_MAX_DIM)
        step = step_at(config.IMAGE_MAX_DIM)
        return pace.Pace(dict.fromkeys(("heads", "all"), step), dict.fromkeys(("heads", "all"), 0.0))

    monkeypatch.setattr(pace, "measure", measure)
    data = TrainingData(Rectangles([1] * 10))
    minutes.fit(config, minutes_given, time.monotonic(), data, make=None, report=[].append)
    return config, sides


def test_smaller_images_are_tried_before_minutes_are_refused(monkeypatch):
    # 10 minutes are 11 steps at 512 px, which are too few, but 20 or more at 256.
    config, sides = _fit_by(monkeypatch, lambda side: 50 * (side / 512) ** 2, 10)
    assert sides == [512, 256]
    assert config.STEPS_PER_EPOCH * sum(stage["epochs"] for stage in config.STAGES) == 46


@pytest.mark.parametrize("mode", ["square", "crop"])
def test_minutes_that_no_size_fits_are_refused(monkeypatch, mode):
    words = r"--minutes 10 is too short: .* and 20 steps 16\.7; give 17\.2 or more\."
    with pytest.raises(ConfigError, match=words):
        _fit_by(monkeypatch, lambda side: 50, 10, IMAGE_RESIZE_MODE=mode)
