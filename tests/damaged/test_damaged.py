"""Files that lie: seeded mutations of every kind of file end in a result or a sentence, never otherwise."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.damaged.kinds import KINDS

pytestmark = pytest.mark.skipif(os.name == "nt", reason="time limits by signals")
ROOT = Path(__file__).resolve().parents[2]
FEW, MANY = 20, 500
SECONDS = 900  # for a process, on a busy machine
HARMLESS = {"hashes", "result"}  # what is in them can be found anew


def read_mutations(names, first, last, folder):
    """What a process finds that reads mutations of some kinds: {name: ends}, see process.run."""
    words = [sys.executable, "-m", "tests.damaged.process", str(first), str(last), str(folder), *names]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stdout.splitlines()[-1])


def check(found, count):
    for name, ends in found.items():
        assert ends["works"] + ends["refused"] == count, name
        assert (ends["refused"] > 0) == (name not in HARMLESS), name


def test_damage_is_harmless_or_named(tmp_path):
    found = read_mutations(KINDS, 0, FEW, tmp_path)
    assert list(found) == list(KINDS)
    check(found, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_much_damage_is_harmless_or_named(tmp_path, name):
    check(read_mutations([name], FEW, MANY, tmp_path), MANY - FEW)
