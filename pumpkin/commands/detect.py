"""Outline the instances in images and videos, and write pictures, masks as JSON, and other formats."""

from pathlib import Path

import numpy as np

from mrcnn import startup
from mrcnn.choices import PRECISIONS
from mrcnn.http import TransferError
from mrcnn.screen import show
from mrcnn.weights.downloads import DownloadError
from pumpkin import detect_options, ending
from pumpkin.image_files import is_clip, passed_over
from pumpkin.interrupts import end_in_order
from pumpkin.options import trained_tiling

# The settings that options set, in the order in which they are checked.
SETTINGS = {
    "min_confidence": "DETECTION_MIN_CONFIDENCE",
    "max_instances": "DETECTION_MAX_INSTANCES",
    "nms": "DETECTION_NMS_THRESHOLD",
    "size": "IMAGE_MAX_DIM",
}


def parse(argv):
    """Parse the command line's arguments."""
    return detect_options.parse(argv, __doc__)


def main(argv=None):
    """Run the command and return its exit status."""
    return ending.run("detect", lambda: detect(parse(argv)), (DownloadError, TransferError))


def detect(args):
    """Detect in all images, write the results and return the exit code."""
    startup.start()
    from pumpkin.detect import detect_files, reload, save_sheet
    from pumpkin.explain import explain_file
    from pumpkin.live import Window
    from pumpkin.show import open_pages, require_display

    if args.show:
        require_display()
    model = _open_model(args)
    out = Path(args.out)
    for line in passed_over(args.images, args.recursive, args.out):
        show(line)
    end_in_order()
    tiling = args.tiling if args.explain else trained_tiling(args, model.config)
    explained = explain_file(model, args.paths[0], args.explain, out) if args.explain else []
    window = Window(model.class_names, args.look) if args.show else None
    records, failed = detect_files(
        model, args.paths, out, show, args.save, tiling, args.look, args.every or 1, window,
        args.tta,
    )  # fmt: skip
    show(f"{_counted(records, args.paths, failed)}. In {out}: detections.json, {', '.join(args.save)}")
    if args.sheet:
        save_sheet(records, model.class_names, Path(args.sheet), args.sheet_count, args.look)
        show(f"The sheet is {args.sheet}")
    if args.show:
        open_pages(records, reload, model.class_names, args.look)
        for explanation in explained:
            explanation.show()
    return 1 if failed else 0


def _open_model(args):
    """Open the model that the arguments name, with their settings."""
    from pumpkin import models
    from pumpkin.config import PumpkinConfig

    layers = _settings(args)
    _set(PumpkinConfig(), layers)  # raises for a wrong value before anything is downloaded or opened
    if args.weights is None:
        weights = models.last_or_coco(args.runs, show)
    else:
        weights = models.find_weights(args.weights, args.runs)
    config = models.config_of(weights, args.config)
    if detect_options.is_camera(args):
        config.update({"IMAGES_PER_GPU": 1})  # frames are detected as they come
    _set(config, layers)
    given = {name for _, values in layers for name in values}
    if args.config:
        given.update(name for name in config.names() if config.is_set(name))
    smallest = models.take_best_score(config, weights, given)
    config.check()
    if args.tta:
        args.tta = args.tta.lower(config)
    model = models.open_model(weights, config)
    show(f"Weights: {weights}", smallest)
    if detect_options.is_camera(args):
        model.detect([np.zeros(config.IMAGE_SHAPE, np.uint8)])  # builds the network before the first frame
    return model


def _counted(records, paths, failed):
    """Return how many images were done, and how many frames."""
    images, clips = (sum(is_clip(path) is kind for path in paths) for kind in (False, True))
    done = max(0, images - sum(not is_clip(path) for path in failed))  # a camera is the only input
    parts = [f"{done} of {images} images"] if images else []
    if clips:
        frames, cameras = len(records) - done, any(isinstance(path, int) for path in paths)
        where = "the camera" if cameras else f"{clips} video{'s'[: clips != 1]}"
        parts.append(f"{frames} frame{'s'[: frames != 1]} of {where}")
    return " and ".join(parts)


def _settings(args):
    """Return [(option, settings that it sets)]; the later one holds. Raises ConfigError."""
    from pumpkin.config import parse_settings

    given = {name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None}
    layers = [(f"--{name.replace('_', '-')}", {SETTINGS[name]: value}) for name, value in given.items()]
    if args.precision:
        layers.append(("--precision", {"PRECISION": PRECISIONS[args.precision]}))
    return [*layers, ("--set", parse_settings(args.set))]


def _set(config, layers):
    """Apply the layers of _settings to a config. Raises ConfigError."""
    for option, values in layers:
        config.update(values, source=option)
        if option == "--size" and config.IMAGE_MIN_DIM:
            config.update({"IMAGE_MIN_DIM": min(config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM)}, source=option)
