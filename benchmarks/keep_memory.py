"""Compare a short training with and without mrcnn.startup.keep_memory.

    python benchmarks/keep_memory.py DATASET

It runs configs/demo.yaml twice, one run after the other, each with two epochs of 15 steps. For each run it
prints the CPU seconds in the program and in the system and a line per epoch: losses, which must be equal,
images per second and peak memory.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WITHOUT = "import mrcnn.startup as startup; startup.keep_memory = lambda: None;"
TRAIN = "import sys; from pumpkin.commands import train; sys.exit(train.main(sys.argv[1:]))"
SETTINGS = ["--epochs", "2", "--seed", "7", "--no-check", "--no-report", "--set", "STEPS_PER_EPOCH=15",
            "VALIDATION_STEPS=0", "AP_EVERY=0"]  # fmt: skip


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, prelude in (("kept", ""), ("given back", WITHOUT)):
        with tempfile.TemporaryDirectory() as out:
            words = ["--weights", "none", "--config", "configs/demo.yaml", "--out", out]
            words += ["--dataset", str(Path(sys.argv[1]).resolve()), *SETTINGS]
            before = os.times()
            done = subprocess.run(
                [sys.executable, "-c", prelude + TRAIN, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
            )
            after = os.times()
        if done.returncode:
            sys.exit(done.returncode)
        user, system = (b - a for a, b in zip(before[2:4], after[2:4]))
        print(f"{name}: {user:.0f} s in the program, {system:.0f} s in the system")
        print(
            "\n".join(f"  {line}" for line in done.stdout.splitlines() if line.startswith("epoch")),
            flush=True,
        )


if __name__ == "__main__":
    main()
