"""Whole downloads from a faulty server: every fault is survived, or reported by its exit code."""

import gzip
import uuid

import pytest

from pumpkin.openimages import fetch, files, shards
from pumpkin.openimages.errors import IntegrityError, NetworkError, OpenImagesError, SourceChanged
from tests.openimages.conftest import Downloads, files_of, result
from tests.openimages.server import Fault
from tests.openimages.world import image_id, pack

TARGETS = {
    "classes": "class-descriptions", "zip": "-masks-", "boxes": "bbox.csv", "rows": "segmentation.csv",
    "image": "/images/",
}  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("kind", "value", "times"),
    [
        ("status", 503, 3),
        ("cut", 0.4, 3),
        ("cut", 0.0, 3),
        ("hang", None, 1),
        ("length", 50, 1),
        ("trickle", 10, 1),
    ],
)
def test_passing_faults_leave_no_trace(download, server, unharmed, target, kind, value, times):
    server.faults.append(Fault(TARGETS[target], kind, value, times))
    if (kind, target) == ("length", "classes"):
        with pytest.raises(SourceChanged):
            download()
    assert download() == 0
    assert result(download) == unharmed


def test_zips_are_fetched_whole_where_ranges_are_ignored(download, server, unharmed):
    server.faults.append(Fault("-masks-", "ignore-range"))
    assert download() == 0
    assert {name: data for name, data in result(download)[0].items() if "index" not in name} == {
        name: data for name, data in unharmed[0].items() if "index" not in name
    }
    assert not list(download.root.rglob("*.zip"))


def test_a_flipped_bit_in_a_mask_is_fetched_again(download, server, unharmed, world):
    download(dry_run=True)
    path = world.zip_of("validation", image_id("validation", 2))
    server.faults.append(Fault(path, "flip", 120, times=2))
    server.forget()
    assert download() == 0
    assert len(server.asked(path)) == 3
    assert result(download) == unharmed


def test_a_mask_that_never_fits_its_crc(download, server, world, monkeypatch):
    name = image_id("validation", 2)
    where = world.zip_of("validation", name)
    data = bytearray(server.files[where])
    mask = next(n for n in sorted(world.masks["validation"]) if n.startswith(name))
    data[data.index(mask.encode()) + len(mask) + 12] ^= 0xFF
    server.files[where] = bytes(data)
    assert download() == 3
    assert mask in download.text and "not as recorded" in download.text
    assert not list(download.root.rglob(mask)) and not download.lock.exists()
    assert len(list(download.root.rglob("masks/*.png"))) == 8


@pytest.mark.parametrize("status", [403, 404])
def test_missing_images_are_recorded_and_the_rest_goes_on(download, server, world, status):
    name = image_id("validation", 0)
    server.faults.append(Fault(name, "status", status))
    assert download() == 2
    assert f"validation/{name}.jpg" in download.text and "Partial" in download.text
    assert len(list(download.root.rglob("*.jpg"))) == 4
    assert f'"missing": [\n  "validation/{name}.jpg"' in download.lock.read_text()
    assert not list(download.root.rglob(f"{name}*"))
    again = Downloads(server, download.root.with_name("again"))
    assert again(lock=str(download.lock)) == 0


def test_a_truncated_jpeg_is_left_out(download, server, world):
    name = image_id("validation", 1)
    path = world.path_of("validation", name)
    server.files[path] = server.files[path][:-400]
    assert download() == 2
    assert "damaged on the server" in download.text and name in download.text
    assert not list(download.root.rglob(f"{name}*"))


def test_what_fails_for_good_is_fetched_by_the_next_run(download, server, unharmed):
    name = image_id("validation", 3)
    server.faults.append(Fault(name, "status", 500))
    assert download() == 4
    assert name in download.text and "run the same command again" in download.text
    assert not download.lock.exists()
    server.faults.clear()
    server.forget()
    assert download() == 0
    assert len(server.asked("/images/")) == 1
    assert result(download) == unharmed


def test_a_server_that_is_down_is_given_up(download, server, monkeypatch):
    monkeypatch.setattr(fetch, "GIVE_UP", 3)
    server.faults.append(Fault("/images/", "status", 500))
    with pytest.raises(NetworkError, match="3 files in a row"):
        download()


@pytest.mark.parametrize("target", ["classes", "zip"])
def test_nothing_can_be_chosen_from_a_server_that_is_down(download, server, target):
    server.faults.append(Fault(TARGETS[target], "status", 500))
    with pytest.raises(NetworkError, match="4 times in a row"):
        download()


def test_a_wrong_base_address(download, server):
    with pytest.raises(NetworkError, match=r"no such file.*--annotations-url"):
        download(annotations_url=server.url + "elsewhere")
    with pytest.raises(NetworkError, match=r"none of 12 images.*--images-url"):
        download(type_data="train", images_url=server.url + "elsewhere")
    assert not download.lock.exists()
    for path in [path for path in server.files if "-masks-" in path]:
        del server.files[path]
    with pytest.raises(NetworkError, match="check the base address"):
        download()


@pytest.mark.parametrize(
    ("target", "code"), [("validation-masks-0.zip", 2), ("bbox.csv", 2), ("segmentation.csv", 2)]
)
def test_missing_tables_and_zips_are_recorded(download, server, target, code):
    server.faults.append(Fault(target, "status", 404))
    assert download() == code
    assert target in download.text and target in download.lock.read_text()
    assert list(download.root.rglob("*.jpg"))


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_a_truncated_zip_is_named(download, server, world, share):
    path = world.zip_of("validation", image_id("validation", 0))
    server.files[path] = server.files[path][: int(len(server.files[path]) * share)]
    with pytest.raises(IntegrityError, match=r"validation-masks-.\.zip is truncated"):
        download()


ETAGS = {"new": '"new"', "weak": 'W/"new"', "none": None, "another each time": lambda: f'"{uuid.uuid4()}"'}


@pytest.mark.parametrize("etag", ETAGS)
@pytest.mark.parametrize("target", ["-masks-", "/"])
def test_what_a_crc_proves_is_right_whatever_the_etag(download, server, unharmed, target, etag):
    download(dry_run=True)
    kind = ("headers", {"ETag": None}) if etag == "none" else ("etag", ETAGS[etag])
    server.faults.append(Fault(target, *kind))
    assert download() == 0
    assert result(download) == unharmed
    assert download(lock=str(download.lock)) == 0


@pytest.fixture
def ranged(monkeypatch):
    """Zips this small would be fetched whole."""
    monkeypatch.setattr(shards, "WHOLE_FROM", 100)
    monkeypatch.setattr(fetch, "WHOLE_FROM", 100)


@pytest.mark.parametrize("whole", [True, False])
def test_a_zip_that_changes_meanwhile(download, server, world, request, tmp_path, whole):
    """Another version of equal size, which only the CRCs reveal."""
    if not whole:
        request.getfixturevalue("ranged")
    name = image_id("validation", 2)
    where = world.zip_of("validation", name)
    members = {n: data for n, data in world.masks["validation"].items() if n[0] == name[0]}
    server.files[where] = old = pack(members, stored=True)
    assert download(dry_run=True) == 0
    server.files[where] = pack(dict(reversed(members.items())), stored=True)
    assert len(server.files[where]) == len(old)
    server.faults.append(Fault("-masks-", "headers", {"ETag": None}))
    assert download() == 3
    assert "not as recorded" in download.text and not download.lock.exists()
    assert download() == 0
    fresh = Downloads(server, tmp_path / "fresh")
    assert fresh() == 0
    assert (files_of(fresh.root), fresh.lock.read_bytes()) == result(download)


PORTAL = b"<html>Please log in to this network</html>\n"


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("body", [PORTAL, b"", gzip.compress(PORTAL)], ids=["html", "empty", "gzip"])
@pytest.mark.parametrize("target", [t for t in TARGETS if t != "image"])
def test_another_file_in_its_place_is_not_kept(download, server, unharmed, target, body, ranges):
    server.faults += [Fault(TARGETS[target], "body", lambda _: body)]
    server.faults += [] if ranges else [Fault("-masks-", "ignore-range")]
    with pytest.raises((IntegrityError, NetworkError)):
        download()
    server.faults = server.faults[1:]
    assert download() == 0
    assert {name: data for name, data in result(download)[0].items() if "index" not in name} == {
        name: data for name, data in unharmed[0].items() if "index" not in name
    }


def test_416_is_an_integrity_error(download, server, world):
    name = image_id("validation", 0)
    server.faults.append(Fault(world.zip_of("validation", name), "status", 416))
    with pytest.raises(SourceChanged, match="shorter"):
        download()


def test_members_with_wrong_names_are_refused(download, server, world):
    name = image_id("validation", 0)
    members = {n: d for n, d in world.masks["validation"].items() if n[0] == name[0]}
    members |= {"../../evil_m05zsy_01234567.png": b"x", f"{name}_m05zsy_1/2.png": b"y"}
    server.files[world.zip_of("validation", name)] = pack(members)
    assert download() == 2
    assert "2 left out" in download.text and "evil" in download.text
    assert not list(download.root.parent.rglob("*evil*"))


def test_a_redirect_to_a_file(download, server):
    server.faults.append(Fault("/images/", "redirect", "file:///etc/passwd"))
    assert download() == 4
    assert "5 not fetched" in download.text and "not followed" in download.text


def test_a_full_disk_keeps_what_is_whole(download, server, unharmed, monkeypatch):
    write, count = files.write, []

    def full(path, data, durable=False):
        count.append(path)
        if len(count) > 30:
            raise OSError(28, "No space left on device")
        write(path, data, durable)

    monkeypatch.setattr(files, "write", full)
    with pytest.raises(OpenImagesError, match=r"No space left.*run the same command again") as caught:
        download()
    assert caught.value.exit_code == 2
    monkeypatch.undo()
    assert download() == 0
    assert result(download) == unharmed
