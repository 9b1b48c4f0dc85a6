"""The measured networks: those of the default Config, but with COCO's 81 classes."""

import statistics

import yaml

from mrcnn import backend
from mrcnn.config import Config
from mrcnn.model import MaskRCNN
from mrcnn.training.speed import peak_memory_gb


def build(mode, backbone, size, precision="float32", batch=1, settings=()):
    """Build a MaskRCNN with random weights for square images of ``size`` pixels.

    settings: further settings, as NAME=VALUE.
    """
    config = Config()
    config.update(
        {
            "NAME": "benchmark",
            "BACKBONE": backbone,
            "IMAGE_MIN_DIM": size,
            "IMAGE_MAX_DIM": size,
            "IMAGES_PER_GPU": batch,
            "NUM_CLASSES": 81,
            "PRECISION": precision,
            **{name: yaml.safe_load(value) for name, value in (pair.split("=", 1) for pair in settings)},
        }
    )
    return MaskRCNN(mode, config, "runs")


def report(title, seconds, flop, peak):
    """Print a table with one row: times, arithmetic, the share of the machine's peak, and memory.

    seconds: of each run. flop: of one run. peak: FLOP per second.
    """
    middle, held = statistics.median(seconds), backend.accelerator_memory_gb()
    print(f"{title}; on {', '.join(backend.device_names())}")
    print("| s, median (least to most) | TFLOP | GFLOP/s | machine's | share | peak memory, GB | device's |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {middle:.3g} ({min(seconds):.3g} to {max(seconds):.3g}) | {flop / 1e12:.2f} "
        f"| {flop / middle / 1e9:.0f} | {peak / 1e9:.0f} | {flop / middle / peak:.0%} "
        f"| {peak_memory_gb():.1f} | {'-' if held is None else format(held, '.1f')} |"
    )
