"""The folder of a run: its config, its fingerprint, its log and its checkpoints.

``<runs>/<name><YYYYMMDDTHHMM>/`` holds config.yaml, run.json, train.log, metrics.csv, TensorBoard's event
files and ``mask_rcnn_<name>_<epoch, four digits>.h5``, as matterport's code named them.
"""

import hashlib
import json
import math
import platform
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import keras
import numpy as np
import yaml

CHECKPOINT = re.compile(r"mask_rcnn_.+_(?P<epoch>\d{4})\.h5")


class RunError(ValueError):
    """A run's folder does not hold what was asked for."""


class Run:
    """One training; ``folder`` is new and its own.

    best_loss, best_epoch: the lowest validation loss so far and the epochs done then.
    Raises RunError if the folder cannot be made.
    """

    def __init__(self, runs_dir, config):
        self.name = str(config.NAME).lower()
        if Path(self.name).name != self.name:
            raise RunError(f"NAME is used in file names and cannot be {config.NAME!r}.")
        self.config = config
        self.best_loss, self.best_epoch = math.inf, None
        self.folder = _new_folder(Path(runs_dir), self.name)

    def checkpoint(self, epoch):
        """The path of the weights after so many epochs."""
        return self.folder / f"mask_rcnn_{self.name}_{epoch:04d}.h5"

    def write_settings(self, **facts):
        """Write config.yaml, and run.json with what decides the result."""
        text = yaml.safe_dump(self.config.to_plain(), sort_keys=True)
        write_text(self.folder / "config.yaml", text)
        fingerprint = {**versions(), "config": _sha256(text.encode()), "seed": self.config.SEED, **facts}
        write_text(self.folder / "run.json", json.dumps(fingerprint, indent=1, sort_keys=True) + "\n")
        return fingerprint


def checkpoints(folder):
    """The checkpoints in a run's folder by epoch: {epoch: path}, the last epoch last."""
    found = {}
    for path in sorted(Path(folder).glob("mask_rcnn_*.h5")):
        name = CHECKPOINT.fullmatch(path.name)
        if name:
            found[int(name["epoch"])] = path
    return dict(sorted(found.items()))


def find_last(runs_dir="runs"):
    """The last checkpoint of the newest run that has one. Raises RunError, saying what to do, if none has."""
    found = [list(checkpoints(path).values()) for path in Path(runs_dir).glob("*") if path.is_dir()]
    last = [paths[-1] for paths in found if paths]
    if last:
        # By the file, not its folder: an evaluation written into an old run does not make it new.
        return max(last, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    raise RunError(
        f"{runs_dir}: no run here has a checkpoint yet; train one with scripts/train.py, "
        "or give the path of a weights file."
    )


def data_hash(dataset):
    """A hash of the names and sizes of a data set's images and of the classes, in order."""
    digest = hashlib.sha256(json.dumps(dataset.class_names).encode())
    for info in dataset.image_info:
        path = Path(info["path"] or "")  # drawn images have none
        size = path.stat().st_size if path.is_file() else -1
        digest.update(f"{info['id']}:{path.name}:{size}\n".encode())
    return digest.hexdigest()


def versions():
    """What the numbers of a run depend on beside config and data."""
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "code": _commit(),
        "command": sys.argv,
        "started": datetime.now().isoformat(timespec="seconds"),
    }


def write_text(path, text):
    """Write a file under a temporary name, then rename it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _new_folder(runs_dir, name):
    stamp = f"{name}{datetime.now():%Y%m%dT%H%M}"
    for number in range(1, 1000):
        folder = runs_dir / (stamp if number == 1 else f"{stamp}_{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise RunError(f"{folder}: cannot be made: {error.strerror}.") from error
    raise RunError(f"{runs_dir}: a thousand runs started in this minute.")


def _commit():
    """The commit of the code if it is a clone, with a plus if files differ from it."""
    root = Path(__file__).resolve().parents[2]
    git = ["git", "-C", str(root)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD"], capture_output=True).returncode
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if changed else "")


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
