"""Known weights files over HTTP: a real server that misbehaves in every way that servers do."""

import hashlib
import http.server
import re
import threading

import keras
import numpy as np
import pytest

from mrcnn.weights import downloads
from mrcnn.weights.downloads import DownloadError, KnownFile, fetch

BODY = b"\x89HDF\r\n\x1a\n" + np.random.default_rng(1).bytes(300_000)
FILE = KnownFile("weights.h5", "http://example.invalid/never", hashlib.md5(BODY).hexdigest(), len(BODY))


class Server(http.server.ThreadingHTTPServer):
    """Serves BODY; each request takes the next of ``faults`` and is noted in ``ranges``.

    A fault is a status, the number of bytes after which the connection is cut, or None.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.faults, self.ranges, self.continues = BODY, [], [], True
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/mirror/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.entered.set()
        self.server.go_on.wait(10)
        self.server.ranges.append(self.headers.get("Range"))
        fault = self.server.faults.pop(0) if self.server.faults else None
        if fault in (403, 404, 429, 503):
            return self.send_error(fault)
        if self.path != "/mirror/weights.h5":
            return self.send_error(404)
        body, wanted = self.server.body, self.headers.get("Range")
        start = int(re.fullmatch(r"bytes=(\d+)-\d*", wanted)[1]) if wanted and self.server.continues else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : start + fault] if fault else body[start:])

    def log_message(self, *args):
        """Nothing: the tests' output stays clean."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("MRCNN_WEIGHTS_URL", raising=False)
    monkeypatch.setitem(downloads.FILES, "test", FILE)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def get(server, folder, name="test"):
    return fetch(name, folder, server.url, retry_wait=0.01)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_file_is_fetched_once(server, tmp_path):
    folder = tmp_path / "new" / "cache"
    path = get(server, folder)
    assert path == folder / "weights.h5"
    assert path.read_bytes() == BODY
    assert get(server, folder) == path
    assert server.ranges == [None]
    assert leftovers(folder) == ["weights.h5"]
    assert fetch("test", folder, offline=True) == path


def test_address_and_folder_come_from_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MRCNN_WEIGHTS_URL", server.url.rstrip("/"))
    monkeypatch.setenv("MRCNN_CACHE", str(tmp_path))
    assert fetch("test").read_bytes() == BODY
    assert (tmp_path / "weights.h5").exists()


def test_the_default_folder_is_in_the_home(server, tmp_path, monkeypatch):
    monkeypatch.delenv("MRCNN_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetch("test", base_url=server.url) == tmp_path / ".cache/mrcnn/weights.h5"


def test_a_damaged_file_in_the_cache_is_replaced(server, tmp_path):
    for damage in (BODY[:-1], BODY[:-1] + b"?", b""):
        (tmp_path / "weights.h5").write_bytes(damage)
        assert get(server, tmp_path).read_bytes() == BODY
    assert server.ranges == [None] * 3


def test_busy_servers_are_asked_again(server, tmp_path):
    server.faults = [503, 429, None]
    assert get(server, tmp_path).read_bytes() == BODY
    assert len(server.ranges) == 3


def test_a_broken_connection_is_continued(server, tmp_path):
    server.faults = [100_000, 80_000]
    assert get(server, tmp_path).read_bytes() == BODY
    last = len(BODY) - 1
    assert server.ranges == [None, f"bytes=100000-{last}", f"bytes=180000-{last}"]


def test_a_server_that_does_not_continue_sends_all_again(server, tmp_path):
    server.continues = False
    server.faults = [100_000]
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.ranges == [None, f"bytes=100000-{len(BODY) - 1}"]


def test_the_next_process_continues(server, tmp_path):
    server.faults = [100_000, 503, 503, 503]
    with pytest.raises(DownloadError, match="the server answers 503"):
        get(server, tmp_path)
    assert leftovers(tmp_path) == [".weights.h5.part"]
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.ranges[-1] == "bytes=100000-"


@pytest.mark.parametrize("left", [b"of another file", BODY + b"too much", bytes(len(BODY))])
def test_a_remainder_of_another_file_is_dropped(server, tmp_path, left):
    (tmp_path / ".weights.h5.part").write_bytes(left)
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.ranges[-1] is None
    assert leftovers(tmp_path) == ["weights.h5"]


def test_a_wrong_checksum_is_told_and_nothing_kept(server, tmp_path):
    server.body = BODY[:-1] + bytes([BODY[-1] ^ 1])
    actual = hashlib.md5(server.body).hexdigest()
    with pytest.raises(DownloadError, match=f"the downloaded file has md5 {actual} instead of {FILE.digest}"):
        get(server, tmp_path)
    assert leftovers(tmp_path) == []
    server.body = BODY[:-1]
    with pytest.raises(
        DownloadError, match=f"the downloaded file has {len(BODY) - 1} bytes instead of {len(BODY)}"
    ):
        get(server, tmp_path)
    assert leftovers(tmp_path) == []


def test_sha256_is_known_by_its_length(server, tmp_path, monkeypatch):
    digest = hashlib.sha256(BODY).hexdigest()
    monkeypatch.setitem(downloads.FILES, "test", KnownFile("weights.h5", "", digest))
    assert get(server, tmp_path).read_bytes() == BODY
    server.body = BODY + b"?"
    with pytest.raises(DownloadError, match=r"has sha256 .* instead of"):
        get(server, tmp_path / "other")


def test_without_a_checksum_it_must_be_hdf5_and_starts_anew(server, tmp_path, monkeypatch):
    monkeypatch.setitem(downloads.FILES, "test", KnownFile("weights.h5", ""))
    (tmp_path / ".weights.h5.part").write_bytes(BODY[:1000])
    assert get(server, tmp_path).read_bytes() == BODY
    server.body = b"<html>Please log in to this network</html>"
    with pytest.raises(DownloadError, match="the downloaded file is not an HDF5 file"):
        get(server, tmp_path / "other")
    assert server.ranges == [None, None]


def test_a_missing_file_is_told_at_once_with_what_to_do(server, tmp_path):
    server.faults = [404]
    with pytest.raises(DownloadError) as error:
        get(server, tmp_path)
    url = f"{server.url}weights.h5"
    assert str(error.value) == (
        f"weights.h5 cannot be downloaded from {url}: the server answers 404, there is no such file. "
        f"Start without it, or download {url} yourself and pass the path of the file."
    )
    assert len(server.ranges) == 1


def test_no_network(server, tmp_path):
    address = server.url
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match=r"the connection fails, 4 times in a row\. Start without it, or"):
        fetch("test", tmp_path, address, retry_wait=0.01)
    with pytest.raises(DownloadError, match="is not there, and downloads are off"):
        fetch("test", tmp_path, address, offline=True)


def test_bad_addresses_and_folders(server, tmp_path):
    with pytest.raises(DownloadError, match=r"cannot be downloaded from no-address/weights\.h5"):
        fetch("test", tmp_path, "no-address", retry_wait=60)
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="file"):
        get(server, tmp_path / "file" / "cache")


def test_two_at_once_take_turns(server, tmp_path):
    server.go_on.clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(get(server, tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert server.entered.wait(10)
    server.go_on.set()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() == BODY for path in found] == [True, True]
    assert server.ranges == [None]


def test_unknown_names(tmp_path):
    with pytest.raises(DownloadError, match=r"No weights are known for 'cocoa', .*the nearest is 'coco'"):
        fetch("cocoa", tmp_path)


def test_download_writes_where_it_is_told(server, tmp_path):
    path = downloads.download("test", tmp_path / "mine.h5", server.url)
    assert path == tmp_path / "mine.h5"
    assert path.read_bytes() == BODY


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the same everywhere, and slow elsewhere")
@pytest.mark.parametrize("name", [name for name in downloads.FILES if name != "coco"])
def test_files_of_backbones_are_those_that_keras_would_fetch(name, tmp_path, monkeypatch):
    """keras.applications itself, with a fetcher that records its request for weights."""
    asked = {}

    class Noted(Exception):
        pass

    def note(fname, origin, **kwargs):
        asked.update(name=fname, url=origin, digest=kwargs.get("file_hash"))
        raise Noted

    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", note)
    build = {"resnet50": "ResNet50", "resnet101": "ResNet101"}.get(name, name)
    with pytest.raises(Noted):
        getattr(keras.applications, build)(include_top=False, input_shape=(224, 224, 3))
    file = downloads.FILES[name]
    assert asked == {"name": file.name, "url": f"{file.address}/{file.name}", "digest": file.digest}


def test_the_coco_file_is_matterports():
    file = downloads.FILES["coco"]
    assert file.name == "mask_rcnn_coco.h5"
    assert (file.size, file.digest) == (257_557_808, "e98aaff6f99e307b5e2a8a3ff741a518")
