"""Download the images and masks of Open Images classes, ready for training. See docs/download.md."""

import argparse
import sys

from mrcnn.http import Retry
from mrcnn.screen import show
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.interrupts import end_in_order
from pumpkin.openimages import catalog
from pumpkin.openimages.download import Options, run
from pumpkin.openimages.errors import ERRORS, PARTIAL, USAGE, exit_code


class Parser(argparse.ArgumentParser):
    """An argument parser that exits with this program's code for wrong usage."""

    def error(self, message):
        """Print the message and exit."""
        self.print_usage(sys.stderr)
        show(f"download: {message}; see --help.", file=sys.stderr)
        sys.exit(USAGE)


def parse(argv):
    """Parse the command line\'s arguments."""
    parser = Parser(prog=typed("download"), description=__doc__)
    choosing = parser.add_argument_group("choosing")
    choosing.add_argument("--classes", nargs="+", metavar="NAME", help="names in any case, or MIDs (Pumpkin)")
    choosing.add_argument("--type_data", metavar="SPLIT", help="train, validation, test or all (all)")
    choosing.add_argument("--limit", type=int, metavar="N", help="images per class and split (0: all)")
    choosing.add_argument("--seed", type=int, metavar="N", help="which images --limit selects (0)")
    choosing.add_argument(
        "--crowds", action=argparse.BooleanOptionalAction, default=None,
        help="record boxes without a mask as regions to ignore (on, except for train, where it streams 3 GB)",
    )  # fmt: skip
    choosing.add_argument("--lock", metavar="FILE", help="repeat the download that this lock file describes")

    writing = parser.add_argument_group("writing")
    writing.add_argument("--dataset", default="data/pumpkin", metavar="DIR", help="folder (data/pumpkin)")
    writing.add_argument("--lock-out", metavar="FILE", help="the lock file to write (DIR.lock.json)")
    writing.add_argument("--no_labels", action="store_true", help="do not write boxes to labels/*.txt")
    writing.add_argument("--multi_classes", action="store_true", help="put all classes in one folder")
    writing.add_argument("--attribution", action="store_true", help="write authors to attribution.csv")

    running = parser.add_argument_group("running")
    running.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    running.add_argument("--dry-run", action="store_true", help="print the plan and stop")
    running.add_argument("--verify", action="store_true", help="check the folder against its lock file")
    running.add_argument("--offline", action="store_true", help="use only files in the folder")
    running.add_argument("--engine", default="native", metavar="NAME", help="native or oidv6 (native)")
    running.add_argument("--connections", type=int, default=16, metavar="N", help="requests at once (16)")
    running.add_argument(
        "--attempts", type=int, default=6, metavar="N", help="consecutive requests without progress (6)"
    )
    running.add_argument(
        "--backoff", type=float, default=0.5, metavar="S", help="seconds before the second attempt (0.5)"
    )
    running.add_argument(
        "--timeout", type=float, default=30, metavar="S", help="longest silence in seconds (30)"
    )

    servers = parser.add_argument_group("servers")
    for name, variable, what in (
        ("--annotations-url", catalog.ANNOTATIONS_VARIABLE, "base of class lists, tables and masks"),
        ("--images-url", catalog.IMAGES_VARIABLE, "base of images"),
        ("--s3-endpoint", catalog.S3_VARIABLE, "S3 endpoint for oidv6's aws"),
    ):
        servers.add_argument(name, metavar="URL", help=f"{what} (or {variable} in the environment)")
    args = parser.parse_args(argv)
    _check(parser, args)
    return args


def _check(parser, args):
    if min(args.attempts, args.timeout) < 1 or args.backoff < 0:
        parser.error("--attempts and --timeout must be 1 or more, --backoff 0 or more")
    chosen = {"--classes": args.classes, "--type_data": args.type_data, "--limit": args.limit,
              "--seed": args.seed, "--crowds": args.crowds, "--no_labels": args.no_labels or None,
              "--multi_classes": args.multi_classes or None}  # fmt: skip
    given = [name for name, value in chosen.items() if value is not None]
    if (args.lock or args.verify) and given:
        option = "--lock repeats" if args.lock else "--verify checks"
        parser.error(f"{option} the choice of a lock file, but {given[0]} makes another: omit one of them")


def options_of(args):
    """Return the Options of parsed arguments; options that were not given keep their defaults."""
    names = vars(Options()).keys() - {"retry"}
    given = {name: value for name, value in vars(args).items() if name in names and value is not None}
    retry = Retry(
        attempts=args.attempts, backoff=args.backoff, connect=min(args.timeout, 10), read=args.timeout,
        patience=args.timeout,
    )  # fmt: skip
    return Options(**given, retry=retry)


def main(argv=None):
    """Run the command and return its exit status."""
    stopped = (PARTIAL, "stopped; run the same command again to continue.")
    return ending.run("download", lambda: download(parse(argv)), ERRORS, _status, stopped)


def download(args):
    """Download or verify, and return the exit code."""
    end_in_order()
    return run(options_of(args))


def _status(error):
    """Return the exit code of an error; one of the system comes from a path on the command line."""
    return exit_code(error) if isinstance(error, ERRORS) else USAGE
