"""Train Mask R-CNN on a data set and write checkpoints, metrics and settings to the folder of a new run.

Or resume an interrupted run (--resume), repeat a run and compare the weights (--reproduce), or preview what
training will see (--preview).
The exit code is 0 for success, 1 for a mistake, 3 for a loss that is not finite, 4 for a repetition with
other weights, 5 for too little memory, and 130 after Ctrl-C.
"""

import argparse
import math

from mrcnn.choices import PRECISIONS
from mrcnn.training.errors import NonFiniteLoss, OutOfMemory
from mrcnn.training.log import tee
from mrcnn.weights.downloads import DownloadError
from pumpkin import ending, jobs, training
from pumpkin.calls import typed
from pumpkin.interrupts import STOPPED
from pumpkin.options import Parser, add_data_options, add_set_option
from pumpkin.packaged import CONFIG_HELP

# Options that define a new run; a resumed or repeated run has its own.
OF_NEW_RUNS = (
    "config", "seed", "precision", "skip_bad", "no_check", "class_attribute", "val_share", "minutes",
)  # fmt: skip


def parse(argv):
    """Parse the command line\'s arguments."""
    parser = Parser(
        prog=typed("train"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--weights",
        help="initial weights: coco or imagenet (downloaded once), last (the newest run's), none, or a path",
    )
    what.add_argument(
        "--resume", metavar="RUN", help="resume a run: its folder, or last; the result has the same bytes"
    )
    what.add_argument(
        "--reproduce",
        metavar="RUN",
        help="repeat a run in a new folder and report whether the weights are equal",
    )
    parser.add_argument(
        "--preview", metavar="FILE",
        help="do not train: write a PNG of the first augmented images with masks of this training",
    )  # fmt: skip
    parser.add_argument(
        "--preview-presets", metavar="FILE",
        help="do not train: write a PNG of the same images under each preset of AUGMENTATION",
    )  # fmt: skip
    parser.add_argument("--config", metavar="CONFIG", help=f"{CONFIG_HELP}, for instance pumpkin")
    add_data_options(parser)
    parser.add_argument(
        "--val-share", type=float, metavar="X",
        help="share of the images to validate on, if the data have no validation split (0.2); 0: none",
    )  # fmt: skip
    add_set_option(parser)
    parser.add_argument(
        "--epochs", type=int, metavar="N",
        help="total epochs, divided among the stages; with --resume, further ones extend the last stage",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=_minutes, metavar="N",
        help="minutes that the whole command may take: it measures the speed of this machine and chooses the "
        "number of steps; images become smaller only if there is no time for 10 passes over them",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="N", help="seed of all randomness (the config's SEED)")
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="32-bit or 16-bit numbers (the config's PRECISION)"
    )
    parser.add_argument("--out", metavar="DIR", help="folder of all runs (runs)")
    parser.add_argument("--skip-bad", action="store_true", help="skip unreadable images instead of stopping")
    parser.add_argument(
        "--no-check", action="store_true", help=f"train even if `{typed('check')}` would report a fatal fault"
    )
    parser.add_argument(
        "--no-report", action="store_true", help="write no report.html when the training ends"
    )
    parser.add_argument(
        "--force", action="store_true", help="with --resume: continue even if settings or data have changed"
    )
    args = parser.parse_args(argv)
    if args.resume or args.reproduce:
        unwanted = [name for name in OF_NEW_RUNS if getattr(args, name) not in (None, False)]
        if args.reproduce and args.epochs is not None:
            unwanted.append("epochs")
        if unwanted:
            parser.error(f"--{unwanted[0].replace('_', '-')} is for new runs; this run has its own")
    args.previews = bool(args.preview or args.preview_presets)
    if not (args.weights or args.resume or args.reproduce or args.previews):
        parser.error("one of --weights, --resume, --reproduce and --preview is needed")
    args.out = args.out or "runs"
    if args.precision:
        args.set.append(f"PRECISION={PRECISIONS[args.precision]}")
    if args.minutes is not None:
        _check_minutes(args, parser)
    if args.force and not args.resume:
        parser.error("--force needs --resume")
    return args


def _minutes(text):
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 < minutes < math.inf:
        raise argparse.ArgumentTypeError(f"takes a number of minutes above 0, got {text!r:.40}")
    return minutes


def _check_minutes(args, parser):
    """End the command if other options set what --minutes decides."""
    if args.previews:
        parser.error("--minutes is for trainings; a preview takes none")
    if args.epochs is not None:
        parser.error("--minutes decides the number of epochs; leave out --epochs")
    if any(text.partition("=")[0].strip() == "STEPS_PER_EPOCH" for text in args.set):
        parser.error("--minutes decides STEPS_PER_EPOCH; leave it out of --set")


def main(argv=None):
    """Run the command and return its exit status."""
    with tee() as log:
        return ending.run(
            "train", lambda: train(parse(argv), log), (NonFiniteLoss, OutOfMemory, DownloadError), _status,
            (STOPPED, "stopped before the first step."), log.error,
        )  # fmt: skip


def train(args, log):
    """Train, or draw previews, and return the exit code. log: a Log."""
    if args.previews:
        return training.preview(args, log.report)
    return training.train(jobs.job_of(args, log.report), log)


def _status(error):
    if isinstance(error, NonFiniteLoss):
        return 3
    return 5 if isinstance(error, OutOfMemory) else 1
