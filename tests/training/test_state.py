"""State files: exact to the last bit and type, atomic, and never used when damaged."""

import hashlib
import json

import ml_dtypes
import numpy as np
import pytest

from mrcnn import files
from mrcnn.training.errors import StateError
from mrcnn.training.state import State, newest_state, read_state, state_files, write_state

ARRAYS = {
    "float": np.array([0.1, -0.0, np.nan, np.inf, 1e-45], "float32"),
    "half": np.arange(5).astype(ml_dtypes.bfloat16)[::2],
    "seed": np.array([4294967295, 3], "uint32"),
    "count": np.array(7, "int64"),
    "flag": np.array([[True], [False]]),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "nothing": np.zeros((0, 3), "float32"),
}


def at(epoch, step, **facts):
    rest = {"stage": 0, "first_epoch": 0, "stopped": False, "callbacks": {}}
    return State({"epoch": epoch, "step": step, **rest, **facts}, ARRAYS)


def assert_same(found, state):
    assert found.facts == state.facts
    assert list(found.arrays) == list(state.arrays)
    for name, array in state.arrays.items():
        assert (found.arrays[name].dtype, found.arrays[name].shape) == (array.dtype, array.shape)
        assert found.arrays[name].tobytes() == array.tobytes()


def test_what_is_read_is_what_was_written(tmp_path):
    state = at(3, 12, callbacks={"Best": {"loss": 0.1, "epoch": None}})
    path = write_state(tmp_path, state)
    assert path.name == "state_0003_000012.bin"
    found = read_state(path)
    assert_same(found, state)
    assert (found.epoch, found.step) == (3, 12)
    first = path.read_bytes()
    assert write_state(tmp_path, found).read_bytes() == first


def test_the_newest_two_are_kept(tmp_path):
    for epoch, step in ((0, 9), (0, 10), (1, 0), (1, 2), (10, 0)):
        write_state(tmp_path, at(epoch, step))
    assert [path.name for path in state_files(tmp_path)] == ["state_0010_000000.bin", "state_0001_000002.bin"]
    assert newest_state(tmp_path).facts == at(10, 0).facts


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "longer"])
def test_of_a_damaged_state_the_one_before_is_used(tmp_path, damage):
    write_state(tmp_path, at(1, 0))
    path = write_state(tmp_path, at(1, 5))
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    changed = {"cut": data[: len(data) // 2], "flip": data, "empty": b"", "longer": data + b"x"}
    path.write_bytes(changed[damage])
    lines = []
    assert newest_state(tmp_path, lines.append).facts == at(1, 0).facts
    assert lines == [f"Skipped {path}: is damaged: its checksum does not match its content."]
    state_files(tmp_path)[1].unlink()
    assert newest_state(tmp_path, lines.append) is None


def test_no_flipped_bit_and_no_cut_passes(tmp_path):
    path = write_state(tmp_path, at(0, 1))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.choice(len(whole), 150, replace=False):
        data = bytearray(whole)
        data[place] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        with pytest.raises(StateError, match="is damaged"):
            read_state(path)
        path.write_bytes(whole[:place])
        with pytest.raises(StateError, match="is damaged"):
            read_state(path)


def test_a_kill_while_writing_leaves_the_old_state_alone(tmp_path, monkeypatch):
    write_state(tmp_path, at(2, 0))

    def killed(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_state(tmp_path, at(2, 4))
    assert [path.name for path in tmp_path.iterdir()] == ["state_0002_000000.bin"]
    monkeypatch.undo()
    (tmp_path / ".state_0002_000004.bin.77.tmp").write_bytes(b"half")  # what SIGKILL leaves
    assert newest_state(tmp_path).epoch == 2


def test_the_disk_has_the_content_before_the_name(tmp_path, monkeypatch):
    order = []
    original = {name: getattr(files.os, name) for name in ("fsync", "replace")}
    for name in original:
        monkeypatch.setattr(
            files.os, name, lambda *args, name=name: (order.append(name), original[name](*args))
        )
    write_state(tmp_path, at(0, 1))
    assert order == ["fsync", "replace", "fsync"]


def forged(folder, change):
    """A state with another header under a right checksum."""
    path = write_state(folder, at(0, 1))
    head, _, rest = path.read_bytes()[:-32].partition(b"\n")
    header = json.loads(head)
    change(header)
    content = json.dumps(header).encode() + b"\n" + rest
    path.write_bytes(content + hashlib.sha256(content).digest())
    return path


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda header: header["facts"].update(epoch="3"), "its header lacks the position of the run"),
        (lambda header: header["facts"].update(stopped=1), "its header lacks the position of the run"),
        (lambda header: header["facts"].pop("callbacks"), "its header lacks the position of the run"),
        (lambda header: header.update(arrays={}), "its header lacks the position of the run"),
        (lambda header: header["arrays"][0].pop(), "its arrays are not as its header says"),
        (lambda header: header["arrays"].append(["a", "int8", [10**12]]), "its arrays are not as its header"),
        (lambda header: header["arrays"].append(["a", "x" * 999, [1]]), "its arrays are not as its header"),
        (lambda header: header["arrays"].append([5, "int8", [1]]), "its arrays are not as its header says"),
    ],
)
def test_a_header_that_lies(tmp_path, change, told):
    path = forged(tmp_path, change)
    with pytest.raises(StateError) as caught:
        read_state(path)
    assert str(caught.value).startswith(f"{path}: is damaged: {told}") and len(str(caught.value)) < 500


@pytest.mark.parametrize("content", [b"", b"no line"])
def test_a_state_without_a_header(tmp_path, content):
    path = tmp_path / "state_0001_000000.bin"
    path.write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(StateError, match="state_0001_000000"):
        read_state(path)


def test_a_missing_state_and_another_format_are_named(tmp_path, monkeypatch):
    with pytest.raises(StateError, match=r"gone.bin: cannot be read"):
        read_state(tmp_path / "gone.bin")
    monkeypatch.setattr("mrcnn.training.state._FORMAT", 2)
    path = write_state(tmp_path, at(0, 1))
    monkeypatch.undo()
    with pytest.raises(StateError, match="has format 2, but this code reads 1"):
        read_state(path)
