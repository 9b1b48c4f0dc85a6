"""Images are found by the names in annotation files, each folder being listed once."""

import os

import pytest

from mrcnn.datasets.image_files import ImageFinder, list_images


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


def test_folders_are_searched_in_order_and_whole_names_first(tmp_path):
    first, second = touch(tmp_path / "one/a.jpg"), touch(tmp_path / "two/a.jpg")
    deep = touch(tmp_path / "two/b/a.jpg")
    finder = ImageFinder([tmp_path / "one", tmp_path / "two"])
    assert finder.find("a.jpg") == first
    assert finder.find("b/a.jpg") == deep
    assert finder.find("./b/../b/a.jpg") == deep
    assert finder.find("c/a.jpg") == first
    assert finder.find(second) == second
    assert finder.find("b") is None and finder.find("") is None
    assert finder.places() == f"{tmp_path / 'one'}, {tmp_path / 'two'}"


def test_the_case_of_letters_counts_only_where_two_files_differ_in_it(tmp_path):
    lower, photo = touch(tmp_path / "two/a.jpg"), touch(tmp_path / "one/Kürbis.JPG")
    touch(tmp_path / "one/b.png")
    touch(tmp_path / "one/B.png")
    finder = ImageFinder([tmp_path / "one", tmp_path / "two"])
    assert finder.find("A.JPG") == lower
    assert finder.find("C:\\photos\\KÜRBIS.jpg") == photo
    assert finder.find("B.png") == str(tmp_path / "one/B.png")
    assert finder.find("b.PNG") is None


@pytest.mark.parametrize("name", ["a\0b.jpg", "\ud800.jpg", "x" * 5000, "y/" * 3000 + "z.jpg"])
def test_names_that_no_file_can_have_are_not_found(tmp_path, name):
    touch(tmp_path / "a.jpg")
    assert ImageFinder([tmp_path]).find(name) is None


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    for number in range(20):
        touch(tmp_path / f"{number}.jpg")
    calls = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: calls.append(folder) or scandir(folder))
    finder = ImageFinder([tmp_path])
    assert all(finder.find(f"{number}.jpg") for number in range(20))
    assert calls == [str(tmp_path)]


def test_images_of_a_folder_are_listed_without_hidden_ones(tmp_path):
    for name in ("b.JPG", "a.png", "c/d.tif", "notes.txt", "._a.png", ".cache/e.png"):
        touch(tmp_path / name)
    assert [os.path.relpath(path, tmp_path) for path in list_images(tmp_path)] == [
        "a.png",
        "b.JPG",
        "c/d.tif",
    ]
