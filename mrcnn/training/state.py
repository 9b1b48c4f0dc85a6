"""The complete state of a run in one file, whose checksum shows that it is complete.

``state_<epoch, four digits>_<step, six digits>.bin`` holds the state after so many complete epochs and so
many steps of the next one: a line of JSON with the facts and the name, type and shape of each array, then the
arrays' bytes, then the SHA-256 of all preceding bytes. Equal states give equal bytes.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes  # noqa: F401  (teaches NumPy the name bfloat16)
import numpy as np

from mrcnn.files import FileError, parse_json, replacing
from mrcnn.screen import show
from mrcnn.training.errors import StateError

NAME = re.compile(r"state_(?P<epoch>\d{4,})_(?P<step>\d{6,})\.bin")
_FORMAT = 1
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class State:
    """A run's state. facts: a dict of JSON values with "epoch" and "step". arrays: a dict of NumPy arrays."""

    facts: dict
    arrays: dict

    @property
    def epoch(self):
        """Return the number of completed epochs."""
        return self.facts["epoch"]

    @property
    def step(self):
        """Return the number of completed steps of the next epoch."""
        return self.facts["step"]


def state_files(folder):
    """Return the paths of the states in a run's folder, newest first."""
    found = [(NAME.fullmatch(path.name), path) for path in Path(folder).glob("state_*.bin")]
    found = [((int(name["epoch"]), int(name["step"])), path) for name, path in found if name]
    return [path for _, path in sorted(found, reverse=True)]


def write_state(folder, state, keep=2):
    """Write a state, delete all but the ``keep`` newest, and return the path.

    Older states are deleted only after the new one is safe on disk. Raises OSError.
    """
    path = Path(folder) / f"state_{state.epoch:04d}_{state.step:06d}.bin"
    arrays = {name: np.asarray(array) for name, array in state.arrays.items()}
    index = [[name, array.dtype.name, array.shape] for name, array in arrays.items()]
    header = {"format": _FORMAT, "facts": state.facts, "arrays": index}
    digest = hashlib.sha256()
    with replacing(path) as file:

        def add(data):
            digest.update(data)
            file.write(data)

        add(json.dumps(header, sort_keys=True).encode() + b"\n")
        for array in arrays.values():
            add(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
        file.write(digest.digest())
    for old in state_files(folder)[keep:]:
        old.unlink()
    return path


def read_state(path):
    """Read one state. Raises StateError unless its bytes match their checksum."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {error.strerror}.") from error
    if hashlib.sha256(memoryview(data)[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise StateError(f"{path}: is damaged: its checksum does not match its content.")
    end = data.index(b"\n")
    try:
        header = parse_json(data[:end], path)
    except FileError as error:
        raise StateError(str(error)) from error
    if header["format"] != _FORMAT:
        raise StateError(f"{path}: has format {header['format']}, but this code reads {_FORMAT}.")
    arrays, start = {}, end + 1
    for name, dtype, shape in header["arrays"]:
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, np.dtype(dtype), count, start).reshape(shape)
        start += arrays[name].nbytes
    return State(header["facts"], arrays)


def newest_state(folder, report=show):
    """Return the newest undamaged state in a run's folder, or None; report each damaged one."""
    for path in state_files(folder):
        try:
            return read_state(path)
        except StateError as error:
            report(f"Skipped {error}")
    return None
