"""The arguments of the command detect, and what they cannot be."""

import difflib
from pathlib import Path

from mrcnn.choices import COLOR_BY, PRECISIONS
from mrcnn.detection.look import Look
from mrcnn.detection.writers import WRITERS
from pumpkin.calls import typed
from pumpkin.image_files import InputError, find_images, is_clip
from pumpkin.options import (
    Parser,
    add_set_option,
    add_tile_options,
    add_tta_option,
    augmenting_of,
    place,
    tiling_of,
)
from pumpkin.packaged import CONFIG_HELP


def _parser(description):
    """Return the parser of the command line's arguments."""
    parser = Parser(prog=typed("detect"), description=description)
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
    add_tta_option(parser)
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


def parse(argv, description):
    """Parse the command line's arguments; what they cannot be ends the command. description: for --help."""
    parser = _parser(description)
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
    args.tta = augmenting_of(args, parser)
    try:
        args.paths = find_images(args.images, args.recursive, args.out)
    except InputError as error:
        parser.error(str(error))
    _check_explain(args, parser)
    _check_clips(args, parser)
    return args


def _check_explain(args, parser):
    """End the command for inputs that --explain cannot follow."""
    for option, value in (("tile", args.tiling), ("tta", args.tta)):
        if args.explain and value:
            parser.error(f"--explain follows the network through the whole photograph: leave out --{option}")
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
    if args.sheet and is_camera(args):
        parser.error("--sheet needs images to read again, and a camera keeps none")


def is_camera(args):
    """Return whether the input is a camera."""
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
