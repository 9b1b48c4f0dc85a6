"""Fetch images with the oidv6 package through its Python API, in a separate process and folder.

oidv6 1.0.5 reads a whole table of boxes into memory, takes the first rows, runs one ``aws s3 cp`` per image
and always reports success. So it receives tables that list only the wanted images, and the files in its
folder are checked: an image moves to the data set only if it decodes to its end. oidv6 runs its commands in
a shell, so its folder must have a plain name.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from pumpkin.openimages import catalog
from pumpkin.openimages.errors import UsageError

FOLDER = ".oidv6"
_PLAIN_PATH = re.compile(r"[\w./ +,:@%=~-]+", re.ASCII)
_HEADER = "ImageID,LabelName,XMin,XMax,YMin,YMax\n"
_FILLER = "0000000000000000,/m/none,0,0,0,0\n"  # with pandas 3, oidv6 fails on a table of one row


def check(dataset):
    """Raise UsageError if oidv6 is not installed or if a shell would interpret the path of the data set."""
    if not _PLAIN_PATH.fullmatch(str(Path(dataset).absolute())):
        raise UsageError(
            f"oidv6 passes the path {dataset} to a shell; choose a path of letters, digits, spaces and "
            f"./+,:@%=~_-, or omit --engine oidv6."
        )
    import importlib.util

    if importlib.util.find_spec("oidv6") is None:
        raise UsageError(
            "The package oidv6 is not installed; install it (python -m pip install oidv6==1.0.5) or omit "
            "--engine oidv6."
        )


def aws_missing():
    """Return whether the ``aws`` command that oidv6 needs is missing."""
    return shutil.which("aws", path=_environment(None)["PATH"]) is None


def fetch(images, choice, dataset, bases):
    """Run oidv6 for some ImageFiles; return {(split, id): path} of the files that it wrote, unchecked.

    choice: a plan.Choice. dataset: the data set's folder. bases: catalog.Bases.
    """
    folder = Path(dataset).absolute() / FOLDER
    for split in choice.splits:
        for one in choice.classes:
            ids = [i.image_id for i in images if i.split == split and i.mids[0] == one.mid]
            if ids:
                _prepare(folder, split, one, ids)
                _run(folder, split, one, bases)
    found = {}
    for image in images:
        path = folder / image.split / choice.class_of(image.mids[0]).folder / f"{image.image_id}.jpg"
        if path.is_file():
            found[image.key] = path
    return found


def clean(dataset):
    """Remove oidv6's folder."""
    shutil.rmtree(Path(dataset) / FOLDER, ignore_errors=True)


def _prepare(folder, split, one, ids):
    """Write the files that oidv6 would fetch whole, with this class and these images alone."""
    for name in ("metadata", "boxes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    path = folder / "metadata" / "class-descriptions-boxable.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerow((one.mid, one.name))
    rows = "".join(f"{image_id},{one.mid},0,0,0,0\n" for image_id in ids)
    table = folder / "boxes" / catalog.boxes_path(split).rsplit("/", 1)[1]
    table.write_text(_HEADER + rows + _FILLER, encoding="ascii")


def _run(folder, split, one, bases):
    """Run oidv6 once in a separate process."""
    arguments = {
        "command": "downloader", "dataset": str(folder), "type_data": split, "classes": [one.name],
        "limit": 0, "multi_classes": False, "yes": True, "no_labels": True,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "pumpkin.openimages.oidv6_driver", json.dumps(arguments)],
        env=_environment(bases.s3), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait()
    finally:
        process.terminate()
        process.wait()


def _environment(s3):
    """Return the environment for oidv6: the path of this package's modules, and of ``aws`` beside Python."""
    root, environ = str(Path(__file__).resolve().parents[2]), dict(os.environ)
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environ.get("PYTHONPATH"))))
    environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath)))
    if s3:
        environ["AWS_ENDPOINT_URL"] = s3
    return environ


def main(arguments):
    """Run oidv6 in this process. arguments: of OIDv6.download."""
    from oidv6.OIDv6 import OIDv6

    return OIDv6().download(arguments, out=False)


if __name__ == "__main__":
    sys.exit(0 if main(json.loads(sys.argv[1])) else 1)
