"""Lines go to the screen and, once it is known, to the file; one process per folder."""

import subprocess
import sys

import pytest

from mrcnn.training.errors import RunError
from mrcnn.training.log import tee


def test_lines_before_and_after_the_file_is_known(tmp_path, capsys):
    path = tmp_path / "train.log"
    path.write_text("an earlier process\n")
    with tee() as log:
        log.report("one")
        log.write_to(path)
        log.error("two")
        log.write_to(path)
        log.report("three")
    assert path.read_text().splitlines() == ["an earlier process", "one", "two", "three"]
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("one\nthree\n", "two\n")


def test_another_process_is_kept_off_as_long_as_this_one_writes(tmp_path):
    path = tmp_path / "train.log"
    other = f"from mrcnn.training.log import tee\nwith tee() as log:\n    log.write_to({str(path)!r})"
    words = [sys.executable, "-c", other]
    with tee() as log:
        log.write_to(path)
        done = subprocess.run(words, capture_output=True, text=True)
        assert f"RunError: {tmp_path}: another process is training in this folder." in done.stderr
    assert subprocess.run(words, capture_output=True).returncode == 0
    with tee() as log, tee() as second:
        log.write_to(path)
        with pytest.raises(RunError, match="another process"):
            second.write_to(path)
