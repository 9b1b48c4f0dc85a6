"""A small Open Images on its own server, and downloads from it with short waits."""

import pytest

from mrcnn.http import Retry
from pumpkin.openimages.download import Options, run
from tests.openimages.server import FileServer
from tests.openimages.world import ANNOTATIONS, IMAGES, World

FAST = Retry(attempts=4, backoff=0.01, longest=0.05, connect=2, read=1, patience=0.5)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Requests to the loopback use no proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("PUMPKIN_OPENIMAGES_URL", "PUMPKIN_IMAGES_URL", "PUMPKIN_S3_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def world():
    return World()


@pytest.fixture
def server(world):
    server = FileServer(dict(world.files))
    yield server
    server.close()


class Downloads:
    """Runs downloads into ``root``; ``lines`` is what the last one reported."""

    def __init__(self, server, root):
        self.server, self.root, self.lines = server, root, []

    def options(self, **given):
        defaults = {
            "dataset": str(self.root), "yes": True, "retry": FAST, "type_data": "validation",
            "annotations_url": self.server.url + ANNOTATIONS, "images_url": self.server.url + IMAGES,
        }  # fmt: skip
        return Options(**{**defaults, **given})

    def __call__(self, ask=None, **given):
        self.lines = []
        return run(self.options(**given), self.lines.append, ask)

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def lock(self):
        return self.root.with_name(f"{self.root.name}.lock.json")


@pytest.fixture
def download(server, tmp_path):
    return Downloads(server, tmp_path / "pumpkin")


@pytest.fixture(scope="session")
def unharmed(world, tmp_path_factory):
    """(files, lock) of a download without faults; see ``result``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        server = FileServer(dict(world.files))
        download = Downloads(server, tmp_path_factory.mktemp("unharmed") / "pumpkin")
        assert download() == 0
        server.close()
    return result(download)


def result(download):
    """({relative path: bytes}, bytes of the lock file) of a download."""
    return files_of(download.root), download.lock.read_bytes()


def data_files(files):
    """Those of {path: bytes} that training reads."""
    return {name: data for name, data in files.items() if not name.startswith(("metadata", "."))}


def files_of(folder):
    """{relative path: bytes} of a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }
