"""From nothing to a picture of outlined pumpkins: scenes, training, evaluation, detection.

Runs the commands that a user would type, each printed before it runs; see the README.
"""

import argparse
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="demo", help="folder for scenes, the run and pictures (demo)")
    parser.add_argument("--config", default="configs/demo.yaml", help="configs/demo.yaml")
    parser.add_argument("--train", type=int, default=400, help="training scenes (400)")
    parser.add_argument("--val", type=int, default=40, help="unseen scenes to measure on (40)")
    parser.add_argument("--seed", type=int, default=7, help="seed of scenes and training (7)")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings for the training"
    )
    args = parser.parse_args(argv)

    started = time.monotonic()
    for command in commands(args):
        run(command)
    minutes = (time.monotonic() - started) / 60
    print(f"\nDone in {minutes:.1f} minutes. Look at {Path(args.out) / 'pumpkins.png'}")


def commands(args):
    """The commands of the demo, in order, as lists of words after ``python``."""
    out = Path(args.out)
    scenes, runs = str(out / "scenes"), str(out / "runs")
    counts = ["--train", str(args.train), "--val", str(args.val), "--seed", str(args.seed)]
    settings = ["--set", *args.set] if args.set else []
    return [
        # Does nothing where these very scenes stand; replaces those of an interrupted or other demo.
        ["-m", "pumpkin.synthetic", "--out", scenes, *counts, "--overwrite"],
        ["scripts/train.py", "--weights", "none", "--config", args.config, "--dataset", scenes,
         "--seed", str(args.seed), "--out", runs, *settings],
        ["scripts/evaluate.py", "--weights", "last", "--runs", runs, "--dataset", scenes],
        ["scripts/detect.py", f"{scenes}/val/pumpkin/*.jpg", "--weights", "last", "--runs", runs,
         "--out", str(out / "detections"), "--sheet", str(out / "pumpkins.png")],
    ]  # fmt: skip


def run(command):
    """Run one command in a process of its own; leave with its exit code if it fails."""
    print("\n$ python", shlex.join(command), flush=True)
    code = subprocess.run([sys.executable, *command], cwd=ROOT).returncode
    if code:
        sys.exit(code)
