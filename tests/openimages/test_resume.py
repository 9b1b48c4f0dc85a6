"""Downloads that are killed at many points and run again end as if nothing had happened."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.openimages.conftest import Downloads, files_of
from tests.openimages.server import Fault, FileServer
from tests.openimages.world import ANNOTATIONS, IMAGES

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "download.py"


@pytest.fixture(scope="module")
def unharmed(world, tmp_path_factory):
    server = FileServer(dict(world.files))
    download = Downloads(server, tmp_path_factory.mktemp("unharmed") / "pumpkin")
    assert download() == 0
    server.close()
    return files_of(download.root), download.lock.read_bytes(), len(server.requests)


OURS = [
    "manifest.json", "attribution.csv", "metadata/classes-segmentation.txt",
    "metadata/index/test-masks-a.json",
    "metadata/rows/test-boxes.csv.json", "validation/pumpkin/0123456789abcdef.jpg",
    "validation/pumpkin/masks/0123456789abcdef_m05zsy_01234567.png", "test/fig/labels/0123456789abcdef.txt",
    "test/fig/crowds/0123456789abcdef.csv", "multidata/test/human_eye_0123456789abcdef.jpg",
]  # fmt: skip
USERS = [
    ".holiday.mov.part", ".notes.txt.7.tmp", "films/.holiday.mov.7.tmp", "validation/pumpkin/.cat.jpg.7.tmp",
    "metadata/.notes.json.7.tmp", "validation/pumpkin/masks/.notes.txt.7.tmp", ".manifest.json.tmp",
    "films/test/.manifest.json.7.tmp", "a/b/c/d/.0123456789abcdef.jpg.7.tmp", ".manifest.json.7.part",
]  # fmt: skip


@pytest.mark.parametrize("dry_run", [True, False])
def test_only_files_of_ours_are_removed(download, dry_run):
    left = [download.root / path for path in OURS]
    left = [path.with_name(f".{path.name}.7.tmp") for path in left]
    users = [download.root / path for path in USERS]
    for path in left + users:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    assert download(dry_run=dry_run) == 0
    assert [path for path in left if path.exists()] == (left if dry_run else [])
    assert [path for path in users if path.read_text() != "half"] == []


class Killed(BaseException):
    """Stands for a process that ends here."""


@pytest.mark.parametrize("step", [1, 2, 3])
def test_ended_at_any_write(server, unharmed, tmp_path, monkeypatch, step):
    """Before, and after, every third rename of a run."""
    replace, points = os.replace, 0
    for last in range(step, 60, 3):
        count = []

        def dying(source, target, last=last, count=count):
            count.append(target)
            if len(count) == last:
                left = Path(target).with_name(f".{Path(target).name}.7.tmp")
                shutil.copy(source, left)  # as SIGKILL leaves it
                if last % 2:
                    replace(source, target)
                raise Killed

        download = Downloads(server, tmp_path / str(last))
        monkeypatch.setattr(os, "replace", dying)
        try:
            assert download(connections=2) == 0
        except Killed:
            points += 1
        monkeypatch.setattr(os, "replace", replace)
        here = {path.stem for path in download.root.rglob("*.jpg") if not path.name.startswith(".")}
        server.forget()
        assert download() == 0
        assert (files_of(download.root), download.lock.read_bytes()) == unharmed[:2]
        assert not list(download.root.rglob("*.tmp"))
        assert not {name.rsplit("/", 1)[1][:-4] for name, _ in server.asked("/images/")} & here
    assert points > 10


def start(server, root, timeout="2"):
    command = [
        sys.executable, str(SCRIPT), "--dataset", str(root), "--type_data", "validation", "--yes",
        "--annotations-url", server.url + ANNOTATIONS, "--images-url", server.url + IMAGES,
        "--connections", "4", "--timeout", timeout,
    ]  # fmt: skip
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # whatever the shell did
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.75, 0.9])
def test_killed_in_the_middle_of_a_body(server, unharmed, tmp_path, share):
    """The process is killed while a server sends; then it runs again, and is not killed."""
    download = Downloads(server, tmp_path / "pumpkin")
    number = int(share * unharmed[2])
    original = server.take_fault

    def count(path, ranged):
        if len(server.requests) == number:
            process.send_signal(signal.SIGKILL)
            return Fault("", "cut", 0.5)
        return original(path, ranged)

    server.take_fault = count
    process = start(server, download.root)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    server.take_fault = original
    assert download() == 0
    assert (files_of(download.root), download.lock.read_bytes()) == unharmed[:2]


ENDLESS = ("endless", b"HTTP/1.1 100 Continue\r\n\r\n")
DRIP = ("drip", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000)


@pytest.mark.parametrize(
    ("target", "fault"),
    [("-masks-", ("hang", None)), ("bbox.csv", ("hang", None)), ("/images/", ("hang", None)),
     ("class-descriptions", ENDLESS), ("-masks-", ENDLESS), ("/images/", DRIP)],
)  # fmt: skip
def test_ctrl_c_is_told_in_a_sentence(server, unharmed, tmp_path, target, fault):
    """However long the server may take: the time limit is ten minutes."""
    download = Downloads(server, tmp_path / "pumpkin")
    server.faults.append(Fault(target, *fault))
    original = server.take_fault

    def interrupt(path, ranged):
        if target in path and not told:
            told.append(path)
            process.send_signal(signal.SIGINT)
            server.closing.wait(0.2)
        return original(path, ranged)

    told = []
    server.take_fault = interrupt
    process = start(server, download.root, timeout="600")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    assert "stopped; run the same command again" in output and "Traceback" not in output
    server.take_fault, server.faults = original, []
    assert download() == 0
    assert (files_of(download.root), download.lock.read_bytes()) == unharmed[:2]
