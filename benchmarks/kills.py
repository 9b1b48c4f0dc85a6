"""Kill a short training at random moments, resume it, and compare the results: python benchmarks/kills.py.

A tiny network trains on rendered scenes in real processes of scripts/train.py, which save their state after
each step. The reference run is not interrupted. All other runs are killed: one kill in four is by Ctrl-C, the
others are by SIGKILL. Half of them come at a moment drawn from the whole course of a run, much of which is
compilation, and half within a second of a randomly drawn step. A resumed run may be killed again. At the end
weights, bytes of checkpoints and metrics must equal the reference's. KERAS_BACKEND selects the backend.
"""

import argparse
import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
CONFIG = {
    "NAME": "kills", "BACKBONE": "light", "TRAIN_BN": None, "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64,
    "RPN_ANCHOR_SCALES": [8, 16, 32, 48, 64], "TOP_DOWN_PYRAMID_SIZE": 16, "RPN_CHANNELS": 16,
    "FPN_CLASSIF_FC_LAYERS_SIZE": 16, "MASK_HEAD_CHANNELS": 8, "PRE_NMS_LIMIT": 60,
    "POST_NMS_ROIS_TRAINING": 20, "TRAIN_ROIS_PER_IMAGE": 8, "MAX_GT_INSTANCES": 8, "AUGMENTATION": "light",
    "OPTIMIZER": "adamw", "LEARNING_RATE_SCHEDULE": "cosine", "WARMUP_STEPS": 10, "CHECKPOINT_MINUTES": 0.0,
    "STAGES": [
        {"layers": "heads", "epochs": 2, "learning_rate": 0.001},
        {"layers": "all", "epochs": 3, "learning_rate": 0.0005},
    ],
}  # fmt: skip
SCENES = 12  # for training, two per step
EPOCHS = sum(stage["epochs"] for stage in CONFIG["STAGES"])
STEPS = EPOCHS * SCENES // 2
TIMES = (
    "seconds", "finished", "images_per_second", "waiting_seconds", "ap_seconds", "peak_memory_gb",
    "accelerator_memory_gb",
)  # fmt: skip


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (0)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        prepare(out)
        print("reference:", end=" ", flush=True)
        process, folder, began = start(out / "reference", out)
        process.wait()
        course = time.monotonic() - began
        expected = content(folder)
        print(f"{course:.0f} s after its folder is made, weights {expected['weights'][:16]}\n", flush=True)
        print("run  kill      after     in epoch, step   result", flush=True)
        rng, results = np.random.default_rng(args.seed), []
        while sum(kills for kills, _ in results) < args.kills:
            killed = killed_run(out, len(results) + 1, course, rng, expected)
            results += [killed] if killed[0] else []  # some runs end before their moment
    kills, equal = sum(kills for kills, _ in results), sum(same for _, same in results)
    print(f"\n{kills} kills of {len(results)} runs; equal to the reference: {equal} of {len(results)} runs")
    return 0 if equal == len(results) else 1


def prepare(out):
    """Render the scenes and write the config."""
    counts = ["--train", str(SCENES), "--val", "4", "--size", "128", "--seed", "5"]
    subprocess.run(
        [sys.executable, "-m", "pumpkin.synthetic", "--out", str(out / "scenes"), *counts],
        check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    (out / "config.yaml").write_text(yaml.safe_dump(CONFIG))


def start(runs, out, folder=None):
    """Start a run in ``runs`` or resume the one in ``folder``; return process, folder and start time."""
    if folder is None:
        what = ["--weights", "none", "--config", str(out / "config.yaml"), "--dataset", str(out / "scenes")]
    else:
        what = ["--resume", str(folder)]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts/train.py"), *what, "--out", str(runs)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while folder is None and process.poll() is None:
        folder = next((path.parent for path in runs.glob("*/run.json")), None)
        time.sleep(0.01)
    return process, folder, time.monotonic()


def killed_run(out, number, course, rng, expected):
    """Run a training that is killed at least once; return the number of kills and whether it ended equal."""
    kills, folder, code = 0, None, None
    runs = out / f"run{number}"
    while code != 0:
        process, folder, _ = start(runs, out, folder)
        code = None
        if kills == 0 or rng.random() < 0.3:
            began = time.monotonic()
            step = rng.integers(STEPS) if rng.random() < 0.5 else 0
            while process.poll() is None and steps_done(folder) < step:
                time.sleep(0.002)
            wait = rng.uniform(0, 1 if step else course)
            code = kill(process, wait, signal.SIGINT if rng.random() < 0.25 else signal.SIGKILL)
            moment = time.monotonic() - began
            if code != 0:
                kills += 1
                name = {-9: "SIGKILL", 130: "Ctrl-C"}.get(code, f"code {code}")
                print(f"{number:3}  {name:8} {moment:6.2f} s   {position(folder)}", flush=True)
        else:
            code = process.wait()
            if code:
                raise SystemExit(f"{folder}: --resume ended with code {code}; see its train.log.")
    found = content(folder)
    differs = [name for name in expected if found[name] != expected[name]]
    print(f"{number:3}{'':37}{'equal' if not differs else 'DIFFERS in ' + ', '.join(differs)}", flush=True)
    return kills, not differs


def kill(process, moment, number):
    """Send a signal after some seconds unless the process ends before; return its exit code."""
    try:
        return process.wait(moment)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        return process.wait()


def newest(folder):
    """Return complete epochs and further steps of the newest state; None before the first."""
    states = [path.stem.split("_")[1:] for path in folder.glob("state_*.bin")]
    return max([(int(epoch), int(step)) for epoch, step in states], default=None)


def steps_done(folder):
    epoch, step = newest(folder) or (0, 0)
    return epoch * (STEPS // EPOCHS) + step


def position(folder):
    """Return epoch and step of the newest state as text."""
    found = newest(folder)
    half = " (a file half written)" if list(folder.glob(".*.tmp")) else ""
    return (f"{found[0] + 1:5}, {found[1]:3}" if found else "no state") + half


def content(folder):
    """Return what must be equal: weights, bytes of checkpoints, and metrics except times."""
    facts = json.loads((folder / "run.json").read_text())
    with open(folder / "metrics.csv", newline="") as file:
        rows = [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]
    checkpoints = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.h5"))
    }
    return {"weights": facts["result"]["weights"], "checkpoints": checkpoints, "metrics": rows}


if __name__ == "__main__":
    sys.exit(main())
