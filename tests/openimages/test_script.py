"""The command line: its exit codes and its one sentence."""

import pytest

from pumpkin.commands import download
from pumpkin.openimages.download import run
from tests.openimages.server import Fault
from tests.openimages.world import ANNOTATIONS, IMAGES, image_id, pack


@pytest.fixture
def command(server, tmp_path, monkeypatch, capsys):
    """Runs the script with its addresses from the environment; (exit code, stdout, stderr)."""
    monkeypatch.setenv("PUMPKIN_OPENIMAGES_URL", server.url + ANNOTATIONS)
    monkeypatch.setenv("PUMPKIN_IMAGES_URL", server.url + IMAGES)

    def run(*words):
        fast = ["--dataset", str(tmp_path / "d"), "--backoff", "0.01", "--attempts", "2", "--timeout", "1"]
        try:
            code = download.main([*fast, *words])
        except SystemExit as left:
            code = left.code
        return code, *capsys.readouterr()

    return run


def test_complete(command, tmp_path):
    code, out, err = command("--type_data", "validation", "--yes")
    assert (code, err) == (0, "")
    assert "5 images, 9 masks, 2 crowd regions" in out
    assert (tmp_path / "d.lock.json").is_file()
    assert command("--verify")[0] == 0
    assert command("--lock", str(tmp_path / "d.lock.json"), "--yes")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--limit", "-1"], "--limit"), (["--limit", "x"], "invalid int"), (["--nonsense"], "--nonsense"),
     (["--type_data", "val"], "train, validation, test, all"), (["--classes"], "--classes"),
     (["--engine", "curl"], "native or oidv6"), (["--lock", "x", "--limit", "3"], "--limit makes another"),
     (["--lock", "x"], "no lock file x"), (["--attempts", "0"], "--attempts"),
     (["--verify", "--seed", "1"], "--seed makes another"),
     (["--classes", "Pumpkim", "--yes"], "Pumpkin"), (["--verify"], "no lock file"),
     (["--annotations-url", "mirror"], "http"), (["--engine", "oidv6", "--dataset", "a;b"], "shell")],
)  # fmt: skip
def test_wrong_usage(command, words, message):
    code, _, err = command(*words)
    assert code == 1
    assert message in err and "Traceback" not in err
    assert len([line for line in err.splitlines() if line.startswith("download: ")]) == 1


def test_partial(command, server):
    server.faults.append(Fault(image_id("validation", 0), "status", 404))
    code, out, _ = command("--type_data", "validation", "--yes")
    assert code == 2 and "Partial: " in out


def test_integrity(command, server, world):
    path = world.zip_of("validation", image_id("validation", 0))
    server.files[path] = server.files[path][:500]
    code, _, err = command("--type_data", "validation", "--yes")
    assert code == 3 and "is truncated" in err


ESCAPE = "\x1b[2J\x1b]0;title\x07\x9b1m"


def rename(name):
    """A server's fault: the header of a CSV file, or a list of classes, with escapes."""
    return "body", lambda data: data.replace(name.encode(), ESCAPE.encode())


@pytest.mark.parametrize(
    ("target", "fault", "code"),
    [("class-descriptions", rename("Pumpkin"), 1), ("class-descriptions", rename("/m/05zsy"), 3),
     ("bbox.csv", rename("ImageID"), 3), ("class-descriptions", ("redirect", f"file://{ESCAPE}"), 4),
     ("class-descriptions", ("raw", f"HTTP/1.1 500 {ESCAPE}\r\n\r\n".encode()), 4),
     ("class-descriptions", ("raw", f"{ESCAPE}\r\n\r\n".encode()), 4),
     ("bbox.csv", ("headers", {"Content-Range": ESCAPE, "ETag": ESCAPE}), 0)],
)  # fmt: skip
def test_no_escapes_of_a_server_reach_the_terminal(command, server, target, fault, code):
    server.faults.append(Fault(target, *fault))
    found, out, err = command("--type_data", "validation", "--yes")
    assert found == code, err
    assert all(line.isprintable() for line in (out + err).split("\n"))


def test_no_escapes_of_a_zip_reach_the_terminal(command, server, world):
    name = image_id("validation", 0)
    members = {n: d for n, d in world.masks["validation"].items() if n[0] == name[0]}
    server.files[world.zip_of("validation", name)] = pack(members | {f"{ESCAPE}_m05zsy_01234567.png": b"x"})
    code, out, _ = command("--type_data", "validation", "--yes")
    assert code == 2 and all(line.isprintable() for line in out.split("\n"))
    assert r"\x1b[2J\x1b]0;title\x07\x9b1m_m05zsy_01234567.png: its name is not" in out


def test_network(command, server):
    server.faults.append(Fault("class-descriptions", "status", 500))
    code, _, err = command("--yes")
    assert code == 4 and "run the same command again" in err


def test_a_dry_run_and_the_help(command):
    code, out, _ = command("--dry-run", "--type_data", "validation")
    assert code == 0 and "To fetch: 5 images" in out
    code, out, _ = command("--help")
    assert code == 0 and "PUMPKIN_IMAGES_URL" in out


def test_a_reader_that_leaves_is_no_full_disk(download):
    def report(line):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(download.options(), report)
