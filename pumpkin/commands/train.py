"""Train Mask R-CNN on a data set and write checkpoints, metrics and settings into a new run's folder.

Or go on with a run that was interrupted (--resume), repeat one and compare its weights (--reproduce), or
look at what a training would see (--preview).
The exit code is 0 for success, 1 for a mistake, 3 for a loss that is no finite number, 4 for a repetition
that came out otherwise, 5 for too little memory, and 130 after Ctrl-C.
"""

import argparse

from mrcnn.choices import PRECISIONS
from mrcnn.training.errors import NonFiniteLoss, OutOfMemory
from mrcnn.training.log import tee
from mrcnn.weights.downloads import DownloadError
from pumpkin import jobs as steps
from pumpkin.calls import typed
from pumpkin.packaged import CONFIG_HELP

# Options that say what to train, which a run that goes on or is repeated knows itself.
OF_NEW_RUNS = ("config", "seed", "precision", "skip_bad", "no_check")

# Options that change nothing that --preview could show.
OF_TRAINING = ("epochs", "precision", "out", "no_check")


def parse(argv):
    parser = argparse.ArgumentParser(
        prog=typed("train"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--weights",
        help="what to start from: coco or imagenet (fetched once), last (the newest run's), none, or a path",
    )
    what.add_argument(
        "--resume", metavar="RUN", help="go on with a run: its folder, or last; ends with the same bytes"
    )
    what.add_argument(
        "--reproduce",
        metavar="RUN",
        help="repeat a run in a new folder and say whether its weights came out",
    )
    what.add_argument(
        "--preview", metavar="FILE", help="write a PNG of the first images, augmented, with masks, and stop"
    )
    parser.add_argument("--config", metavar="CONFIG", help=f"{CONFIG_HELP}, for instance pumpkin")
    parser.add_argument("--dataset", metavar="DIR", help="the data set (the config's DATASET)")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="single settings"
    )
    parser.add_argument(
        "--epochs", type=int, metavar="N",
        help="epochs in total, shared among the stages; with --resume, what is more goes to the last stage",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="N", help="all randomness comes from it (the config's SEED)"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="numbers of 32 or 16 bits (the config's PRECISION)"
    )
    parser.add_argument("--out", metavar="DIR", help="folder of the runs (runs)")
    parser.add_argument(
        "--skip-bad", action="store_true", help="pass over unreadable images instead of stopping"
    )
    parser.add_argument(
        "--no-check", action="store_true", help=f"start whatever `{typed('check')}` would find fatal"
    )
    parser.add_argument(
        "--force", action="store_true", help="with --resume: go on even where settings or data changed"
    )
    args = parser.parse_args(argv)
    if args.resume or args.reproduce:
        unwanted = [name for name in OF_NEW_RUNS if getattr(args, name)]
        if args.reproduce and args.epochs is not None:
            unwanted.append("epochs")
        if unwanted:
            parser.error(f"--{unwanted[0].replace('_', '-')} is for new runs, this one has its own")
    if args.preview:
        unwanted = [name for name in OF_TRAINING if getattr(args, name)]
        if unwanted:
            parser.error(f"--{unwanted[0].replace('_', '-')} is for trainings, --preview only draws")
    args.out = args.out or "runs"
    if args.precision:
        args.set.append(f"PRECISION={PRECISIONS[args.precision]}")
    if args.force and not args.resume:
        parser.error("--force is for --resume")
    return args


def main(argv=None):
    args = parse(argv)
    with tee() as log:
        try:
            if args.preview:
                return steps.preview(args, log.report)
            if args.resume:
                job = steps.resume_job(args)
            elif args.reproduce:
                job = steps.reproduce_job(args)
            else:
                job = steps.new_job(args, log.report)
            return steps.train(job, log)
        except NonFiniteLoss as error:
            log.error(f"train: {error}")
            return 3
        except OutOfMemory as error:
            log.error(f"train: {error}")
            return 5
        except (ValueError, OSError, DownloadError) as error:
            log.error(f"train: {error}")
            return 1
        except KeyboardInterrupt:
            log.error("\ntrain: stopped before the first step.")
            return 130
