"""The complete state of a run in one file, whose checksum shows that it is complete.

``state_<epoch, four digits>_<step, six digits>.bin`` holds the state after so many complete epochs and so
many steps of the next one: a line of JSON with the facts and the name, type and shape of each array, then the
arrays' bytes, then the SHA-256 of all preceding bytes. Equal states give equal bytes.
"""

import hashlib
import json
import math
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
_POSITION = ("epoch", "step", "stage", "first_epoch")
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
    """Read one state. Raises StateError unless its bytes match their checksum, and hold what they say."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {error.strerror}.") from error
    if hashlib.sha256(memoryview(data)[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise StateError(f"{path}: is damaged: its checksum does not match its content.")
    head, _, _ = data[:-_DIGEST].partition(b"\n")
    try:
        header = parse_json(head, path)
    except FileError as error:
        raise StateError(str(error)) from error
    if header.get("format") != _FORMAT:
        raise StateError(f"{path}: has format {header.get('format')!r:.40}, but this code reads {_FORMAT}.")
    facts, index = header.get("facts"), header.get("arrays")
    if not _are_facts(facts) or not isinstance(index, list):
        raise StateError(f"{path}: is damaged: its header lacks the position of the run, or its arrays.")
    try:
        return State(facts, dict(_arrays(index, data, len(head) + 1)))
    except (TypeError, ValueError, OverflowError) as error:
        raise StateError(
            f"{path}: is damaged: its arrays are not as its header says ({error!s:.200})."
        ) from error


def _are_facts(facts):
    """Return whether the facts of a header have the position, and the states of callbacks."""
    return (
        isinstance(facts, dict)
        and all(type(facts.get(name)) is int and facts[name] >= 0 for name in _POSITION)
        and type(facts.get("stopped")) is bool
        and isinstance(facts.get("callbacks"), dict)
        and all(isinstance(state, dict) for state in facts["callbacks"].values())
    )


def _arrays(index, data, start):
    """Yield (name, array) of each entry of a header's index. start: of the first array in the file's data."""
    for name, dtype, shape in index:
        if not isinstance(name, str) or not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"{name!r:.40} with shape {shape!r:.40}")
        array = np.frombuffer(data, np.dtype(dtype), math.prod(shape), start).reshape(shape)
        yield name, array
        start += array.nbytes


def newest_state(folder, report=show):
    """Return the newest undamaged state in a run's folder, or None; report each damaged one."""
    for path in state_files(folder):
        try:
            return read_state(path)
        except StateError as error:
            report(f"Skipped {error}")
    return None
