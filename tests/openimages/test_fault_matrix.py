"""A property: whatever a server does in one run, it ends as documented, and the next run mends it.

Each seed composes faults. A run with them ends with a documented exit code, by few requests, and touches no
file of the user's. A run without them then gives the bytes of a run that met no fault.
"""

import contextlib
import hashlib
import signal

import pytest

from mrcnn.http import Retry
from mrcnn.weights import downloads
from mrcnn.weights.downloads import DownloadError, KnownFile, fetch
from pumpkin.openimages.errors import ERRORS, exit_code
from tests.openimages.conftest import Downloads, files_of
from tests.openimages.faulty import IMAGES, ZIPS, compose
from tests.openimages.server import FileServer

HASTY = Retry(attempts=2, backoff=0, longest=0, connect=0.5, read=0.15, patience=0.15)
PATIENT = Retry(attempts=6, backoff=0.1, connect=10, read=10, patience=10)
USERS = {
    "notes.txt": b"mine", ".holiday.mov.part": b"film", "validation/pumpkin/.cat.jpg.7.tmp": b"half",
    "metadata/my.json": b"{}", "validation/pumpkin/masks/.drawing.7.tmp": b"half",
}  # fmt: skip
# A run asks for 28 files: 2 lists, 16 ends of zips, 3 tables, 5 images and the masks of 2 to 5 zips. Each of
# 2 attempts follows 5 redirects, and damaged images and masks are asked for 3 times.
MOST_REQUESTS = 2 * 6 * 3 * 28
SEEDS = [pytest.param(seed, marks=[] if seed < 40 else pytest.mark.slow) for seed in range(300)]


@contextlib.contextmanager
def at_most(seconds):
    """Fail if the block takes so long that a wait without an end is the only reason."""

    def fail(*_):
        raise AssertionError(f"the run did not end within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def put_users_files(download):
    for name, data in USERS.items():
        path = download.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (download.root.parent / "neighbour").mkdir()
    (download.root.parent / "neighbour" / "0123456789abcdef.jpg").write_bytes(b"mine")


def run(download, retry, attribution=True, **given):
    """The exit code of a download, from its result or from an error that is meant for users."""
    try:
        return download(attribution=attribution, retry=retry, connections=1, **given)
    except ERRORS as error:
        download.lines.append(str(error))
        return exit_code(error)


@pytest.fixture(scope="module")
def undisturbed(world, tmp_path_factory):
    server = FileServer(dict(world.files))
    download = Downloads(server, tmp_path_factory.mktemp("undisturbed") / "pumpkin")
    put_users_files(download)
    assert run(download, PATIENT) == 0
    server.close()
    return files_of(download.root.parent)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_without_faults_mends_one_with_them(download, server, undisturbed, seed):
    put_users_files(download)
    server.faults = compose(seed)
    with at_most(60):
        assert run(download, HASTY) in range(5), server.faults
        assert len(server.requests) < MOST_REQUESTS, server.faults
        kept = files_of(download.root.parent)
        assert {name: kept[f"pumpkin/{name}"] for name in USERS} == USERS, server.faults
        faults, server.faults = server.faults, []
        assert run(download, PATIENT) == 0, (faults, download.text)
    assert files_of(download.root.parent) == undisturbed, faults


@pytest.mark.parametrize("seed", SEEDS)
def test_a_locked_run_without_faults_mends_one_with_them(download, server, undisturbed, tmp_path, seed):
    lock = tmp_path / "given.lock.json"
    lock.write_bytes(undisturbed["pumpkin.lock.json"])
    server.faults = compose(seed, ZIPS + IMAGES)
    with at_most(60):
        assert run(download, HASTY, lock=str(lock), attribution=False) in range(5), server.faults
        faults, server.faults = server.faults, []
        assert run(download, PATIENT, lock=str(lock), attribution=False) == 0, (faults, download.text)
        assert download(verify=True, lock=str(lock)) == 0, (faults, download.text)


BODY = b"\x89HDF\r\n\x1a\n" + bytes(k * k % 251 for k in range(300_000))


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_are_whole_or_absent(tmp_path, monkeypatch, seed):
    server = FileServer({"/weights.h5": BODY})
    file = KnownFile("weights.h5", "", hashlib.md5(BODY).hexdigest(), len(BODY))
    monkeypatch.setitem(downloads.FILES, "test", file)
    server.faults = compose(seed, ("weights",))
    with at_most(60):
        for retry in (HASTY, PATIENT):
            monkeypatch.setattr(downloads, "Retry", lambda *_, retry=retry, **__: retry)
            with contextlib.suppress(DownloadError) if retry is HASTY else contextlib.nullcontext():
                assert fetch("test", tmp_path, server.url).read_bytes() == BODY
            assert set(files_of(tmp_path)) <= {"weights.h5", ".weights.h5.part", ".weights.h5.lock"}
            faults, server.faults = server.faults, []
    assert files_of(tmp_path) == {"weights.h5": BODY, ".weights.h5.lock": b""}, faults
    server.close()
