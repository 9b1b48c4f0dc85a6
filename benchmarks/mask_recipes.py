"""Train with all settings that fit masks to their objects, and without each of them, and score the models.

    python benchmarks/mask_recipes.py --config nuclei --dataset nuclei --seeds 7 8 \\
        --set BACKBONE_WEIGHTS=FILE STEPS_PER_EPOCH=45 VALIDATION_STEPS=0

Each row is one training; its model is scored with both kinds of pasting. "Edges" is the median distance of
the four edges of detected masks from those of the truth, inward, in percent of the side, over detections that
match an instance with an IoU of at least 0.5. --jobs trains several rows at once. Every result is also a line
of --out, and rows that are there already are skipped, so that an interrupted table can be continued.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

# What each row changes. The config's own settings of these names do not count.
ALL = {
    "MASK_TARGET": "aligned", "ROI_ALIGN": "aligned", "BOX_LOSS": "smooth_l1", "BOX_LOSS_BETA": 0.111,
    "RPN_BOX_LOSS": None, "RPN_BOX_LOSS_BETA": None, "MINI_MASK_SHAPE": [56, 56],
}  # fmt: skip
CORNER = {"MASK_TARGET": "corner"}
OF_BOTH = {"RPN_BOX_LOSS": "smooth_l1", "RPN_BOX_LOSS_BETA": 0.111}
ROWS = {
    "all": {},
    "beta 1": {"BOX_LOSS_BETA": 1.0},
    "mini-mask 28": {"MINI_MASK_SHAPE": [28, 28]},
    "corner": CORNER,
    "corner, giou": {**CORNER, "BOX_LOSS": "giou"},
    "aligned, hard": {},
    "ROIAlign corner": {"ROI_ALIGN": "corner"},
    "corner, soft": CORNER,
    "corner, l1": {**CORNER, "BOX_LOSS": "l1"},
    "beta 1 in the RPN": {"RPN_BOX_LOSS_BETA": 1.0},
    "beta 1 in the head": {"BOX_LOSS_BETA": 1.0, "RPN_BOX_LOSS_BETA": 0.111},
    "giou": {"BOX_LOSS": "giou"},
    "giou in the head": {"BOX_LOSS": "giou", **OF_BOTH},
    "masks of 56": {"MASK_POOL_SIZE": 28, "MASK_SHAPE": [56, 56], "MINI_MASK_SHAPE": [112, 112]},
    "matterport's": {**CORNER, "ROI_ALIGN": "corner", "BOX_LOSS_BETA": 1.0},
}
PASTES = ("matterport", "as_trained")


def parse():
    """Parse the command line's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--set", nargs="+", action="extend", default=[])
    parser.add_argument("--epochs")
    parser.add_argument("--weights", default="none", help="a trained network to go on from (none)")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[7])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", default="mask_recipes.jsonl", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("ROW", "SEED"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    """Train and score all rows, or in a child process one."""
    args = parse()
    if args.one:
        print(json.dumps(_measure(args, args.one[0], int(args.one[1]))), flush=True)
        return
    done = [json.loads(line) for line in args.out.read_text().splitlines()] if args.out.exists() else []
    known = {(found["row"], found["seed"]) for found in done}
    todo = [(row, seed) for seed in args.seeds for row in args.rows if (row, seed) not in known]
    with ThreadPoolExecutor(args.jobs) as pool:
        for found in pool.map(lambda pair: _in_child(*pair), todo):
            if found:
                done.append(found)
                _print_row(found)
                with args.out.open("a") as file:
                    file.write(json.dumps(found) + "\n")


def _in_child(row, seed):
    command = [sys.executable, *sys.argv, "--one", row, str(seed)]
    child = subprocess.run(command, capture_output=True, text=True)
    lines = child.stdout.splitlines()
    if child.returncode or not lines:
        print(f"{row}, seed {seed}: {child.stderr[-600:]}", file=sys.stderr, flush=True)
        return None
    return json.loads(lines[-1])


def _measure(args, row, seed):
    """Train one row and return its scores."""
    from pumpkin.commands import train

    _patch(row)
    settings = [
        "AP_EVERY=0",
        *args.set,
        *(f"{name}={json.dumps(value)}" for name, value in {**ALL, **ROWS[row]}.items()),
    ]
    epochs = ["--epochs", args.epochs] if args.epochs else []
    with tempfile.TemporaryDirectory() as runs:
        begun = time.monotonic()
        options = ["--weights", args.weights, "--config", args.config, "--dataset", args.dataset]
        options += ["--seed", str(seed), "--out", runs, "--no-check", "--no-report", *epochs, "--set"]
        if train.main([*options, *settings]):
            raise SystemExit(f"{row}: training failed")
        seconds = time.monotonic() - begun
        return {"row": row, "seed": seed, "seconds": round(seconds), "scores": _scores(args, runs)}


def _patch(row):
    """Change what no setting can: whether targets are rounded."""
    if "soft" not in row and "hard" not in row:
        return
    import keras

    from mrcnn.modeling import targets

    if "hard" in row:
        crop = targets.crop_masks
        targets.crop_masks = lambda *given: keras.ops.round(crop(*given))
    else:

        class Unrounded:
            def __getattr__(self, name):
                return (lambda x: x) if name == "round" else getattr(keras.ops, name)

        targets.ops = Unrounded()


def _scores(args, runs):
    """Return AP of masks, boundaries and boxes, and the edges' medians, by kind of pasting."""
    from mrcnn.evaluation import coco
    from mrcnn.training.run import find_last
    from pumpkin import models
    from pumpkin.dataset import open_dataset

    weights = Path(find_last(runs))
    config = models.config_of(weights, DETECTION_MIN_CONFIDENCE=coco.MIN_CONFIDENCE)
    dataset = open_dataset(config, args.dataset, args.split)
    model = models.open_model(weights, config)
    found = {}
    for paste in PASTES:
        config.update({"MASK_PASTE": paste})
        truth, results = coco.detect_all(model, dataset, progress=False)
        scores = coco.score(truth, results)
        found[paste] = {kind: round(scores[kind]["AP"], 4) for kind in coco.KINDS}
        found[paste]["large"] = round(scores["segm"]["APl"], 4)
        found[paste]["edges"] = _edges(truth, results)
    return found


def _edges(truth, results):
    """Return the median inward distance of each edge (top, left, bottom, right) in percent of the side."""
    import numpy as np
    from faster_coco_eval.core import mask as rle

    gaps = []
    for image in truth["images"]:
        own, found = (
            [row for row in rows if row["image_id"] == image["id"] and not row.get("iscrowd")]
            for rows in (truth["annotations"], results)
        )
        found = sorted(found, key=lambda row: -row["score"])
        if not own or not found:
            continue
        found_rle, own_rle = ([row["segmentation"] for row in rows] for rows in (found, own))
        iou = rle.iou(found_rle, own_rle, [0] * len(own))
        boxes, truths = (np.asarray(rle.toBbox(rows), float) for rows in (found_rle, own_rle))
        for i, overlaps in enumerate(iou):
            j = int(np.argmax(overlaps))
            if overlaps[j] >= 0.5:
                (x, y, w, h), (left, top, width, height) = boxes[i], truths[j]
                inward = ((y - top) / height, (x - left) / width)
                outer = ((top + height - y - h) / height, (left + width - x - w) / width)
                gaps.append([*inward, *outer])
                iou[:, j] = 0
    return [round(float(value), 2) for value in 100 * np.median(gaps, axis=0)] if gaps else []


def _print_row(found):
    scores = found["scores"]
    cells = [
        " / ".join(f"{scores[paste][kind]:.3f}" for kind in ("segm", "boundary", "bbox"))
        + f" ({', '.join(map(str, scores[paste]['edges']))})"
        for paste in PASTES
    ]
    print(f"| {found['row']} | {found['seed']} | {' | '.join(cells)} | {found['seconds']} s |", flush=True)


if __name__ == "__main__":
    main()
