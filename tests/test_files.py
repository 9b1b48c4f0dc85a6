"""Whole files or none, locks on every system, and readers that answer damage in one sentence."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from mrcnn import files
from mrcnn.files import (
    YAML_BYTES,
    Busy,
    FileError,
    YamlError,
    lock,
    parse_json,
    parse_yaml,
    read_json,
    read_yaml,
    replacing,
    replacing_path,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_at_once_and_its_folder_made(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    for content in (b"first", b"second"):
        with replacing(path) as file:
            file.write(content)
            before = path.read_bytes() if path.exists() else None
            assert before == {b"first": None, b"second": b"first"}[content]
        assert path.read_bytes() == content
    files.write_text(str(path), "third \N{GREEK SMALL LETTER ALPHA}\r\n")
    assert path.read_bytes() == b"third \xce\xb1\r\n"
    files.write_json(path, {"b": [1], "a": 2})
    assert path.read_bytes() == b'{\n "b": [\n  1\n ],\n "a": 2\n}\n'
    files.write_json(path, {"b": [1], "a": 2}, sort_keys=True)
    assert path.read_bytes() == b'{\n "a": 2,\n "b": [\n  1\n ]\n}\n'
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("values", [[], [1], [{"a": [1, {"b": 2}], "c": "\n"}, [], {}, None]])
def test_a_list_is_written_as_its_elements_come(tmp_path, values):
    files.write_json(tmp_path / "whole", values)
    files.write_json_list(tmp_path / "one by one", iter(values))
    assert (tmp_path / "one by one").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_temporary_name_may_keep_a_suffix(tmp_path):
    with replacing_path(tmp_path / "a.mp4", suffix=".mp4") as temporary:
        assert temporary.suffix == ".mp4"
        assert files.meant(temporary) == str(tmp_path / "a.mp4")
        temporary.write_bytes(b"video")
    left = temporary.with_name(".b.mp4.7.tmp.mp4")
    left.write_bytes(b"half")
    files.remove_leftovers(tmp_path, ".*.tmp*")
    assert names(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_alone(tmp_path, error):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(error), replacing(tmp_path / "file") as file:
        file.write(b"new")
        raise error
    with pytest.raises(error), replacing_path(tmp_path / "file"):
        raise error  # before anything was written
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize(("durable", "calls"), [(True, ["fsync", "replace", "fsync"]), (False, ["replace"])])
def test_the_disk_has_the_content_before_the_name_where_that_matters(tmp_path, monkeypatch, durable, calls):
    seen = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)
        monkeypatch.setattr(
            files.os, name, lambda *args, name=name, original=original: (seen.append(name), original(*args))
        )
    files.write_bytes(tmp_path / "file", b"content", durable)
    assert seen == calls
    assert (tmp_path / "file").read_bytes() == b"content"


def test_leftovers_are_known_by_their_name(tmp_path):
    killed = "import os\nfrom mrcnn.files import replacing\nwith replacing('a.png') as file:\n    os._exit(9)"
    assert subprocess.run([sys.executable, "-c", killed], cwd=tmp_path, env=_with_path()).returncode == 9
    (left,) = names(tmp_path)
    assert left.startswith(".a.png.") and left.endswith(".tmp")
    for name in (".holiday.mov.part", ".notes.tmp", ".12.tmp", "a.1.tmp", ".a.png.x.tmp"):
        (tmp_path / name).write_text("the user's")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / ".b.csv.7.tmp").write_text("half")
    files.remove_leftovers(tmp_path)
    assert names(tmp_path) == [
        ".12.tmp",
        ".a.png.x.tmp",
        ".holiday.mov.part",
        ".notes.tmp",
        "a.1.tmp",
        "deep",
    ]
    assert names(tmp_path / "deep" / "er") == [".b.csv.7.tmp"]
    files.remove_leftovers(tmp_path, "**/.*.tmp", lambda path: path.name == "other.csv")
    assert names(tmp_path / "deep" / "er") == [".b.csv.7.tmp"]
    files.remove_leftovers(tmp_path, "**/.*.tmp", lambda path: path == tmp_path / "deep" / "er" / "b.csv")
    assert names(tmp_path / "deep" / "er") == []


def _with_path():
    return {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(files.__file__))}


def test_a_lock_is_held_until_the_file_is_closed(tmp_path):
    path = tmp_path / "lock"
    other = f"from mrcnn.files import lock\nwith open({str(path)!r}, 'a') as file:\n    lock(file)"
    with path.open("a") as file, path.open("a") as second:
        lock(file)
        with pytest.raises(Busy):
            lock(second)
        done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, env=_with_path())
        assert done.stderr.splitlines()[-1].startswith("mrcnn.files.Busy")
    with path.open("a") as file:
        lock(file, wait=True)


def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch):
    def refuse(file, kind):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    with (tmp_path / "lock").open("a") as file:
        code = files.errno.ENOLCK
        lock(file)
        code = files.errno.EBADF
        with pytest.raises(OSError, match="Bad file"):
            lock(file)


def test_windows_locks_a_byte_that_nobody_reads(tmp_path, monkeypatch):
    held, waits = {}, []

    def locking(handle, kind, count):
        assert (kind, count, os.lseek(handle, 0, os.SEEK_CUR)) == ("now", 1, 2**31 - 2)
        inode = os.fstat(handle).st_ino
        if held.setdefault(inode, handle) != handle:
            raise PermissionError(13, "Permission denied")

    def wait(seconds):
        waits.append(seconds)
        held.clear()

    monkeypatch.setattr(files, "fcntl", None)
    monkeypatch.setattr(files, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK="now"))
    monkeypatch.setattr(files.time, "sleep", wait)
    path = tmp_path / "log"
    with path.open("a") as first, path.open("a") as second:
        lock(first)
        with pytest.raises(Busy):
            lock(second)
        lock(second, wait=True)
        first.write("one\n")
        second.flush()
    assert waits == [0.1]
    assert path.read_bytes() == b"one\n"


def test_a_system_without_any_lock_is_used_without(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    monkeypatch.setattr(files, "msvcrt", None)
    with (tmp_path / "lock").open("a") as first, (tmp_path / "lock").open("a") as second:
        lock(first)
        lock(second, wait=True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"", "is empty."),
        (b" \n", "is empty."),
        (b'{"a": 1,\n"b', ", line 2: is cut short."),
        (b'{"a": 1,\n "b": [1,\n', ", line 2: is cut short."),
        (b'{"a": 1,\n "b": 2 3}\n', ", line 2: is damaged at column 9: Expecting ',' delimiter."),
        (b'{"a":\n"caf\xe9"}', ", line 2: is not UTF-8 text; save the file as UTF-8."),
        (b"[" * 100_000, "is damaged: its lists or objects are nested too deep."),
        (b'{"a": ' + b"9" * 5000 + b"}", "is damaged: it holds a number of too many digits."),
        (b"[1]", "is damaged: it holds a list instead of an object."),
        (b"null", "is damaged: it holds null instead of an object."),
        (b'{"a": "0123456789"}', "has more than 18 bytes, which no such file here needs."),
    ],
)
def test_json_that_cannot_be_used_is_a_sentence_with_the_path(tmp_path, data, reason):
    path = tmp_path / "some.json"
    if data is not None:
        path.write_bytes(data)
    limit = 18 if data and b"0123456789" in data else files.JSON_BYTES
    with pytest.raises(FileError) as error:
        read_json(path, limit=limit)
    assert str(error.value) == str(path) + (reason if reason.startswith(", line") else f": {reason}")
    assert error.value.path == path and reason.endswith(f"{error.value.reason}.")


def test_json_is_read(tmp_path):
    path = tmp_path / "some.json"
    path.write_bytes(b'\xef\xbb\xbf{"\xc3\xa4": [1, 2.5, null]}\n')
    assert read_json(path) == {"\N{LATIN SMALL LETTER A WITH DIAERESIS}": [1, 2.5, None]}
    assert parse_json("[1]", "here", list) == [1]
    assert parse_json(b"null", "here", object) is None
    path.write_text(json.dumps({"numbers": [10**400, float("inf")]}))
    assert read_json(path, limit=1000)["numbers"] == [10**400, float("inf")]
    with pytest.raises(FileError, match=r"folder: cannot be read: Is a directory\."):
        (tmp_path / "folder").mkdir()
        read_json(tmp_path / "folder")


def laughs(levels):
    """A small text whose aliases stand for 10 ** levels values."""
    lines = ["x: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"y{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "own.yaml, line 1: is not YAML: expected the node content, but found '<stream end>'."),
        (b"a: 1\nb: \x00", "own.yaml: is not YAML: unacceptable character #x0000"),
        (b"a: 1\nNAME: caf\xe9\n", "own.yaml, line 2: is not UTF-8 text"),
        (b"a: 1\na: 2", "own.yaml, line 2: 'a' appears twice."),
        (b"a: " + b"[" * 5000, "own.yaml, line 1: is nested more than 20 levels deep."),
        (laughs(9), "own.yaml: its aliases stand for more than 100,000 values."),
        (b"a: &x [*x]", "own.yaml, line 1: an alias contains itself."),
        (b"a: 2020-99-99", "own.yaml: holds a value that cannot be used: month must be in 1..12."),
        (b"a: " + b"9" * 5000, "own.yaml: holds a value that cannot be used: Exceeds the limit"),
        (b"a: !!python/object:os.system {}", "line 1: is not YAML: could not determine a constructor"),
        (b"[1]: 2", "line 1: is not YAML: found unhashable key."),
        (b"---\n1\n---\n2", "line 3: is not YAML: but found another document."),
        (b"#" * (YAML_BYTES + 1), "own.yaml: has more than 1,000,000 bytes"),
        (None, "own.yaml: cannot be read: No such file or directory."),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("own.yaml").write_bytes(content)
    with pytest.raises(YamlError) as caught:
        read_yaml("own.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_good_yaml_is_read(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("\ufeffA: &a {b: 1.5, c: [x, y]}\nB: {<<: *a, b: 2}\n", encoding="utf-8")
    assert read_yaml(path) == {"A": {"b": 1.5, "c": ["x", "y"]}, "B": {"b": 2, "c": ["x", "y"]}}
    assert parse_yaml("", "nothing") is None
    assert parse_yaml("[0x10, null, true]", "text") == [16, None, True]
