import hashlib
import json

import pytest

from pumpkin.openimages import lock
from pumpkin.openimages.errors import IntegrityError, SourceChanged, UsageError
from tests.openimages.conftest import Downloads, data_files, files_of
from tests.openimages.server import FileServer
from tests.openimages.world import ANNOTATIONS, image_id, pack


@pytest.fixture
def locked(download, tmp_path):
    """(lock file of a download, its files, a fresh Downloads)."""
    assert download(type_data="all", limit=4) == 0
    return download.lock, files_of(download.root), Downloads(download.server, tmp_path / "again")


def repeat(again, path, **given):
    return again(lock=str(path), **given)


def test_a_download_is_repeated_to_the_byte(locked):
    path, before, again = locked
    again.server.forget()
    assert repeat(again, path, lock_out=str(again.lock)) == 0
    assert data_files(files_of(again.root)) == data_files(before)
    assert again.lock.read_bytes() == path.read_bytes()


def test_the_lock_makes_directories_and_tables_needless(locked):
    path, _, again = locked
    again.server.forget()
    assert repeat(again, path) == 0
    assert all("/images/" in name or "-masks-" in name for name, _ in again.server.requests)
    assert not [1 for _, wanted in again.server.requests if wanted and wanted.startswith("bytes=-")]


def test_the_same_choice_gives_the_same_lock_from_another_server(locked, world, tmp_path):
    path, _, _ = locked
    other = FileServer(dict(world.files))
    second = Downloads(other, tmp_path / "elsewhere")
    assert second(type_data="all", limit=4, connections=3) == 0
    assert second.lock.read_bytes() == path.read_bytes()
    other.close()


def test_what_a_lock_holds(locked, world):
    path, _, _ = locked
    content = json.loads(path.read_text())
    assert content["choice"]["classes"] == {"/m/05zsy": "Pumpkin"}
    places = [("train", "validation", "test").index(row["split"]) for row in content["images"]]
    names = [(place, row["id"]) for place, row in zip(places, content["images"])]
    assert names == sorted(names) and len(names) == 12
    for row in content["masks"]:
        data = world.files[f"/{ANNOTATIONS}{row['address']}"]
        assert data[row["offset"] :][:4] == b"PK\x03\x04" and row["licence"] == "CC BY 4.0"
        assert content["sources"][row["address"]] == {"size": len(data)}
    assert all(row["address"].endswith(f"/{row['id']}.jpg") for row in content["images"])
    assert {row["licence"] for row in content["images"]} == {"CC BY 2.0"}


def test_a_changed_zip_is_named(locked, world):
    path, _, again = locked
    name = json.loads(path.read_text())["masks"][0]["name"]
    split = json.loads(path.read_text())["masks"][0]["split"]
    where = world.zip_of(split, name)
    again.server.files[where] = pack({"0123456789abcdef_m05zsy_01234567.png": b"x" * 5000})
    with pytest.raises(SourceChanged, match=f"{where.rsplit('/', 1)[1]} has changed.*without --lock"):
        repeat(again, path)


def test_a_changed_image_is_named_and_not_kept(locked, world):
    path, _, again = locked
    row = json.loads(path.read_text())["images"][0]
    again.server.files[world.path_of(row["split"], row["id"])] = world.files[
        world.path_of("train", image_id("train", 11))
    ]
    assert repeat(again, path) == 3
    assert row["id"] in again.text and "SHA-256" in again.text
    assert not list(again.root.rglob(f"{row['id']}*"))


def test_an_image_spoilt_on_disk_is_fetched_again(locked, world):
    path, before, again = locked
    repeat(again, path)
    spoilt = next(again.root.rglob("*.jpg"))
    spoilt.write_bytes(world.files[world.path_of("train", image_id("train", 11))])
    assert repeat(again, path) == 0
    assert data_files(files_of(again.root)) == data_files(before)


def test_verify_finds_what_is_missing_other_or_too_much(locked):
    path, _, again = locked
    repeat(again, path)
    again.server.forget()

    def verify():
        return repeat(again, path, verify=True)

    assert verify() == 0 and "holds exactly the files of its lock file" in again.text
    for pattern in ("*.jpg", "masks/*.png", "crowds/*.csv", "labels/*.txt"):
        file = sorted(again.root.rglob(pattern))[0]
        data = file.read_bytes()
        file.write_bytes(data[:-1] + b"?")
        assert verify() == 3 and str(file) in again.text and "1 different" in again.text
        file.unlink()
        assert verify() == 2 and str(file) in again.text and "1 missing" in again.text
        file.write_bytes(data)
        other = file.with_name(f"0{file.name}")
        other.write_bytes(b"x")
        assert verify() == 3 and str(other) in again.text and "not in the lock file" in again.text
        other.unlink()
    assert again.server.requests == []


def test_verify_finds_crowds_of_images_that_have_none_and_other_classes(locked):
    path, _, again = locked
    repeat(again, path)
    folder = again.root / "validation" / "pumpkin"
    without = next(p.stem for p in folder.glob("*.jpg") if not (folder / "crowds" / f"{p.stem}.csv").exists())
    others = [
        folder / "crowds" / f"{without}.csv", folder / "images" / f"{without}.jpg",
        again.root / "validation" / "squash" / f"{without}.jpg", again.root / "val" / "pumpkin" / "x.jpeg",
    ]  # fmt: skip
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(b"x")
        assert repeat(again, path, verify=True) == 3
        assert again.lines[:2] == ["1 not in the lock file:", f"  {other}"]
        other.unlink()
    assert repeat(again, path, verify=True) == 0


def test_verify_of_a_missing_image_looks_at_its_other_files(locked):
    path, _, again = locked
    repeat(again, path)
    crowds = sorted(again.root.rglob("crowds/*.csv"))[0]
    image = crowds.parents[1] / f"{crowds.stem}.jpg"
    image.unlink()
    assert repeat(again, path, verify=True) == 2
    assert again.lines[:2] == ["1 missing:", f"  {image}"]
    crowds.unlink()
    assert repeat(again, path, verify=True) == 2
    assert again.lines[:3] == ["2 missing:", f"  {image}", f"  {crowds}"]


def test_verify_takes_the_lock_beside_the_folder(download):
    with pytest.raises(UsageError, match="no lock file"):
        download(verify=True)
    download()
    assert download(verify=True) == 0


@pytest.mark.parametrize("text", ["{}", '{"format": "other"}'])
def test_other_files_are_no_lock_files(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is not a lock file of this program"):
        lock.read(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "is empty"), ("[]", "it holds a list instead of an object"),
     ('{"format": ', "is cut short"),
     ("\xff", "is not UTF-8 text; save the file as UTF-8"),
     ("[" * 100_000, "its lists or objects are nested too deep")],
)  # fmt: skip
def test_what_cannot_be_read_is_damaged(tmp_path, text, told):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(IntegrityError) as caught:
        lock.read(path)
    assert str(caught.value) == f"{path} is damaged, or no lock file ({told})."


WRONG = [
    ("images", "id", "../../../etc/x"), ("images", "split", ".."), ("images", "sha256", "1"),
    ("images", "size", -1), ("images", "size", 1e400), ("images", "size", True), ("images", "classes", []),
    ("images", "classes", ["/m/other"]), ("images", "classes", [[]]), ("masks", "name", "../x.png"),
    ("masks", "address", "../../x"), ("masks", "offset", -5), ("masks", "offset", 10**400),
    ("masks", "size", 1 << 40), ("masks", "length", "many"), ("masks", "crc", "xyz"), ("masks", "crc", None),
    ("masks", "class", "/m/0dv77"), ("masks", "method", "8"), ("boxes", "boxes", [["a", "b", "c", "d"]]),
    ("boxes", "boxes", [["0", "1", "0", "inf"]]), ("boxes", "boxes", [5]), ("boxes", "id", "/"),
    ("boxes", "masks", 5), ("boxes", "masks", []), ("boxes", "masks", [5]), ("boxes", "masks", [[["a"]]]),
    ("choice", "classes", ["/m/05zsy"]), ("choice", "classes", {"/m/05zsy": 5}),
    ("choice", "classes", {"/m/05zsy": "../up"}), ("choice", "splits", 5), ("choice", "splits", ["all"]),
    ("choice", "limit", "4"), ("choice", "seed", None), ("choice", "crowds", ["test"]),
    ("choice", "crowds", {"test": 1}), ("choice", "labels", "yes"),
]  # fmt: skip
WRONG_WHOLE = [
    (name, value)
    for name in ("choice", "sources", "images", "masks", "boxes", "left_out", "missing")
    for value in (None, 5, "text", [[]], {"a": 5})
]


@pytest.fixture(scope="module")
def lock_content(world, tmp_path_factory):
    """The content of a lock file with images, masks and boxes."""
    server = FileServer(dict(world.files))
    downloads = Downloads(server, tmp_path_factory.mktemp("locked"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        assert downloads(type_data="all", limit=4) == 0
    server.close()
    return downloads.lock.read_text()


def refused(path, content):
    """The sentence with which a damaged lock file is refused."""
    path.write_text(json.dumps(content))
    with pytest.raises(IntegrityError) as caught:
        lock.read(path)
    told = str(caught.value)
    assert told.startswith(f"{path} is damaged: ") and told.endswith("; get it again, or leave --lock off.")
    return told


@pytest.mark.parametrize(("where", "field", "value"), WRONG)
def test_a_lock_from_a_stranger_is_checked(lock_content, tmp_path, where, field, value):
    content = json.loads(lock_content)
    row = content[where] if where == "choice" else content[where][0]
    row[field] = value
    refused(tmp_path / "bad.json", content)
    del row[field]
    assert f"it lacks {field!r}" in refused(tmp_path / "bad.json", content)


@pytest.mark.parametrize(("name", "value"), WRONG_WHOLE)
def test_each_part_of_a_lock_has_its_type(lock_content, tmp_path, name, value):
    content = json.loads(lock_content)
    content[name] = value
    refused(tmp_path / "bad.json", content)


@pytest.mark.parametrize(
    "facts",
    [[], {"size": "5"}, {"size": -1}],
)
def test_the_sources_of_a_lock_are_checked(lock_content, tmp_path, facts):
    content = json.loads(lock_content)
    content["sources"] = dict.fromkeys(content["sources"], facts)
    refused(tmp_path / "bad.json", content)


def test_a_damaged_lock_ends_before_any_request(locked, tmp_path):
    path, _, again = locked
    content = json.loads(path.read_text())
    content["boxes"][0]["masks"] = 5
    (tmp_path / "bad.json").write_text(json.dumps(content))
    again.server.forget()
    for options in ({}, {"verify": True}):
        with pytest.raises(IntegrityError):
            repeat(again, tmp_path / "bad.json", **options)
    assert again.server.requests == []
    assert [path.name for path in again.root.iterdir()] == [".download.busy"]


def test_a_lock_that_names_something_else_as_an_image(locked, tmp_path):
    path, _, again = locked
    assert repeat(again, path) == 0
    content = json.loads(path.read_text())
    row = content["images"][0]
    image = next(again.root.rglob(f"{row['id']}.jpg"))
    image.write_bytes(b"no image")
    row["sha256"] = hashlib.sha256(b"no image").hexdigest()
    (tmp_path / "bad.json").write_text(json.dumps(content))
    with pytest.raises(IntegrityError) as caught:
        repeat(again, tmp_path / "bad.json", verify=True)
    assert str(caught.value) == (
        f"The lock file is damaged: {image} is the file that it names as an image, but it is no JPEG image; "
        "get the lock file again."
    )


def test_a_lock_of_another_version(download, tmp_path):
    download()
    path = tmp_path / "new.json"
    path.write_text(download.lock.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(UsageError, match="version 2"):
        lock.read(path)
