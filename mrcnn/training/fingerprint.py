"""What decides the weights of a run: settings, data, code, versions, machine, first weights.

Two runs whose ingredients agree end with the same bytes; where they do not, ``differences`` says in what.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import keras
import numpy as np

from mrcnn import backend
from mrcnn.datasets.dataset import is_path, paths_in
from mrcnn.weights.hdf5 import open_weights, read_groups

PACKAGE = Path(__file__).resolve().parents[1]
# Where these differ, a run cannot be gone on with as if nothing had happened.
MUST_AGREE = ("config", "data", "options", "versions.backend", "weights")
# Names for the reader: a commit may change a text alone, and weights are known by their content.
_FOR_THE_READER = ("code.commit", "weights.name", "weights.file")
_INGREDIENTS = ("config", "data", "options", "code", "versions", "machine", "weights")
# Settings from outside that change the order of sums or the kernels that compute them.
_ENVIRONMENT = (
    "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "NVIDIA_TF32_OVERRIDE", "JAX_DEFAULT_MATMUL_PRECISION",
)  # fmt: skip
_LIBRARIES = ("numpy", "opencv-python", "opencv-python-headless", "scikit-image", "pillow")


@dataclass(frozen=True)
class Difference:
    """One ingredient of two runs, for example name "versions.keras"."""

    name: str
    old: object
    new: object

    @property
    def fatal(self):
        """Whether a run must not be gone on with, see MUST_AGREE."""
        return self.name.startswith(MUST_AGREE)

    def __str__(self):
        return f"{self.name}: {_short(self.old)} -> {_short(self.new)}"


def ingredients(config, data, packages=(PACKAGE,), weights=None, options=None):
    """All that decides a run's weights, as a dict for JSON.

    data: a dict of split to data_hash. packages: folders whose code takes part. weights: a dict that tells
    the first weights, from ``start_facts``. options: a dict of what else the run was asked for.
    """
    settings = config.to_plain()
    for name in (*config.no_effect, "DATASET"):  # where data stand is no matter, what they are is in ``data``
        settings.pop(name, None)
    return {
        "config": settings,
        "data": data,
        "options": options or {},
        "code": {"sources": sources_hash(packages), "commit": commit()},
        "versions": versions(),
        "machine": machine(),
        "weights": weights or {"name": "none", "file": None, "sha256": None},
    }


def fingerprint(facts):
    """Sixteen hexadecimal digits of the ingredients: equal for runs that must end with equal weights."""
    return _sha256(json.dumps(_flat(facts), sort_keys=True).encode())[:16]


def differences(old, new):
    """The ingredients of run ``new`` that differ from those of ``old``: a list of Difference.

    What ``old`` does not know, since its code was older, is not compared.
    """
    old, new = _flat(old), _flat(new)
    return [Difference(name, value, new.get(name)) for name, value in old.items() if new.get(name) != value]


def start_facts(name, path):
    """What is known of the weights that a run begins with. path: None for random ones."""
    sha256 = None if path is None else file_hash(path)
    return {"name": str(name), "file": None if path is None else str(Path(path).resolve()), "sha256": sha256}


def data_hash(dataset):
    """A hash of a data set: its classes, and each image's image_info and files, in order.

    The files are those of ``dataset.data_files``; of a folder every file, once however many images name it.
    Moving the data changes nothing: paths count by their last name and what they hold, and other values as
    they are.
    """
    infos = [_describe(info) for info in dataset.image_info]
    named = [[Path(path) for path in dataset.data_files(image_id)] for image_id in range(len(infos))]
    hashes = _hashes_of({path for paths in named for path in paths})
    digest = hashlib.sha256(json.dumps(dataset.class_names).encode())
    for info, paths in zip(infos, named):
        known = {path: hashes[path] for path in paths}
        digest.update(json.dumps(_with_hashes(info, known), sort_keys=True).encode() + b"\n")
        others = sorted(set(paths).difference(paths_in(info)))  # which image_info does not name
        if others:
            digest.update(json.dumps([[path.name, hashes[path]] for path in others]).encode() + b"\n")
    return digest.hexdigest()


def _hashes_of(paths):
    """A dict of path to the hash of its file, or of all files in its folder; None where nothing is."""
    files_of = {path: _files_at(path) for path in paths}
    files = sorted({file for found in files_of.values() for file in found})
    with ThreadPoolExecutor(max_workers=8) as pool:  # reading waits, hashing releases the interpreter's lock
        hash_of = dict(zip(files, pool.map(file_hash, files)))
    return {path: _content_hash(path, found, hash_of) for path, found in files_of.items()}


def file_hash(path):
    """The SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_hash(path):
    """The SHA-256 of the tensors in a weights file and their names; classes and config do not count."""
    digest = hashlib.sha256()
    with open_weights(path) as file:
        for group, tensors in read_groups(file):
            for name, dataset in tensors:
                array = dataset[()]
                digest.update(f"{group} {name} {array.dtype} {array.shape}\n".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def sources_hash(packages):
    """A hash of single files, and of the Python and YAML files below folders.

    The configs in a wheel do not count: a run's settings do.
    """
    digest = hashlib.sha256()
    for package in map(Path, packages):
        for path in [package] if package.is_file() else _sources_below(package):
            name = path.relative_to(package.parent).as_posix()
            digest.update(f"{name} {file_hash(path)}\n".encode())
    return digest.hexdigest()


def _sources_below(package):
    found = sorted([*package.rglob("*.py"), *package.rglob("*.yaml")])
    return [path for path in found if path.relative_to(package).parts[0] != "configs"]


def versions():
    """Of Python, of Keras and its backend, and of the libraries that read and change images."""
    name = keras.backend.backend()
    modules = ("jax", "jaxlib") if name == "jax" else (name,)
    found = {library: version for library in _LIBRARIES if (version := _version(library)) is not None}
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": name,
        **{module: sys.modules[module].__version__ for module in modules},
        **found,
    }


def machine():
    """The processor, how many cores may be used, the devices, and settings of the environment."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": cores,
        "devices": backend.device_names(),
        "environment": {name: os.environ.get(name) for name in _ENVIRONMENT},
    }


def commit():
    """The commit of the code if it is a clone, with a plus if files differ from it; otherwise "unknown"."""
    git = ["git", "-C", str(PACKAGE.parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD"], capture_output=True).returncode
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed else "")


def _cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(library):
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _flat(facts):
    """Ingredients as {"versions.keras": "3.15.1", ...}, without what is for the reader alone."""
    found = {}

    def add(name, value):
        if isinstance(value, dict) and value:
            for key, item in value.items():
                add(f"{name}.{key}", item)
        elif name not in _FOR_THE_READER:
            found[name] = value

    for name in _INGREDIENTS:
        if name in facts:
            add(name, facts[name])
    return found


def _describe(value, key=None):
    """A value of image_info in what JSON can hold; paths become Path objects for ``_with_hashes``."""
    if isinstance(value, dict):
        return {str(name): _describe(item, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_describe(item) for item in value]
    if is_path(value, key):
        return Path(value)
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.shape, _sha256(np.ascontiguousarray(value).tobytes())]
    if isinstance(value, np.generic):
        return value.item()
    known = value is None or isinstance(value, (bool, int, float, str))
    return value if known else type(value).__name__


def _files_at(path):
    """The file itself, or all files below a folder in order; none where nothing is."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _content_hash(path, files, hash_of):
    """Of a file the hash of its content; of a folder one of its files' names and hashes; None of nothing."""
    if files == [path]:
        return hash_of[path]
    names = [[file.relative_to(path).as_posix(), hash_of[file]] for file in files]
    return _sha256(json.dumps(names).encode()) if path.is_dir() else None


def _with_hashes(value, hashes):
    if isinstance(value, Path):
        return [value.name, hashes.get(value)]
    if isinstance(value, dict):
        return {name: _with_hashes(item, hashes) for name, item in value.items()}
    return [_with_hashes(item, hashes) for item in value] if isinstance(value, list) else value


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _short(value):
    text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
