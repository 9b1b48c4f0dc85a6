"""Train on few and on more images, and compare with torchvision from the same weights in the same minutes.

    python benchmarks/learning_curves.py nuclei food_via nuts_coco scenes --minutes 30 --weights FILE \\
        --torchvision ENV/bin/python

Each row of the table is a data set and a number of training images, which a seed draws; scores are COCO's AP
of masks and of boundaries on images that neither tool trains on, with the weights of the last step. Both
tools train on all drawn images. Minutes are processor time divided by --cores, so that other work on the
machine changes neither tool's share. Every result is a line of --out; those that are there already are not
repeated, so an interrupted table can be continued. --table prints the table of what is there.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a clone, not installed

TRAINING = ROOT / "benchmarks" / "small_training.py"
TORCHVISION = ROOT / "benchmarks" / "torchvision_training.py"
OURS, THEIRS = "ours", "torchvision"
KINDS = ("segm", "boundary")


def main(argv=None):
    args = parse(argv)
    done = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.exists() else []
    for row in [] if args.table else rows(args):
        if not any(_key(row) == _key(found) for found in done):
            done.append({**row, **measure(row, args)})
            with args.out.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
            print(json.dumps(done[-1]), flush=True)
    print_table(done)


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", nargs="+", help="data sets in any format that training reads")
    parser.add_argument("--sizes", nargs="+", default=["20", "50", "100", "all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--config", default="photos_small")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of our training")
    parser.add_argument("--weights", required=True, help="Keras's ImageNet weights of MobileNetV2")
    parser.add_argument(
        "--torchvision", metavar="PYTHON", help="the Python that has it; without it, ours alone"
    )
    parser.add_argument("--optimizer", default="sgd", help="torchvision's: sgd or adamw")
    parser.add_argument("--out", type=Path, default="learning_curves.jsonl")
    parser.add_argument("--table", action="store_true", help="train nothing")
    return parser.parse_args(argv)


def rows(args):
    """Yield what to measure: seeds change last, so that a table is whole before it is repeated."""
    for seed in args.seeds:
        for source in args.datasets:
            for size in args.sizes:
                for tool in (OURS, *([THEIRS] if args.torchvision else [])):
                    row = {"dataset": Path(source).name, "source": str(source), "size": size, "seed": seed}
                    recipe = args.optimizer if tool == THEIRS else " ".join([args.config, *args.set])
                    yield {**row, "tool": tool, "recipe": recipe, "budget": args.minutes}


def _key(row):
    return tuple(row[name] for name in ("dataset", "size", "seed", "tool", "recipe", "budget"))


def measure(row, args):
    """Draw the images, train one tool on them, and return its scores on those kept aside."""
    from benchmarks import small_sets

    with tempfile.TemporaryDirectory() as folder:
        size = None if row["size"] == "all" else int(row["size"])
        drawn = small_sets.draw(folder, row["source"], size, row["seed"])
        run = _run_ours if row["tool"] == OURS else _run_torchvision
        return {"images": drawn, **run(Path(folder), row, args)}


def _run_ours(folder, row, args):
    settings = ["--set", f"BACKBONE_WEIGHTS={Path(args.weights).resolve()}", *args.set]
    options = [
        "--minutes",
        args.minutes,
        "--cores",
        args.cores,
        "--seed",
        row["seed"],
        "--config",
        args.config,
    ]
    trained = _child(sys.executable, TRAINING, "train", folder, *options, *settings)
    return {**trained, **_child(sys.executable, TRAINING, "score", folder)}


def _run_torchvision(folder, row, args):
    out = folder / "detections.json"
    options = ["--minutes", args.minutes, "--cores", args.cores, "--seed", row["seed"]]
    options += ["--weights", args.weights, "--optimizer", args.optimizer, "--out", out]
    trained = _child(args.torchvision, TORCHVISION, folder / "train", folder / "aside", *options)
    return {**trained, **_child(sys.executable, TRAINING, "score", folder, "--detections", out)}


def _child(*command):
    """Run a command and return what its last line holds. Ends the benchmark if it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=_waiting())
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{(done.stdout + done.stderr)[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _waiting():
    """Return the environment of a child whose threads sleep while they wait.

    Threads that wait actively would spend the processor time of the minutes, most of all beside other work.
    """
    return {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


def print_table(done):
    """Print mask and boundary AP of each tool: the mean and the range over the seeds."""
    print("| data | images | minutes | tool | seeds | steps | mask AP | boundary AP |")
    print("|---|---|---|---|---|---|---|---|")
    groups = defaultdict(list)
    for found in done:
        groups[tuple(found[name] for name in ("dataset", "images", "budget", "tool", "recipe"))].append(found)
    for (dataset, images, minutes, tool, recipe), found in groups.items():
        cells = [dataset, images, minutes, f"{tool}, {recipe}", len(found)]
        cells += [_range(found, "steps", "{:.0f}"), *(_range(found, kind, "{:.3f}") for kind in KINDS)]
        print(f"| {' | '.join(map(str, cells))} |")


def _range(found, name, form):
    values = [row[name] for row in found]
    middle = form.format(statistics.mean(values))
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})" if values[1:] else middle


if __name__ == "__main__":
    sys.exit(main())
