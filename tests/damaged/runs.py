"""Files of a training: configs, and what is in the folder of a run."""

import hashlib
import json

import numpy as np
import yaml

from mrcnn.training.errors import StateError
from tests.damaged.mutations import change_bytes, change_tree
from tests.damaged.weights import network


def write_config(root):
    from pumpkin.packaged import configs

    for name in ("pumpkin", "nuclei"):
        (root / f"{name}.yaml").write_bytes(configs()[name].read_bytes())
    settings = {"CLASSES": ["date", "fig"], "STAGES": [{"layers": "all", "epochs": 2, "learning_rate": 0.01}],
                "LOSS_WEIGHTS": {"mrcnn_mask_loss": 2.0}, "AUGMENTATION": {"preset": "light", "rotation": 5},
                "RPN_ANCHOR_RATIOS": [0.5, 1, 2]}  # fmt: skip
    (root / "own.yaml").write_text(yaml.safe_dump(settings))
    return sorted(root.iterdir())


def read_config(root):
    from pumpkin.config import load_config

    for path in sorted(root.iterdir()):
        load_config(path, [])


FACTS = {
    "options": {"skip_bad": False}, "weights": {"name": "none", "file": None, "sha256": None},
    "versions": {"backend": "tensorflow", "keras": "3.15.1"}, "config": {"SEED": 0}, "reproduces": "runs/a",
    "data": {"train": "0" * 64, "val": None}, "started": "2026-01-01T00:00:00",
    "result": {"weights": "0" * 64, "file": "a.h5", "epochs": 2}, "machine": {"cpu": "x"},
    "changes": [{"epoch": 1, "step": 2, "time": "", "changed": ["epochs: 1 -> 2"]}],
}  # fmt: skip


def write_run(root):
    (root / "run.json").write_text(json.dumps(FACTS))
    (root / "config.yaml").write_text(yaml.safe_dump({"CLASSES": ["date"], "SEED": 0}))
    (root / "splits.json").write_text(
        json.dumps({"train": ["a", "b"], "val": ["c"], "share": 0.2, "seed": 0})
    )
    return sorted(root.iterdir())


def read_run(root):
    from mrcnn.datasets.set_aside import Choice
    from pumpkin import earlier_runs

    _, config, facts = earlier_runs.read_run(str(root), root.parent, {}, report=lines())
    Choice.read(root)
    earlier_runs.extend(config, 9)
    earlier_runs.check_same(facts, FACTS, True, lines())
    if "result" in facts:
        earlier_runs.verdict(root, FACTS, lines())


def lines():
    return [].append


def write_metrics(root):
    (root / "metrics.csv").write_text(
        "epoch,loss,val_loss,learning_rate,seconds,finished\n"
        "1,2.5,3.5,0.001,12.5,2026-01-01T00:00:00\n2,1.5,,0.001,12.5,2026-01-01T00:01:00\n"
    )
    return [root / "metrics.csv"]


def read_metrics(root):
    from mrcnn.training.metrics import EventFiles, MetricsCsv

    metrics = MetricsCsv(root / "metrics.csv", 2)
    events = EventFiles(root, metrics.rows)
    events.on_train_begin()
    events.close()


def write_state(root):
    from mrcnn.training import state

    shapes = ((3, 8), (8,), (8, 3), (3,))
    arrays = {f"model/{i}": np.full(shape, i, "float32") for i, shape in enumerate(shapes)}
    facts = {"epoch": 1, "step": 2, "stage": 0, "first_epoch": 0, "stopped": False,
             "callbacks": {"Best": {"loss": 0.5, "epoch": 1}}}  # fmt: skip
    return [state.write_state(root, state.State(facts, arrays))]


def change_state(path, chance):
    """Change bytes, or the header under a right checksum."""
    data = path.read_bytes()
    if chance.random() < 0.3:
        return path.write_bytes(change_bytes(data, chance))
    head, _, rest = data[:-32].partition(b"\n")
    tree = json.loads(head)
    for _ in range(chance.randint(1, 3)):
        tree = change_tree(tree, chance)
    content = (
        json.dumps(tree).encode() + b"\n" + (rest if chance.random() < 0.8 else change_bytes(rest, chance))
    )
    path.write_bytes(content + hashlib.sha256(content).digest())


def read_state(root):
    from mrcnn.training import resume, state

    found = state.read_state(next(root.iterdir()))
    assert found.epoch >= 0 and found.step >= 0
    try:
        resume.restore(network(), found.arrays, optimizer=False)
    except StateError as error:  # of another network, which the driver names
        assert str(error).startswith("The state has ")
