"""What the command lines of several commands share."""

import argparse
import sys

from mrcnn.detection.augmenting import WORDS, Augmenting
from mrcnn.detection.tiling import Tiling
from mrcnn.screen import show


class Parser(argparse.ArgumentParser):
    """An argument parser whose messages show no control characters of a file's name."""

    def error(self, message):
        """Print the usage and the message, and exit."""
        self.print_usage(sys.stderr)
        show(f"{self.prog}: error: {message}", file=sys.stderr)
        sys.exit(2)


def add_set_option(parser, example="single settings"):
    """Add --set to an argument parser. example: the help text."""
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help=example)


def add_data_options(parser):
    """Add --dataset, --images and --class-attribute to an argument parser."""
    parser.add_argument(
        "--dataset", metavar="PATH", help="the data set, a folder or a file (the config's DATASET)"
    )
    parser.add_argument(
        "--images", metavar="DIR", help="folder of the images, if annotation files do not lead to it"
    )
    parser.add_argument(
        "--class-attribute", metavar="NAME",
        help="the attribute that holds the class, where annotations have several (VIA)",
    )  # fmt: skip


def add_tile_options(parser):
    """Add --tile and --overlap to an argument parser."""
    parser.add_argument(
        "--tile", type=_side, metavar="auto|N|none",
        help="cut large photographs into tiles of N pixels a side, or of the size that suits the network; "
        "without it, into the tiles that the weights were trained on (TILE), if they were",
    )  # fmt: skip
    parser.add_argument(
        "--overlap", type=float, metavar="X", help="share of a tile's side that tiles have in common (0.2)"
    )


def add_tta_option(parser):
    """Add --tta to an argument parser."""
    parser.add_argument(
        "--tta", metavar="WORDS",
        help="also look at mirrored (flips), resized (scales) and turned (turns) views of each image: "
        f"{', '.join(WORDS)}, separated by commas; takes 2 to 48 times as long",
    )  # fmt: skip


def add_comparison_options(parser):
    """Add --resamples and --seed of a comparison to an argument parser."""
    parser.add_argument(
        "--resamples", type=_count, default=1000, metavar="N",
        help="draws of the images for the intervals of a comparison (1000)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of these draws (0)")


def _count(text):
    number = int(text)
    if number < 100:
        raise argparse.ArgumentTypeError(f"must be 100 or more, got {number}")
    return number


def _side(text):
    return int(text) if text.removeprefix("-").isdecimal() else text


def tiling_of(args, parser):
    """Return the Tiling that these options set, or None; other values end the command."""
    try:
        return Tiling.of(args.tile, args.overlap)
    except ValueError as error:
        return parser.error(f"--{error}")


def trained_tiling(args, config):
    """Return the Tiling to use: that of the options, or without --tile that of the training, with a line."""
    if args.tile is not None or config.TILE is None:
        return args.tiling
    show(f"Photographs are cut into tiles of {config.TILE} pixels, as in training; --tile none cuts none")
    return Tiling.of_training(config)


def augmenting_of(args, parser):
    """Return the Augmenting that --tta sets, or None; other words end the command."""
    try:
        return Augmenting.of(args.tta)
    except ValueError as error:
        return parser.error(f"--{error}")


def data_settings(args):
    """Return the settings that these options set; None for unused ones."""
    return {"DATASET": args.dataset, "IMAGES": args.images, "CLASS_ATTRIBUTE": args.class_attribute}


def place(text):
    """Return a point or a box of the command line as a tuple of 2 or 4 numbers."""
    try:
        numbers = tuple(float(word) for word in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (2, 4):
        raise argparse.ArgumentTypeError(f"takes Y,X or Y1,X1,Y2,X2 in pixels, got {text!r}")
    return numbers
