"""Train Mask R-CNN on a data set and write checkpoints, metrics and settings into a new run's folder."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

from pumpkin.startup import import_backend


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--weights", required=True,
        help="what to start from: coco or imagenet (fetched once), last (the newest run's), none, or a path",
    )  # fmt: skip
    parser.add_argument("--config", metavar="FILE", help="a YAML config, for instance configs/pumpkin.yaml")
    parser.add_argument("--dataset", metavar="DIR", help="the data set (the config's DATASET)")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", help="single settings"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs in total, shared among the stages")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="all randomness comes from it (the config's SEED)"
    )
    parser.add_argument("--out", default="runs", metavar="DIR", help="folder of the runs (runs)")
    parser.add_argument(
        "--skip-bad", action="store_true", help="pass over unreadable images instead of stopping"
    )
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    import_backend()
    from mrcnn.downloads import DownloadError
    from mrcnn.training.callbacks import NonFiniteLoss
    from mrcnn.training.log import tee

    try:
        with tee() as log:
            return train(args, log)
    except NonFiniteLoss as error:
        print(f"train: {error}", file=sys.stderr)
        return 3
    except (ValueError, OSError, DownloadError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ntrain: stopped before the first step.", file=sys.stderr)
        return 130


def train(args, log):
    from pumpkin import train as steps

    config = steps.settings(args.config, args.set, args.seed, args.epochs, args.dataset, log.report)
    train_dataset, val_dataset = steps.open_splits(config, log.report)
    start = steps.find_start(args.weights, config, args.out)

    from mrcnn import backend
    from mrcnn.model import MaskRCNN
    from mrcnn.training import driver
    from mrcnn.training.run import Run, checkpoints, data_hash

    backend.make_deterministic()
    model = MaskRCNN("training", config, args.out)
    steps.load_start(model, args.weights, start, log.report)
    run = Run(args.out, config)
    run.write_settings(data=data_hash(train_dataset), weights=args.weights)
    log.write_to(run.folder / "train.log")
    log.report(f"Run: {run.folder}")
    try:
        last = driver.train(
            model, train_dataset, val_dataset, config, run,
            augmentation=config.AUGMENTATION, skip_bad=args.skip_bad, report=log.report,
        )  # fmt: skip
    except KeyboardInterrupt:
        kept = list(checkpoints(run.folder).values())
        log.report(
            f"\nStopped. {f'The last whole epoch is kept: {kept[-1]}' if kept else 'No epoch was whole.'}"
        )
        return 130
    log.report(f"Weights: {last}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
