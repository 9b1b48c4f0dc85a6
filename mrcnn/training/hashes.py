"""Hash the content of data, weights and code, which decide the result of a run."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mrcnn.datasets.dataset import is_path, paths_in
from mrcnn.datasets.folders import is_hidden
from mrcnn.digests import file_hash, sha256_of
from mrcnn.training.hash_cache import hashes_of
from mrcnn.weights.hdf5 import open_weights, read_groups


def data_hash(dataset):
    """Hash a data set: its classes, and each image's image_info and files, in order.

    Hashed are the files of ``dataset.data_files``; a folder with all its files, once for all images that name
    it. Moving the data does not change the hash: a path counts by its last part and its content, any other
    value by itself.
    """
    infos = [_describe(info) for info in dataset.image_info]
    named = [[Path(path) for path in dataset.data_files(image_id)] for image_id in range(len(infos))]
    hashes = _hashes_of({path for paths in named for path in paths})
    digest = hashlib.sha256(json.dumps(dataset.class_names).encode())
    for info, paths in zip(infos, named):
        known = {path: hashes[path] for path in paths}
        digest.update(json.dumps(_with_hashes(info, known), sort_keys=True).encode() + b"\n")
        others = sorted(set(paths).difference(paths_in(info)))  # those that image_info does not name
        if others:
            digest.update(json.dumps([[path.name, hashes[path]] for path in others]).encode() + b"\n")
    return digest.hexdigest()


def _hashes_of(paths):
    """Return {path: hash of the file, or of all files in the folder}; None for a path that does not exist."""
    files_of = {path: _files_at(path) for path in paths}
    files = sorted({file for found in files_of.values() for file in found})
    hash_of = hashes_of(files, _file_hashes)
    return {path: _content_hash(path, found, hash_of) for path, found in files_of.items()}


def _file_hashes(files):
    with ThreadPoolExecutor(max_workers=8) as pool:  # reading and hashing both release the interpreter's lock
        return list(pool.map(file_hash, files))


def data_hashes(train, val):
    """Return the data_hash of each split, None for a missing one: {"train": ..., "val": ...}."""
    splits = {"train": train, "val": val}
    return {name: None if dataset is None else data_hash(dataset) for name, dataset in splits.items()}


def weights_hash(path):
    """Return the SHA-256 of a weights file's tensors and their names; classes and config do not count."""
    digest = hashlib.sha256()
    with open_weights(path) as file:
        for group, tensors in read_groups(file):
            for name, dataset in tensors:
                array = dataset[()]
                digest.update(f"{group} {name} {array.dtype} {array.shape}\n".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def sources_hash(packages):
    """Hash single files, and the Python and YAML files below folders.

    Packaged configs are excluded, because a run's settings are hashed already.
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


def _describe(value, key=None):
    """Convert a value of image_info to JSON types; paths become Path objects for ``_with_hashes``."""
    if isinstance(value, dict):
        return {str(name): _describe(item, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_describe(item) for item in value]
    if is_path(value, key):
        return Path(value)
    if isinstance(value, np.ndarray):
        return [str(value.dtype), value.shape, sha256_of(np.ascontiguousarray(value).tobytes())]
    if isinstance(value, np.generic):
        return value.item()
    known = value is None or isinstance(value, (bool, int, float, str))
    return value if known else type(value).__name__


def _files_at(path):
    """Return the file itself, or all in a folder that are not hidden, in order; none for a missing path."""
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.is_file())
    return sorted(file for file in found if not any(map(is_hidden, file.relative_to(path).parts)))


def _content_hash(path, files, hash_of):
    """Hash a file's content, or a folder's file names and hashes; return None for a missing path."""
    if files == [path]:
        return hash_of[path]
    names = [[file.relative_to(path).as_posix(), hash_of[file]] for file in files]
    return sha256_of(json.dumps(names).encode()) if path.is_dir() else None


def _with_hashes(value, hashes):
    if isinstance(value, Path):
        return [value.name, hashes.get(value)]
    if isinstance(value, dict):
        return {name: _with_hashes(item, hashes) for name, item in value.items()}
    return [_with_hashes(item, hashes) for item in value] if isinstance(value, list) else value
