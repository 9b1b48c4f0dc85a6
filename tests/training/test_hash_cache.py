"""Hashes of unchanged files are remembered between runs, and never those of others."""

import hashlib
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mrcnn.training import hash_cache, hashes
from tests.scenes import Rectangles

LONG_AGO = time.time_ns() - 10**12


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of the memory, which is on. Files count as old, whenever they were made."""
    monkeypatch.delenv("MRCNN_HASH_CACHE")
    monkeypatch.setenv("MRCNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hash_cache, "_RECENT", -(10**12))
    return tmp_path / "cache"


class Reader:
    """Hashes files and counts which it read."""

    def __init__(self):
        self.read = []

    def __call__(self, paths):
        self.read += [path.name for path in paths]
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def ask(paths):
    reader = Reader()
    found = hash_cache.hashes_of(paths, reader)
    assert found == {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    return sorted(reader.read)


def write(folder, **texts):
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def test_an_unchanged_file_is_read_once(tmp_path, cache):
    paths = write(tmp_path, a="one", b="two")
    assert ask(paths) == ["a", "b"]
    assert ask(paths) == []
    assert ask([*paths, *write(tmp_path, c="three")]) == ["c"]
    assert [path.name for path in cache.iterdir()] == ["hashes.sqlite"]


CHANGES = {
    "longer": lambda path: path.write_text("longer"),
    "as long": lambda path: path.write_text("eno"),
    "older": lambda path: (path.write_text("eno"), os.utime(path, ns=(LONG_AGO, LONG_AGO))),
    "touched": lambda path: os.utime(path),
    "replaced": lambda path: (
        path.with_name("new").write_text("eno"),
        os.replace(path.with_name("new"), path),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_read_again(tmp_path, cache, change):
    paths = write(tmp_path, a="one", b="two")
    ask(paths)
    CHANGES[change](paths[0])
    assert ask(paths) == ["a"]
    assert ask(paths) == []


def test_another_file_of_the_same_size_and_time_is_read(tmp_path, cache):
    """As copies that keep the time of the content give it."""
    (path,) = write(tmp_path, a="one")
    ask([path])
    facts = path.stat()
    (other,) = write(tmp_path, other="eno")
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    os.replace(other, path)
    assert path.stat().st_mtime_ns == facts.st_mtime_ns
    assert ask([path]) == ["a"]


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path, cache, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("MRCNN_CACHE", str(cache))
    monkeypatch.delenv("MRCNN_HASH_CACHE", raising=False)
    paths = write(tmp_path, a="one")
    assert ask(paths) == ask(paths) == ["a"]
    monkeypatch.setattr(hash_cache.time, "time_ns", lambda: 2**62)
    assert ask(paths) == ["a"]
    assert ask(paths) == []


def test_a_file_that_changes_while_it_is_read_is_not_remembered(tmp_path, cache):
    (path,) = write(tmp_path, a="one")

    def read_and_change(paths):
        found = [hashlib.sha256(item.read_bytes()).hexdigest() for item in paths]
        path.write_text("another")
        return found

    hash_cache.hashes_of([path], read_and_change)
    assert ask([path]) == ["a"]


def test_it_can_be_turned_off(tmp_path, cache, monkeypatch):
    paths = write(tmp_path, a="one")
    ask(paths)
    monkeypatch.setenv("MRCNN_HASH_CACHE", "0")
    assert ask(paths) == ["a"]


def test_it_is_bounded_and_forgets_what_was_used_longest_ago(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(hash_cache, "MOST", 3)
    paths = write(tmp_path, a="1", b="2", c="3", d="4")
    day = [0]
    monkeypatch.setattr(hash_cache.time, "time", lambda: 86_400.0 * day[0])
    for number, part in enumerate([paths[:2], paths[2:3], paths[:1], paths[3:]]):
        day[0] = number
        ask(part)
    with sqlite3.connect(cache / "hashes.sqlite") as memory:
        assert memory.execute("SELECT count(*) FROM hashes").fetchone() == (3,)
    memory.close()
    assert ask(paths) == ["b"]


@pytest.mark.parametrize("damage", ["noise", "another table", "a folder", "read only"])
def test_a_memory_that_cannot_be_used_changes_nothing(tmp_path, cache, damage):
    paths, path = write(tmp_path, a="one"), cache / "hashes.sqlite"
    cache.mkdir()
    if damage == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif damage == "another table":
        with sqlite3.connect(path) as memory:
            memory.execute("CREATE TABLE hashes (name TEXT)")
        memory.close()
    elif damage == "a folder":
        path.mkdir()
    else:
        path.touch(mode=0o400)
        cache.chmod(0o500)
    try:
        for _ in range(3):
            ask(paths)
    finally:
        cache.chmod(0o700)


def test_a_hash_that_was_changed_on_disk_is_not_believed(tmp_path, cache):
    paths = write(tmp_path, a="a", b="b")
    assert ask(paths) == ["a", "b"] and ask(paths) == []
    data = bytearray((cache / "hashes.sqlite").read_bytes())
    place = data.index(hashlib.sha256(b"a").hexdigest().encode())
    data[place] ^= 1
    (cache / "hashes.sqlite").write_bytes(data)
    assert ask(paths) == ["a"] and ask(paths) == []


def test_processes_may_use_it_at_once(tmp_path, cache):
    paths = write(tmp_path, **{f"f{number:02}": str(number) for number in range(30)})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(paths), range(16)))
    assert ask(paths) == []


def test_a_missing_file_is_an_error_as_without_it(tmp_path, cache):
    with pytest.raises(FileNotFoundError):
        hash_cache.hashes_of([tmp_path / "gone"], Reader())


def test_the_hash_of_data_is_the_same_with_it_and_without(tmp_path, cache, monkeypatch):
    dataset = Rectangles((1, 1))
    for number, info in enumerate(dataset.image_info):
        info["path"] = str(write(tmp_path, **{f"{number}.png": f"image {number}"})[0])
    first, second = hashes.data_hash(dataset), hashes.data_hash(dataset)
    monkeypatch.setenv("MRCNN_HASH_CACHE", "0")
    assert first == second == hashes.data_hash(dataset)


def test_hidden_files_do_not_change_the_hash_of_a_folder(tmp_path):
    (tmp_path / "masks/deep").mkdir(parents=True)
    write(tmp_path / "masks", a="mask")
    dataset = Rectangles((1,))
    dataset.image_info[0]["masks"] = tmp_path / "masks"
    before = hashes.data_hash(dataset)
    for name in (".DS_Store", "._a", "deep/.hidden", "Thumbs.db"):
        (tmp_path / "masks" / name).write_text("?")
    assert hashes.data_hash(dataset) == before
    write(tmp_path / "masks", b="mask")
    assert hashes.data_hash(dataset) != before
