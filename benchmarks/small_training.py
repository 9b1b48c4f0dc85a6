"""Train by the command train for minutes of processor time, or score a result on images kept aside.

    python benchmarks/small_training.py train FOLDER --minutes 30 --config photos_small --set NAME=VALUE
    python benchmarks/small_training.py score FOLDER [--detections FILE]

FOLDER holds the data sets ``train`` and ``aside`` of small_sets.draw, and gets the run. The last line of the
output is a JSON object.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

KINDS = ("segm", "boundary")


def main(argv=None):
    args = parse(argv)
    print(json.dumps(train(args) if args.what == "train" else score(args)))


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("train", "score"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--config", default="photos_small")
    parser.add_argument("--set", nargs="+", default=[])
    parser.add_argument(
        "--detections", type=Path, help="a file of COCO results, instead of the run's weights"
    )
    return parser.parse_args(argv)


class ProcessorClock:
    """Has the processor time of this process, as that of ``cores`` cores at work, in place of the time."""

    def __init__(self, cores):
        self._cores = cores

    def monotonic(self):
        """Return seconds since the process began."""
        return time.process_time() / self._cores


def train(args):
    """Train on all images, and return the number of steps."""
    from pumpkin import minutes
    from pumpkin.commands import train as command

    fit, clock = minutes.fit, ProcessorClock(args.cores)

    def fit_by_processor_time(config, given, begun, *others):
        from mrcnn.training import pace

        minutes.time = pace.time = clock
        return fit(config, given, 0.0, *others)

    minutes.fit = fit_by_processor_time
    options = ["--weights", "none", "--config", args.config, "--dataset", str(args.folder / "train")]
    options += ["--minutes", str(args.minutes), "--seed", args.seed, "--out", str(args.folder / "runs")]
    if command.main([*options, "--val-share", "0", "--no-check", "--no-report", "--set", *args.set]):
        raise SystemExit("The training failed.")
    facts = json.loads((_weights(args).parent / "run.json").read_text())
    epochs, steps = facts["result"]["epochs"], facts["config"]["STEPS_PER_EPOCH"]
    return {"steps": epochs * steps, "minutes": round(clock.monotonic() / 60, 2)}


def score(args):
    """Return AP of masks and boundaries on the images kept aside."""
    from mrcnn.evaluation import coco
    from pumpkin import models

    dataset = _aside(args)
    if args.detections:
        found = coco.coco_ground_truth(dataset), json.loads(args.detections.read_text())["results"]
    else:
        config = models.config_of(_weights(args), DETECTION_MIN_CONFIDENCE=coco.MIN_CONFIDENCE)
        found = coco.detect_all(models.open_model(_weights(args), config), dataset, progress=False)
    scores = coco.score(*found, kinds=KINDS)
    return {
        **{kind: round(scores[kind]["AP"], 4) for kind in KINDS},
        "AP50": round(scores["segm"]["AP50"], 4),
    }


def _aside(args):
    from mrcnn.datasets.formats import open_dataset

    return open_dataset("coco", args.folder / "aside", None)


def _weights(args):
    from mrcnn.training.run import find_last

    return Path(find_last(args.folder / "runs"))


if __name__ == "__main__":
    main()
