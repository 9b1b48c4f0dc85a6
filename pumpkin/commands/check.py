"""Find faults in a data set: leaks between splits, damaged files, empty masks, absent classes.

Exit code 0: fine, perhaps with notes; 1: the data cannot be checked; 3: a fault is fatal.
"""

import argparse
import warnings

from mrcnn.screen import show
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.options import Parser, add_data_options, add_set_option, data_settings
from pumpkin.packaged import CONFIG_HELP

SPLITS = ("train", "val", "test")


def parse(argv):
    """Parse the command line\'s arguments."""
    parser = Parser(
        prog=typed("check"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_data_options(parser)
    parser.add_argument("--config", metavar="CONFIG", help=CONFIG_HELP)
    add_set_option(parser)
    parser.add_argument(
        "--sheet", metavar="FILE", help="also write a PNG of images with outlined masks, faulty images first"
    )
    parser.add_argument("--all", action="store_true", help="list every file of a finding instead of a few")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the command and return its exit status."""
    return ending.run("check", lambda: check_data(parse(argv)))


def check_data(args):
    """Check the splits, print the findings and return the exit code."""
    from mrcnn.datasets import check
    from mrcnn.datasets.errors import DatasetWarning
    from mrcnn.datasets.faults import SHOWN
    from pumpkin.config import load_config
    from pumpkin.data import open_data
    from pumpkin.default_config import assume

    config = load_config(args.config, args.set, **data_settings(args))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DatasetWarning)
        datasets = open_data(config, SPLITS).splits
        if args.config is None:
            for line in assume(config, datasets["train"]):
                show(line)
    report = check.check(datasets, config, warned=[str(warning.message) for warning in caught])
    for line in report.lines(shown=None if args.all else SHOWN):
        show(line)
    if args.sheet:
        from mrcnn.datasets.preview import write_sheet

        count = write_sheet(datasets, report, args.sheet)
        show(f"The sheet of {count} images is {args.sheet}")
    if report.fatal:
        show("These data have fatal faults; do not train on them.")
    else:
        show("Fine to train on if you accept the notes." if report.findings else "Fine to train on.")
    return 3 if report.fatal else 0
