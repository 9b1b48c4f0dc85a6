"""Images that are no files: addresses and standard input, from their names to records and pictures."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from mrcnn.detection import addresses
from mrcnn.http import Client, Retry
from pumpkin import detect, sources
from pumpkin.image_files import InputError, find_images, passed_over, photographs
from tests.openimages.server import Fault, FileServer
from tests.pumpkin.test_detect import Finder, run, write
from tests.tiny import picture

FAST = Retry(2, backoff=0.01, connect=2, read=2, patience=2)


def png(height=60, width=80):
    file = io.BytesIO()
    Image.fromarray(picture(height, width)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(addresses, "Client", lambda _: Client(FAST))
    server = FileServer({"/fruit/a%20b.png": png(), "/text.png": b"no image", "/": png()})
    yield server
    server.close()


@pytest.fixture
def send(monkeypatch):
    """Give standard input some bytes."""

    def send(data, is_terminal=False):
        sources._standard_input.cache_clear()
        stdin = SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: is_terminal)
        monkeypatch.setattr("sys.stdin", stdin)

    yield send
    sources._standard_input.cache_clear()


def test_images_of_a_server_beside_files(server, tmp_path):
    path = write(tmp_path / "a b.png")
    url = f"{server.url}fruit/a%20b.png"
    names = find_images([str(path), url, server.url, url])
    assert names == [path, url, server.url]
    assert passed_over([url]) == []
    records, failed, lines = run(names, tmp_path / "out", save=["overlay", "coco"])
    assert (failed, [record["image"] for record in records]) == ([], [str(path), url, server.url])
    assert records[0]["detections"] == records[1]["detections"] == records[2]["detections"]
    host = server.url.removeprefix("http://").rstrip("/")
    assert [line[:32].strip() for line in lines[1:]] == ["a b.png", "a b.png", host]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [
        "127.0.0.png", "a b.png", "a b_2.png",
    ]  # fmt: skip
    images = json.loads((tmp_path / "out/coco.json").read_text())["images"]
    assert [(image["file_name"], image.get("coco_url")) for image in images] == [
        ("a b.png", None), ("a b.png", url), (host, server.url),
    ]  # fmt: skip
    np.testing.assert_array_equal(detect.reload(records[1])[0], picture(60, 80))


def test_addresses_without_an_image_are_skipped_by_name(server, tmp_path):
    server.faults.append(Fault("broken", "status", 503))
    urls = [f"{server.url}{name}" for name in ("none.png", "text.png", "broken.png", "fruit/a%20b.png")]
    urls.insert(3, "http://[nonsense/x.png")
    records, failed, lines = run(find_images(urls), tmp_path / "out")
    assert (failed, [record["image"] for record in records]) == (urls[:4], urls[4:])
    assert [line for line in lines if line.startswith("Skipped")] == [
        f"Skipped: {urls[0]}: the server answers 404, there is no such file.",
        f"Skipped: {urls[1]}: is not an image in a format that Pillow knows.",
        f"Skipped: {urls[2]}: the server answers 503, 2 times in a row.",
        f"Skipped: {urls[3]}: is or leads to an address that is not followed: Failed to parse: "
        "'[nonsense' is not a valid host or port.",
    ]


def test_an_image_beyond_the_limit_is_refused(server, monkeypatch, tmp_path):
    monkeypatch.setattr(addresses, "LARGEST", 100)
    url = f"{server.url}fruit/a%20b.png"
    *_, lines = run([url], tmp_path / "out")
    assert lines[-1] == f"Skipped: {url} is longer than 100 bytes, which it should not be."


def test_standard_input_is_read_once_and_known_afterwards(send, tmp_path):
    send(png())
    names = find_images(["-", "-"])
    (record,), failed, lines = run(names, tmp_path / "out", save=["overlay", "coco", "csv"])
    assert (names, failed, record["image"]) == (["-"], [], "standard input")
    assert lines[1].startswith("standard input                   square")
    assert (tmp_path / "out/standard_input.png").exists()
    image, result = detect.reload(record)
    np.testing.assert_array_equal(image, picture(60, 80))
    np.testing.assert_array_equal(result["masks"], Finder().detect([image])[0]["masks"])
    (image,) = json.loads((tmp_path / "out/coco.json").read_text())["images"]
    assert image == {"id": 1, "file_name": "standard input", "height": 60, "width": 80}


def test_what_is_no_image_on_standard_input(send, monkeypatch, tmp_path):
    send(b"")
    _, failed, lines = run(["-"], tmp_path / "out")
    assert failed == ["standard input"]
    assert lines[-1] == ("Skipped: standard input: is empty; send the bytes of an image into this command.")
    send(b"text")
    *_, lines = run(["-"], tmp_path / "out")
    assert lines[-1] == "Skipped: standard input: is not an image in a format that Pillow knows."
    monkeypatch.setattr(sources, "LARGEST", 3)
    send(b"text")
    *_, lines = run(["-"], tmp_path / "out")
    assert lines[-1] == "Skipped: standard input: is longer than 3 bytes, which no image should be."


def test_a_terminal_is_no_image(send):
    send(b"", is_terminal=True)
    with pytest.raises(InputError) as caught:
        find_images(["-"])
    assert str(caught.value) == (
        "-: standard input is no file or pipe; send the bytes of an image into this command."
    )


@pytest.mark.parametrize(
    ("address", "stem"),
    [
        ("https://example.org/a/photo.jpg?size=2#x", "photo"),
        ("https://example.org/a%2Fb/c%2Fd.jpg", "d"),
        ("HTTP://example.org/con.jpg", "_con"),
        ("https://example.org", "example"),
        ("http://[", "_"),
    ],
)
def test_output_files_are_named_after_the_address(address, stem, tmp_path):
    (found,) = photographs(find_images([address]), [tmp_path])
    assert (found.name, found.stem, found.path) == (address, stem, None)
