"""Outline the instances in images, and write pictures, masks as JSON, and other formats."""

import difflib
from pathlib import Path

from mrcnn import startup
from mrcnn.choices import PRECISIONS
from mrcnn.detection.writers import WRITERS
from mrcnn.screen import show
from mrcnn.weights.downloads import DownloadError
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.image_files import InputError, find_images, passed_over
from pumpkin.interrupts import end_in_order
from pumpkin.options import Parser
from pumpkin.packaged import CONFIG_HELP


def parse(argv):
    """Parse the command line\'s arguments."""
    parser = Parser(prog=typed("detect"), description=__doc__)
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="files, folders or patterns ('photos/*.jpg')"
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
        "--min-confidence", type=float, metavar="X", help="omit detections with lower scores (0 to 1)"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="compute in this precision instead of the training's"
    )
    parser.add_argument("--sheet", metavar="FILE", help="also write a PNG that shows several images")
    parser.add_argument("--sheet-count", type=int, default=6, metavar="N", help="images on the sheet (6)")
    parser.add_argument("--show", action="store_true", help="open a window for each picture")
    args = parser.parse_args(argv)
    if args.min_confidence is not None and not 0 <= args.min_confidence <= 1:
        parser.error(f"--min-confidence must lie between 0 and 1, got {args.min_confidence}")
    if args.sheet_count < 1:
        parser.error(f"--sheet-count must be 1 or more, got {args.sheet_count}")
    if Path(args.out).is_file():
        parser.error(f"--out must be a folder, but {args.out} is a file")
    args.save = _formats(args.save, parser)
    try:
        args.paths = find_images(args.images)
    except InputError as error:
        parser.error(str(error))
    return args


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
    return ending.run("detect", lambda: detect(parse(argv)), (DownloadError,))


def detect(args):
    """Detect in all images, write the results and return the exit code."""
    startup.start()
    from pumpkin import models
    from pumpkin.detect import detect_files, reload, save_sheet
    from pumpkin.show import open_windows

    if args.weights is None:
        weights = models.last_or_coco(args.runs, show)
    else:
        weights = models.find_weights(args.weights, args.runs)
    overrides = {} if args.min_confidence is None else {"DETECTION_MIN_CONFIDENCE": args.min_confidence}
    if args.precision:
        overrides["PRECISION"] = PRECISIONS[args.precision]
    config = models.config_of(weights, args.config, **overrides)
    model = models.open_model(weights, config)
    show(f"Weights: {weights}")
    out = Path(args.out)
    for line in passed_over(args.images):
        show(line)
    end_in_order()
    records, failed = detect_files(model, args.paths, out, save=args.save)
    show(f"{len(records)} of {len(args.paths)} images. In {out}: detections.json, {', '.join(args.save)}")
    if args.sheet:
        save_sheet(records, model.class_names, Path(args.sheet), args.sheet_count)
        show(f"The sheet is {args.sheet}")
    if args.show:
        open_windows(map(reload, records), model.class_names)
    return 1 if failed else 0
