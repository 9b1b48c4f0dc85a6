"""Train twelve steps of the demo and print the hash of the weights.

    python benchmarks/twelve_steps.py
    python benchmarks/twelve_steps.py --checkout ../before

The second line runs the commands of another checkout of this repository, for example of an earlier commit,
with the same interpreter. Scenes and training are its own. On one machine two checkouts print equal lines if
no number has changed on the way from the scenes to the weights: run both after a change of structure.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

STEPS = 12


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkout", type=Path, default=ROOT, help="whose commands to run (this one)")
    parser.add_argument("--config", default="configs/demo.yaml", help="configs/demo.yaml")
    parser.add_argument("--train", type=int, default=48, help="training scenes (48: each is seen once)")
    parser.add_argument("--val", type=int, default=4, help="validation scenes (4)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        print(hash_after(args, Path(folder)))


def hash_after(args, folder):
    """The SHA-256 of the tensors after the training. folder: where scenes and run are written."""
    from mrcnn.training.hashes import weights_hash

    scenes, runs = folder / "scenes", folder / "runs"
    counts = ["--train", str(args.train), "--val", str(args.val), "--seed", "7"]
    run(args.checkout, "-m", "pumpkin.synthetic", "--out", str(scenes), *counts)
    run(
        args.checkout, "scripts/train.py", "--weights", "none", "--config", args.config,
        "--dataset", str(scenes), "--seed", "7", "--out", str(runs), "--set", f"STEPS_PER_EPOCH={STEPS}",
        "VALIDATION_STEPS=1", "STAGES=[{layers: all, epochs: 1, learning_rate: 0.001}]",
    )  # fmt: skip
    (checkpoint,) = runs.glob("*/mask_rcnn_*_0001.h5")
    return weights_hash(checkpoint)


def run(checkout, *words):
    """Run a command of a checkout; its output is shown if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(Path(checkout).resolve())}
    done = subprocess.run(
        [sys.executable, *words], cwd=checkout, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout)


if __name__ == "__main__":
    main()
