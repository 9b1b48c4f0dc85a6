"""What the tests of programs share: a project to run them in, and what becomes of their weights."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from mrcnn.config import Config
from mrcnn.model import MaskRCNN
from mrcnn.weights import named

ROOT = Path(__file__).resolve().parents[2]
STAMP = r"\d{8}T\d{4}(_\d+)?"


class Project:
    """A folder as the authors had it; ``run`` starts a program in its folder samples/program."""

    def __init__(self, root):
        self.root = root
        self.place = root / "samples" / "program"
        self.place.mkdir(parents=True)

    def run(self, program, *words, launcher=()):
        """The text that a program printed, stdout and stderr together; it must end well."""
        done = subprocess.run(
            [sys.executable, *launcher, str(program), *map(str, words)],
            cwd=self.place, env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def log_folder(self, name):
        """The one folder of logs, which is named after the config and the time."""
        (folder,) = (path for path in (self.root / "logs").iterdir() if path.is_dir())
        assert re.fullmatch(name + STAMP, folder.name)
        return folder

    def metrics(self, name):
        with open(self.log_folder(name) / "metrics.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def write_coco_weights(config_class, folder):
    """Weights of 81 classes under the name of matterport's file, for the network of a program."""

    class OfCoco(config_class):
        NAME = "coco"
        NUM_CLASSES = 81

    path = folder / "mask_rcnn_coco.h5"
    MaskRCNN("inference", OfCoco(), folder).save_weights(path)
    return path


def tensors(path):
    """All arrays of a weights file by name."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]} if hasattr(item, "shape") else {}))
    return found


def same(first, second, pattern):
    """Whether the tensors whose layer matches a pattern are equal in two files of weights."""
    names = [name for name in first if re.match(pattern, name)]
    assert names
    return [np.array_equal(first[name], second[name]) for name in names]


def made_sure(checkpoint, epoch):
    """A copy of a checkpoint as that of a later epoch, which takes anchors for proposals of class 1.

    Training of a few steps finds nothing. Returns its path.
    """
    path = checkpoint.with_name(re.sub(r"\d{4}\.h5", f"{epoch:04}.h5", checkpoint.name))
    shutil.copy(checkpoint, path)
    with h5py.File(path, "r+") as file:
        head = file["mrcnn_class_logits/mrcnn_class_logits"]
        kernel, bias = head["kernel:0"], head["bias:0"]
        kernel[...] = kernel[...] / np.abs(kernel[...]).max() / 10
        bias[...] = np.eye(len(bias))[1] * 3
        for name in ("mrcnn_bbox_fc/mrcnn_bbox_fc", "rpn_model/rpn_bbox_pred"):
            file[f"{name}/kernel:0"][...] = 0
        mask = file["mrcnn_mask/mrcnn_mask/kernel:0"]  # [1, 1, channels, classes]
        mask[...] -= mask[...].mean(axis=2, keepdims=True)
    return path


def model_of(path, config_class=Config, **settings):
    """A model for detection with the weights, and but for the given settings the config, of a checkpoint.

    config_class: has the functions that no file keeps.
    """
    config = config_class()
    stored = named.read_metadata(path)["config"]
    ours = {name: value for name, value in stored.items() if not callable(getattr(config, name))}
    config.update({**ours, "GPU_COUNT": 1, "IMAGES_PER_GPU": 1, **settings})
    model = MaskRCNN("inference", config, path.parent)
    model.load_weights(path)
    return model
