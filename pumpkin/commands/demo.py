"""Go from nothing to a picture of outlined pumpkins: scenes, training, evaluation, detection.

It runs the commands that a user would type, and prints each before it runs; see the README.
"""

import shlex
import subprocess
import sys
import time
from pathlib import Path

from mrcnn.screen import show
from pumpkin import calls, ending
from pumpkin.options import Parser
from pumpkin.packaged import CONFIG_HELP


def parse(argv):
    """Parse the command line\'s arguments."""
    parser = Parser(prog=calls.typed("demo"), description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="demo", help="folder for scenes, run and pictures (demo)")
    parser.add_argument("--config", metavar="CONFIG", default="demo", help=f"{CONFIG_HELP} (demo)")
    parser.add_argument("--train", type=int, default=400, help="training scenes (400)")
    parser.add_argument("--val", type=int, default=40, help="unseen scenes for evaluation (40)")
    parser.add_argument("--seed", type=int, default=7, help="seed of scenes and training (7)")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the training")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the commands of the demo."""
    return ending.run("demo", lambda: demonstrate(parse(argv)))


def demonstrate(args):
    """Run the commands of the demo, and print where its result is."""
    started = time.monotonic()
    for command in commands(args):
        run(command)
    minutes = (time.monotonic() - started) / 60
    show("", f"Done in {minutes:.1f} minutes. Look at {Path(args.out) / 'pumpkins.png'}")


def commands(args):
    """Return the demo's commands in order, each as a list of words: its name and its arguments."""
    out = Path(args.out)
    scenes, runs = str(out / "scenes"), str(out / "runs")
    counts = ["--train", str(args.train), "--val", str(args.val), "--seed", str(args.seed)]
    settings = ["--set", *args.set] if args.set else []
    return [
        # Does nothing if the same scenes exist; replaces the scenes of an interrupted or other demo.
        ["synthetic", "--out", scenes, *counts, "--overwrite"],
        ["train", "--weights", "none", "--config", args.config, "--dataset", scenes,
         "--seed", str(args.seed), "--out", runs, *settings],
        ["evaluate", "--weights", "last", "--runs", runs, "--dataset", scenes],
        ["detect", f"{scenes}/val/pumpkin/*.jpg", "--weights", "last", "--runs", runs,
         "--out", str(out / "detections"), "--sheet", str(out / "pumpkins.png")],
    ]  # fmt: skip


def run(command):
    """Run one command in a separate process; exit with its exit code if it fails."""
    name, *arguments = command
    show("", f"$ {calls.typed(name)} {shlex.join(arguments)}")
    code = subprocess.run([*calls.words(name), *arguments]).returncode
    if code:
        sys.exit(code)
