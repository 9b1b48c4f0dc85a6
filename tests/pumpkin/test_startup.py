"""The backend starts without a word, unless it cannot start."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def start(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", f"from pumpkin.startup import import_backend; {script}"],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_greeting_is_held_back_and_later_messages_are_not():
    done = start("import sys; import_backend(); print('after', file=sys.stderr)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "after\n")


def test_a_backend_that_cannot_start_is_told():
    done = start("import_backend()", KERAS_BACKEND="abacus")
    assert done.returncode == 1
    assert "abacus" in done.stderr
