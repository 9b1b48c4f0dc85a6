"""Outline the instances in images, and write pictures, masks as JSON, and other formats."""

import difflib
from pathlib import Path

from mrcnn import startup
from mrcnn.choices import COLOR_BY, PRECISIONS
from mrcnn.detection.look import Look
from mrcnn.detection.writers import WRITERS
from mrcnn.http import TransferError
from mrcnn.screen import show
from mrcnn.weights.downloads import DownloadError
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.image_files import InputError, find_images, is_clip, passed_over
from pumpkin.interrupts import end_in_order
from pumpkin.options import Parser, add_set_option, add_tile_options, place, tiling_of
from pumpkin.packaged import CONFIG_HELP

# The settings that options set, in the order in which they are checked.
SETTINGS = {
    "min_confidence": "DETECTION_MIN_CONFIDENCE",
    "max_instances": "DETECTION_MAX_INSTANCES",
    "nms": "DETECTION_NMS_THRESHOLD",
    "size": "IMAGE_MAX_DIM",
}


def _parser():
    """Return the parser of the command line's arguments."""
    parser = Parser(prog=typed("detect"), description=__doc__)
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="files, also videos; folders, patterns ('photos/*.jpg'), addresses (https://...), - for "
        "standard input, or a number, such as 0, of a camera, which goes on until Ctrl-C",
    )
    parser.add_argument(
        "--weights",
        help="last, coco, or the path of a weights file or of a run's folder, whose best weights are used "
        "(last, or coco if there is no run)",
    )  # fmt: skip
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where --weights last searches (runs)")
    parser.add_argument("--config", metavar="CONFIG", help=f"{CONFIG_HELP}; for weights without a config")
    parser.add_argument(
        "--out", default="detections", metavar="DIR", help="folder for the results (detections)"
    )
    parser.add_argument(
        "--save", default="overlay", metavar="FORMATS",
        help=f"what to write beside detections.json, separated by commas: {', '.join(WRITERS)} (overlay)",
    )  # fmt: skip
    parser.add_argument(
        "--recursive", action="store_true", help="search the folders within folders, except that of --out"
    )
    parser.add_argument(
        "--every", type=int, metavar="N", help="detect in each Nth frame of a video or a camera (1)"
    )
    parser.add_argument(
        "--min-confidence", type=float, metavar="X",
        help="omit detections with lower scores, 0 to 1 (the score of best F1 that evaluate found, or else "
        "the config's)",
    )  # fmt: skip
    parser.add_argument(
        "--max-instances", type=int, metavar="N", help="keep the N best detections of an image"
    )
    parser.add_argument(
        "--nms", type=float, metavar="X",
        help="drop a box whose IoU with a better one of its class exceeds X (0 to 1)",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=int, metavar="N",
        help="largest side in pixels to which photographs shrink for the network, a multiple of 64",
    )  # fmt: skip
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="compute in this precision instead of the training's"
    )
    add_set_option(parser, "single settings, for instance DETECTION_NMS=soft_gaussian")
    add_tile_options(parser)
    parser.add_argument(
        "--color-by", choices=COLOR_BY, default="auto",
        help="colours by class, with a legend, or by instance (auto: by class if the model has several)",
    )  # fmt: skip
    parser.add_argument(
        "--display-size", type=int, metavar="N",
        help="longer side of pictures in pixels, instead of the photograph's",
    )  # fmt: skip
    parser.add_argument("--sheet", metavar="FILE", help="also write a PNG that shows several images")
    parser.add_argument("--sheet-count", type=int, default=6, metavar="N", help="images on the sheet (6)")
    parser.add_argument(
        "--explain", action="append", type=place, metavar="Y,X|Y1,X1,Y2,X2",
        help="explain what became of the object at this point or box of the photograph; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--show", action="store_true",
        help="show the pictures page by page, and videos while they are detected",
    )  # fmt: skip
    return parser


def parse(argv):
    """Parse the command line's arguments; what they cannot be ends the command."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.min_confidence is not None and not 0 <= args.min_confidence <= 1:
        parser.error(f"--min-confidence must lie between 0 and 1, got {args.min_confidence}")
    if args.sheet_count < 1:
        parser.error(f"--sheet-count must be 1 or more, got {args.sheet_count}")
    if Path(args.out).is_file():
        parser.error(f"--out must be a folder, but {args.out} is a file")
    try:
        args.look = Look(args.color_by, args.display_size)
    except ValueError as error:
        parser.error(f"--display-{error}")
    args.save, args.tiling = _formats(args.save, parser), tiling_of(args, parser)
    try:
        args.paths = find_images(args.images, args.recursive, args.out)
    except InputError as error:
        parser.error(str(error))
    _check_explain(args, parser)
    _check_clips(args, parser)
    return args


def _check_explain(args, parser):
    """End the command for inputs that --explain cannot follow."""
    if args.explain and args.tiling:
        parser.error("--explain follows the network through the whole photograph: leave out --tile")
    if args.explain and len(args.paths) != 1:
        parser.error(f"--explain is about one photograph, and there are {len(args.paths)}")
    if args.explain and is_clip(args.paths[0]):
        parser.error("--explain is about one photograph, not about a video or a camera")


def _check_clips(args, parser):
    """End the command for options that do not suit the videos and cameras among its inputs."""
    if args.every is not None and args.every < 1:
        parser.error(f"--every must be 1 or more, got {args.every}")
    if args.every is not None and not any(map(is_clip, args.paths)):
        parser.error("--every is for videos and cameras, and none of the inputs is one")
    if args.sheet and _is_camera(args):
        parser.error("--sheet needs images to read again, and a camera keeps none")


def _is_camera(args):
    return isinstance(args.paths[0], int)


def _formats(text, parser):
    """Return the output formats of --save, each once; a word that is none ends the command."""
    words = list(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in words:
        if word not in WRITERS:
            near = difflib.get_close_matches(word, WRITERS, n=1)
            hint = f"; did you mean {near[0]}?" if near else "."
            parser.error(f"--save takes {', '.join(WRITERS)}, separated by commas, got {word!r}{hint}")
    return words


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
    explained = explain_file(model, args.paths[0], args.explain, out) if args.explain else []
    window = Window(model.class_names, args.look) if args.show else None
    records, failed = detect_files(
        model, args.paths, out, show, args.save, args.tiling, args.look, args.every or 1, window
    )
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
    if _is_camera(args):
        config.update({"IMAGES_PER_GPU": 1})  # frames are detected as they come
    _set(config, layers)
    given = {name for _, values in layers for name in values}
    if args.config:
        given.update(name for name in config.names() if config.is_set(name))
    smallest = models.take_best_score(config, weights, given)
    config.check()
    model = models.open_model(weights, config)
    show(f"Weights: {weights}", smallest)
    return model


def _counted(records, paths, failed):
    """Return how many images were done, and how many frames."""
    images, clips = (sum(is_clip(path) is kind for path in paths) for kind in (False, True))
    done = max(0, images - sum(not is_clip(path) for path in failed))  # a camera is the only input
    parts = [f"{done} of {images} images"] if images else []
    if clips:
        parts.append(f"{len(records) - done} frames of {clips} {'videos' if clips > 1 else 'video'}")
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
