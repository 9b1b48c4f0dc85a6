"""How commands end: exit statuses, and errors of the system as sentences with the file."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mrcnn.config import ConfigError
from mrcnn.files import replacing, replacing_folder
from pumpkin.ending import run, sentence

ROOT = Path(__file__).resolve().parents[2]


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(("returned", "status"), [(0, 0), (3, 3), (None, 0)])
def test_the_status_is_that_of_the_action(returned, status):
    assert run("check", lambda: returned) == status


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ValueError("a.json: is empty."), 1, "check: a.json: is empty.\n"),
        (OSError(errno.EACCES, "Permission denied", "a.png"), 1, "check: a.png: permission denied.\n"),
        (OSError("no image"), 1, "check: no image\n"),
        (KeyError("x"), 1, "check: 'x'\n"),
        (KeyboardInterrupt(), 130, "\ncheck: stopped; nothing is written.\n"),
        (ConfigError("a.yaml: 1.", "a.yaml: 2\x1b."), 1, "check: a.yaml: 1.\na.yaml: 2\\x1b.\n"),
        (ValueError("a\nFine."), 1, "check: a\\nFine.\n"),
    ],
)  # fmt: skip
def test_errors_are_a_line(capsys, error, status, told):
    assert run("check", raising(error), (KeyError,), stopped=(130, "stopped; nothing is written.")) == status
    assert capsys.readouterr().err == told


def test_the_status_of_an_error_is_the_commands(capsys):
    assert run("check", raising(ValueError("a")), status=lambda error: len(str(error)) + 6) == 7
    assert run("check", raising(KeyboardInterrupt()), stopped=(2, "stopped.")) == 2


def test_errors_go_to_the_report():
    lines = []
    assert run("check", raising(ConfigError("a.", "b.")), report=lines.append) == 1
    assert lines == ["check: a.", "b."]


def test_other_errors_are_mistakes_of_ours():
    with pytest.raises(KeyError):
        run("check", raising(KeyError("x")))


def test_a_temporary_file_has_its_final_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as caught, replacing(tmp_path / "a.png") as file:
        raise OSError(errno.EACCES, "Permission denied", file.name)
    assert sentence(caught.value) == f"{tmp_path / 'a.png'}: permission denied."
    with pytest.raises(OSError) as caught, replacing_folder(tmp_path / "new") as folder:
        (folder / "b/c.txt").read_text()
    assert sentence(caught.value) == f"{tmp_path / 'new/b/c.txt'}: no such file or directory."


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError) as caught, replacing(tmp_path / "a.png"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert sentence(caught.value) == f"{tmp_path / 'a.png'}: no space left on device."


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
@pytest.mark.parametrize("length", [3, 100_000])  # shorter and longer than the buffer of the output
def test_a_reader_that_leaves_is_no_error(length):
    code = f"from pumpkin.ending import run; raise SystemExit(run('check', lambda: print('x' * {length})))"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
