"""Compare runs or weights on the same images: AP with intervals, what differs, and the winner, if any."""

import argparse

from mrcnn import startup
from mrcnn.screen import show
from mrcnn.weights.downloads import DownloadError
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.options import (
    Parser,
    add_comparison_options,
    add_data_options,
    add_set_option,
    add_tta_option,
    augmenting_of,
)
from pumpkin.packaged import CONFIG_HELP


def parse(argv):
    """Parse the command line\'s arguments."""
    parser = Parser(
        prog=typed("compare"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "weights", nargs="*", metavar="RUN",
        help="folders of runs, whose best weights are used, or weights files, or last",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="list all runs in the folder of --runs and stop")
    parser.add_argument("--runs", default="runs", metavar="DIR", help="folder of the runs (runs)")
    add_data_options(parser)
    parser.add_argument("--split", default="val", help="train, val (default) or test")
    parser.add_argument("--config", metavar="CONFIG", help=f"{CONFIG_HELP}; for weights without a config")
    add_set_option(parser, "single settings for all models, for instance DETECTION_NMS=soft_gaussian")
    add_tta_option(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="use only the first N images")
    parser.add_argument(
        "--report",
        default="comparison",
        metavar="DIR",
        help="folder for index.html and comparison.json (comparison)",
    )
    add_comparison_options(parser)
    args = parser.parse_args(argv)
    if not args.weights and not args.list:
        parser.error("name the runs to compare, or --list")
    if args.limit is not None and args.limit < 1:
        parser.error(f"--limit must be 1 or more, got {args.limit}")
    args.tta = augmenting_of(args, parser)
    return args


def main(argv=None):
    """Run the command and return its exit status."""
    return ending.run("compare", lambda: compare(parse(argv)), (DownloadError,))


def compare(args):
    """List the runs, or compare some."""
    startup.start()
    if args.list:
        from pumpkin.list_runs import table_lines

        return show(*table_lines(args.runs))
    from pumpkin import compare

    return compare.compare(args)
