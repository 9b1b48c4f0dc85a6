"""The oidv6 package itself, with the real ``aws s3 cp``, against an S3 server on the loopback."""

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from pumpkin.openimages import oidv6_driver
from pumpkin.openimages.errors import UsageError
from tests.openimages.conftest import Downloads, files_of
from tests.openimages.world import ANNOTATIONS, IMAGES

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

needs_oidv6 = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("oidv6", "moto", "flask"))
    or not (BIN / "aws").exists(),
    reason="needs the packages oidv6 and moto[server]",
)


@pytest.fixture(scope="module")
def s3(world, tmp_path_factory):
    """The address of an S3 server that holds the images of the small Open Images but one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    session = requests.Session()
    session.trust_env = False
    for _ in range(300):
        try:
            session.put(f"{address}/open-images-dataset").raise_for_status()
            break
        except requests.ConnectionError:
            time.sleep(0.1)
    headers = {"x-amz-acl": "public-read"}
    for path, data in world.files.items():
        if path.startswith(f"/{IMAGES}") and not path.endswith(f"{world.ids('test')[0]}.jpg"):
            key = path.removeprefix(f"/{IMAGES}")
            session.put(f"{address}/open-images-dataset/{key}", data=data, headers=headers).raise_for_status()
    session.close()
    yield address
    process.terminate()
    process.wait()
    log.close()


@needs_oidv6
def test_oidv6_brings_the_images_and_the_native_engine_what_it_leaves_out(
    download, server, world, s3, tmp_path
):
    native = Downloads(server, tmp_path / "native")
    assert native(type_data="test", limit=4) == 0
    server.forget()
    assert download(type_data="test", limit=4, engine="oidv6", s3_endpoint=s3) == 0
    assert "oidv6 fetched 3 of 4 images" in download.text
    assert [name for name, _ in server.asked("/images/")] == [world.path_of("test", world.ids("test")[0])]
    assert files_of(download.root) == files_of(native.root)
    assert download.lock.read_bytes() == native.lock.read_bytes()


@needs_oidv6
def test_one_image_of_a_class_with_a_space(download, world, s3):
    given = {"classes": ["Human eye"], "limit": 1, "engine": "oidv6", "s3_endpoint": s3}
    assert download(**given) == 0
    assert "oidv6 fetched 1 of 1 images" in download.text
    assert download(**given) == 0 and "oidv6" not in download.text


@needs_oidv6
def test_labels_are_those_that_oidv6_writes(download, world, tmp_path):
    """oidv6 takes the images as there already, and so writes labels alone."""
    assert download(no_labels=False) == 0
    ours = files_of(download.root / "validation" / "pumpkin" / "labels")
    root = tmp_path / "oidv6"
    shutil.copytree(download.root / "validation", root / "validation", ignore=lambda *_: ["labels"])
    for folder, path in (
        ("metadata", "class-descriptions-boxable.csv"),
        ("boxes", "validation-annotations-bbox.csv"),
    ):
        (root / folder).mkdir()
        (root / folder / path).write_bytes(world.files[f"/{ANNOTATIONS}v5/{path}"])
    arguments = {
        "command": "downloader", "dataset": str(root), "type_data": "validation", "classes": ["Pumpkin"],
        "limit": 0, "multi_classes": False, "yes": True, "no_labels": False,
    }  # fmt: skip
    command = [sys.executable, "-m", "pumpkin.openimages.oidv6_driver", json.dumps(arguments)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    theirs = files_of(root / "validation" / "pumpkin" / "labels")
    assert set(theirs) == set(ours)
    assert {name: sorted(data.splitlines()) for name, data in theirs.items()} == {
        name: sorted(data.splitlines()) for name, data in ours.items()
    }


@needs_oidv6
def test_damaged_files_do_not_pass_the_audit(download, server, world, monkeypatch):
    def leave_halves(images, choice, dataset, *_):
        found = {}
        for image in images:
            path = Path(dataset) / ".oidv6" / f"{image.image_id}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(world.files[world.path_of(image.split, image.image_id)][:1000])
            found[image.key] = path
        return found

    monkeypatch.setattr(oidv6_driver, "fetch", leave_halves)
    assert download(engine="oidv6") == 0
    assert "oidv6 fetched 0 of 5 images" in download.text and not (download.root / ".oidv6").exists()
    assert len(server.asked("/images/")) == 5


@needs_oidv6
def test_without_aws_the_native_engine_does_it(download, server, monkeypatch):
    which = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, **given: None if name == "aws" else which(name, **given)
    )
    assert download(engine="oidv6") == 0
    assert "needs the command aws" in download.text and len(server.asked("/images/")) == 5


@pytest.mark.parametrize("name", ["a;b", "a$b", "a`b", 'a"b', "a&b", "a|b", "a\nb", "a'b", "a*b", "(a)"])
def test_paths_that_a_shell_would_read_are_refused(download, server, tmp_path, name):
    with pytest.raises(UsageError, match="to a shell"):
        download(engine="oidv6", dataset=str(tmp_path / name))
    assert server.requests == [] and not (tmp_path / name).exists()


def test_without_the_package_it_says_how_to_get_it(download, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install oidv6"):
        download(engine="oidv6")
