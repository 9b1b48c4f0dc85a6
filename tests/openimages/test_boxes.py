"""Tables of boxes, mask rows and authors in every form that CSV allows, and with damaged or missing rows."""

import csv
import re

import pytest

from pumpkin.openimages.errors import IntegrityError
from tests.openimages.conftest import data_files, files_of, result
from tests.openimages.world import ANNOTATIONS, image_id

BOXES = f"/{ANNOTATIONS}v5/validation-annotations-bbox.csv"
ROWS = f"/{ANNOTATIONS}v5/validation-annotations-object-segmentation.csv"
AUTHORS = f"/{ANNOTATIONS}2018_04/validation/validation-images-with-rotation.csv"


def reordered(text):
    return "".join(f"{','.join(reversed(line.split(',')))}\n" for line in text.splitlines())


def in_capitals(text):
    header, _, rows = text.partition("\n")
    return f"{header}\n{rows.upper()}"


FORMS = {
    "all fields quoted": lambda text: '"' + text.replace(",", '","').replace("\n", '"\n"')[:-1],
    "spaces after commas": lambda text: text.replace(",", ", "),
    "spaces before commas": lambda text: text.replace(",", " ,"),
    "columns in another order": reordered,
    "ids in capitals": in_capitals,
    "Windows line ends": lambda text: text.replace("\n", "\r\n"),
    "a byte order mark": lambda text: f"\ufeff{text}",
}


@pytest.mark.parametrize("path", [BOXES, ROWS], ids=["boxes", "rows"])
@pytest.mark.parametrize("form", FORMS)
def test_a_table_in_another_form_gives_the_same_files(download, server, unharmed, path, form):
    server.files[path] = FORMS[form](server.files[path].decode()).encode()
    assert download() == 0
    assert "2 crowd regions" in download.text
    assert data_files(files_of(download.root)) == data_files(unharmed[0])


@pytest.mark.parametrize("path", [BOXES, ROWS], ids=["boxes", "rows"])
@pytest.mark.parametrize(
    "damage", [lambda text: text.replace(",0.", ',"0.', 1), lambda text: text.replace("\n", "\r")]
)
def test_a_table_that_is_not_csv_is_not_kept(download, server, unharmed, path, damage):
    whole = server.files[path]
    server.files[path] = damage(whole.decode()).encode()
    with pytest.raises(IntegrityError, match=f"^{path.removeprefix(f'/{ANNOTATIONS}')}"):
        download()
    server.files[path] = whole
    assert download() == 0
    assert result(download) == unharmed


def without(data, text):
    return b"".join(line for line in data.splitlines(keepends=True) if text.encode() not in line)


def test_a_mask_without_a_row_cannot_be(download, server, unharmed, world):
    name = sorted(n for n in world.masks["validation"] if "_m05zsy_" in n)[0]
    whole = server.files[ROWS]
    server.files[ROWS] = without(whole, name)
    message = (
        f"v5/validation-annotations-object-segmentation.csv has no row for {name} (1 of 9 masks), which "
        "cannot be; run the same command again, or give another --annotations-url."
    )
    for _ in range(2):
        with pytest.raises(IntegrityError) as caught:
            download()
        assert str(caught.value) == message
    server.files[ROWS] = whole
    assert download() == 0
    assert result(download) == unharmed


def test_an_image_without_a_box_cannot_be(download, server, unharmed):
    name = image_id("validation", 2)
    whole = server.files[BOXES]
    server.files[BOXES] = without(whole, name)
    with pytest.raises(IntegrityError, match=rf"bbox\.csv has no row for {name}_m05zsy_.* \(3 of 9 masks\)"):
        download()
    server.files[BOXES] = whole
    assert download() == 0
    assert result(download) == unharmed


@pytest.mark.parametrize("path", [BOXES, ROWS], ids=["boxes", "rows"])
@pytest.mark.parametrize("number", ["nan", "", "0.5.5", "inf"])
def test_coordinates_are_numbers(download, server, path, number):
    lines = server.files[path].decode().splitlines(keepends=True)
    row = next(line for line in lines if ",/m/05zsy," in line)
    name, place = image_id("validation", 0), path.removeprefix(f"/{ANNOTATIONS}")
    server.files[path] = "".join(lines).replace(row, re.sub(",0.20*,", f",{number},", row)).encode()
    with pytest.raises(IntegrityError, match=f"^{place}: the coordinates of a box of {name} are not numbers"):
        download()


def test_each_image_has_its_author_whatever_the_letters(download, server, world):
    names = world.ids("validation")
    text = server.files[AUTHORS].decode().replace("Author 1", "One\u2028Author").replace("big", "b\x85g\x1c")
    server.files[AUTHORS] = text.encode()
    assert download(attribution=True) == 0
    with (download.root / "attribution.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["ImageID"] for row in rows] == names
    assert {row["Title"] for row in rows} == {f'A "b\x85g\x1c" one,\nof {number}' for number in range(5)}
    assert "One\u2028Author" in {row["Author"] for row in rows}


@pytest.mark.parametrize("author", ['"Author 3', '"Author" 3', "x,y,z,w,v,u", "x" * 200_000, "\r"])
def test_an_image_without_its_author_is_named(download, server, world, author):
    name, text = image_id("validation", 3), server.files[AUTHORS].decode()
    server.files[AUTHORS] = text.replace("Author 3", author).encode()
    assert download(attribution=True) == 2
    assert f"2018_04/validation/validation-images-with-rotation.csv: the row of {name}" in download.text
    with (download.root / "attribution.csv").open(newline="", encoding="utf-8") as file:
        found = [row["ImageID"] for row in csv.DictReader(file)]
    assert found == [one for one in world.ids("validation") if one != name]
